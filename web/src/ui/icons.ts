// Line icons on a 24 px grid, drawn in the current colour.

const PATHS = {
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8.5 6v12M15.5 6v12",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  enlarge: "M4.5 9.5v-5h5M14.5 4.5h5v5M19.5 14.5v5h-5M9.5 19.5h-5v-5",
  reduce: "M9.5 4.5v5h-5M19.5 9.5h-5v-5M14.5 19.5v-5h5M4.5 14.5h5v5",
  window: "M3.5 6h17v12h-17zM12.5 12h5.5v4h-5.5z",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  people: "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3.5 19c.4-3.2 2.5-5 5.5-5s5.1 1.8 5.5 5M15.5 5.3a3 3 0 0 1 0 5.4M17 14.3c2 .5 3.2 2.2 3.5 4.7",
  copy: "M9 9h10.5v10.5H9zM5.5 15H4.5V4.5H15v1",
  check: "M5 12.5l4.5 4.5L19 7.5",
  eye: "M2.5 12C4.5 8 8 5.8 12 5.8S19.5 8 21.5 12c-2 4-5.5 6.2-9.5 6.2S4.5 16 2.5 12zM12 14.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6z",
  hide: "M4 4l16 16M9.9 6c.7-.1 1.4-.2 2.1-.2 4 0 7.5 2.2 9.5 6.2-.8 1.6-1.8 2.9-3 3.9M6.5 7.5c-1.7 1-3 2.6-4 4.5 2 4 5.5 6.2 9.5 6.2 1.7 0 3.2-.4 4.6-1.1",
  rotate: "M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 3.5v4h-4",
  plus: "M12 5v14M5 12h14",
  back: "M14.5 5.5L8 12l6.5 6.5",
  out: "M14 4.5h5.5v15H14M4 12h11M11.5 8.5L15 12l-3.5 3.5",
  open: "M13.5 4.5h6v6M19.5 4.5L11 13M9.5 6H4.5v13.5H18v-5",
  alert: "M12 4L2.8 19.5h18.4zM12 10v4.5M12 17v.2",
  stop: "M6.5 6.5h11v11h-11z",
  trash: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 12.5h9l1-12.5",
  signal: "M5 18.5v-3M10 18.5v-6.5M15 18.5V9M20 18.5v-13",
} as const;

export type Icon = keyof typeof PATHS;

export function icon(name: Icon): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [attribute, value] of [
    ["viewBox", "0 0 24 24"],
    ["class", "icon"],
    ["fill", "none"],
    ["stroke", "currentColor"],
    ["stroke-width", "1.8"],
    ["stroke-linecap", "round"],
    ["stroke-linejoin", "round"],
    ["aria-hidden", "true"],
  ] as const) {
    svg.setAttribute(attribute, value);
  }
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg as SVGSVGElement;
}
