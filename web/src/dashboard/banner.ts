import { Unreachable } from "../api/client";
import { h, setText } from "../ui/dom";
import { icon } from "../ui/icons";

/** Says why what is shown is old, for as long as it is: once for each reason, however often that is met. */
export class Banner {
  readonly element: HTMLElement;
  private readonly text = h("span");

  constructor() {
    this.element = h("p", { class: "banner", role: "alert", hidden: true }, icon("alert"), this.text);
  }

  show(error: unknown): void {
    setText(this.text, explain(error));
    this.element.hidden = false;
  }

  hide(): void {
    this.element.hidden = true;
  }
}

/** What is wrong, in words. */
export function explain(error: unknown): string {
  const reason = error instanceof Unreachable ? "Weir does not answer." : error instanceof Error ? error.message : String(error);
  return `${reason} Trying again…`;
}
