import { h } from "../ui/dom";

/** Text of the document: paragraphs, and code between backticks. */
export function prose(text: string): HTMLElement {
  const paragraphs = text.split(/\n\s*\n/).map((paragraph) =>
    h("p", {}, ...paragraph.split("`").map((piece, n) => (n % 2 === 1 ? h("code", {}, piece) : piece))),
  );
  return h("div", { class: "prose" }, ...paragraphs);
}
