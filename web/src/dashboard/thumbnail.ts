import { h } from "../ui/dom";
import { icon } from "../ui/icons";

const REFRESH_MS = 10_000;

/** The picture of the moment of a live stream; an emblem without one. */
export class Thumbnail {
  readonly element: HTMLElement;
  private readonly image = h("img", { alt: "", hidden: true });
  private askedAt = -Infinity;

  constructor(private readonly videoId: string) {
    this.image.addEventListener("load", () => (this.image.hidden = false));
    this.image.addEventListener("error", () => (this.image.hidden = true));
    this.element = h("span", { class: "thumbnail", "aria-hidden": "true" }, icon("signal"), this.image);
  }

  /** To be called with each status. */
  show(live: boolean, now: number): void {
    if (!live) {
      this.image.hidden = true;
      this.askedAt = -Infinity;
    } else if (now - this.askedAt >= REFRESH_MS) {
      this.askedAt = now;
      this.image.src = `/live/${encodeURIComponent(this.videoId)}/thumb.jpg?at=${now}`;
    }
  }
}
