import { h } from "../ui/dom";
import type { Phase } from "./phase";

/** What is on air, as a still, until the first picture moves. */
export class Poster {
  readonly element = h("img", { class: "poster", alt: "", hidden: true });
  private wanted = false;

  constructor(private readonly url: string) {
    this.element.addEventListener("load", () => (this.element.hidden = !this.wanted));
  }

  show(phase: Phase): void {
    const wanted = phase === "starting";
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    // Another broadcast has another picture.
    if (wanted) this.element.src = `${this.url}?at=${Date.now()}`;
    else this.element.hidden = true;
  }
}
