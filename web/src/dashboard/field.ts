import { h, setText } from "../ui/dom";
import { copyButton } from "./copy";

/** A labelled value that can be copied. */
export class Field {
  readonly element: HTMLElement;
  private readonly value = h("code", { tabindex: 0 });

  constructor(label: string, failed: (error: unknown) => void, ...extra: HTMLElement[]) {
    this.element = h(
      "div",
      { class: "field" },
      h("span", { class: "field-label" }, label),
      h("div", { class: "field-box" }, this.value, ...extra, copyButton(`Copy ${label.toLowerCase()}`, () => this.copied(), failed)),
    );
  }

  /** What is copied; by default what is shown. */
  copied: () => string | Promise<string> = () => this.value.textContent ?? "";

  set text(text: string) {
    setText(this.value, text);
  }
}
