import { clock, spokenClock } from "../format";
import { h, setText } from "../ui/dom";
import type { SeekRange } from "./seekRange";
import { Thumbs } from "./thumbs";

const STEP_S = 5;
const PAGES = 10;

/** The bar to go back and forth in what is kept: a slider for pointers, keys and screen readers. */
export class SeekBar {
  readonly element: HTMLElement;
  private readonly played = h("div", { class: "seek-played" });
  private readonly knob = h("div", { class: "seek-knob" });
  private readonly time = h("span", { class: "seek-time" });
  private readonly thumb = h("div", { class: "seek-thumb", hidden: true });
  private readonly bubble = h("div", { class: "seek-bubble", hidden: true, "aria-hidden": "true" }, this.thumb, this.time);
  private range: SeekRange | null = null;
  /** Where the viewer holds the knob, s. */
  private held: number | null = null;

  constructor(
    private readonly seekTo: (seconds: number) => void,
    private readonly thumbs: Thumbs,
  ) {
    this.element = h(
      "div",
      { class: "seek", role: "slider", tabindex: 0, "aria-label": "Position", "aria-valuemin": 0, hidden: true },
      h("div", { class: "seek-track" }, this.played),
      this.knob,
      this.bubble,
    );
    const { element } = this;
    element.addEventListener("pointerdown", (event) => this.hold(event));
    element.addEventListener("pointermove", (event) => this.hover(event));
    element.addEventListener("pointerup", () => this.release());
    element.addEventListener("pointercancel", () => this.letGo());
    element.addEventListener("pointerleave", () => {
      if (this.held === null) this.bubble.hidden = true;
    });
    element.addEventListener("keydown", (event) => this.onKey(event));
  }

  show(range: SeekRange | null): void {
    this.range = range;
    this.element.hidden = range === null;
    if (!range) {
      this.letGo();
      return;
    }
    const position = this.held ?? range.position;
    this.element.style.setProperty("--at", String(range.length > 0 ? position / range.length : 0));
    this.element.setAttribute("aria-valuemax", String(Math.round(range.length)));
    this.element.setAttribute("aria-valuenow", String(Math.round(position)));
    this.element.setAttribute("aria-valuetext", spoken(position, range));
  }

  private onKey(event: KeyboardEvent): void {
    const { range } = this;
    if (!range || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = sought(event.key, range);
    if (target === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.seekTo(target);
  }

  private hold(event: PointerEvent): void {
    if (event.button !== 0 || !this.range) return;
    this.element.setPointerCapture(event.pointerId);
    this.held = this.at(event);
    this.hover(event);
  }

  private hover(event: PointerEvent): void {
    const { range } = this;
    if (!range) return;
    const at = this.at(event);
    if (this.held !== null) {
      this.held = at;
      this.show(range);
    }
    this.bubble.hidden = false;
    this.element.style.setProperty("--over", String(range.length > 0 ? at / range.length : 0));
    setText(this.time, label(at, range));
    this.showThumb(range.skipped + at);
  }

  /** The picture of so many seconds from the beginning, where there is one. */
  private showThumb(at: number): void {
    const found = this.thumbs.at(at);
    this.thumb.hidden = found === null;
    if (!found) return;
    const { url, x, y, width, height } = found;
    Object.assign(this.thumb.style, {
      width: `${width}px`, height: `${height}px`, backgroundImage: `url("${url}")`, backgroundPosition: `-${x}px -${y}px`,
    });
  }

  private release(): void {
    const { held } = this;
    this.letGo();
    if (held !== null) this.seekTo(held);
  }

  private letGo(): void {
    this.held = null;
    this.bubble.hidden = true;
  }

  private at(event: PointerEvent): number {
    const { left, width } = this.element.getBoundingClientRect();
    const fraction = width > 0 ? Math.min(Math.max(0, (event.clientX - left) / width), 1) : 0;
    return fraction * (this.range?.length ?? 0);
  }
}

/** Where a key leads to; null for keys that a slider leaves alone. */
export function sought(key: string, { length, position }: SeekRange): number | null {
  const by = (seconds: number): number => Math.min(Math.max(0, position + seconds), length);
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return by(-STEP_S);
    case "ArrowRight":
    case "ArrowUp":
      return by(STEP_S);
    case "PageDown":
      return by(-Math.max(STEP_S, length / PAGES));
    case "PageUp":
      return by(Math.max(STEP_S, length / PAGES));
    case "Home":
      return 0;
    case "End":
      return length;
    default:
      return null;
  }
}

/** Since the beginning; on air, how long ago. */
export function label(position: number, { length, onAir }: SeekRange): string {
  return onAir ? `−${clock(length - position)}` : clock(position);
}

function spoken(position: number, { length, onAir }: SeekRange): string {
  if (!onAir) return `${spokenClock(position)} of ${spokenClock(length)}`;
  return length - position < 1 ? "Live" : `${spokenClock(length - position)} behind live`;
}
