const SVG = "http://www.w3.org/2000/svg";

/** The picture of a stream without a picture: water that steps down over a weir. */
export function waves(): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg") as SVGSVGElement;
  svg.setAttribute("class", "waves");
  svg.setAttribute("viewBox", "0 0 1600 900");
  svg.setAttribute("preserveAspectRatio", "xMidYMid slice");
  svg.setAttribute("aria-hidden", "true");
  for (let line = 0; line < 13; line += 1) {
    const path = document.createElementNS(SVG, "path");
    const y = 170 + line * 44;
    const [crest, drop] = [700 - line * 26, 74];
    path.setAttribute(
      "d",
      `M-40 ${y} H${crest} C${crest + 110} ${y} ${crest + 90} ${y + drop} ${crest + 200} ${y + drop} H1640`,
    );
    path.setAttribute("pathLength", "100");
    svg.append(path);
  }
  return svg;
}
