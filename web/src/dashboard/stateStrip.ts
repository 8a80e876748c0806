import type { StreamStatus } from "../api/types";
import * as format from "../format";
import { h, setText } from "../ui/dom";
import { stateLabel, type StateLabel } from "./state";

export interface Span {
  kind: StateLabel["kind"];
  text: string;
  /** Milliseconds since the epoch. */
  from: number;
  until: number;
}

const LIMIT = 500;

/** The states that a stream went through, one after the other; bounded. */
export class States {
  readonly spans: Span[] = [];

  observe(status: StreamStatus, now: number): void {
    const { kind, text } = stateLabel(status);
    const last = this.spans.at(-1);
    if (last) last.until = now;
    if (last?.kind === kind && last.text === text) return;
    // The first state began before it was seen; of a live one it is known when.
    const began = last ? now : Date.parse((kind === "live" && status.startedAt) || "") || now;
    this.spans.push({ kind, text, from: began, until: now });
    if (this.spans.length > LIMIT) this.spans.shift();
  }
}

const SVG = "http://www.w3.org/2000/svg";

/** The states as a strip that is as long as the time seen. */
export class StateStrip {
  readonly element: HTMLElement;
  private readonly svg = document.createElementNS(SVG, "svg");
  private readonly since = h("span");

  constructor(private readonly states: States) {
    this.svg.setAttribute("class", "strip");
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("role", "img");
    this.element = h("div", { class: "states" }, this.svg, h("p", {}, this.since, h("span", {}, "now")));
  }

  show(): void {
    const { spans } = this.states;
    const [first, last] = [spans[0], spans.at(-1)];
    if (!first || !last) return;
    const length = Math.max(1, last.until - first.from);
    setText(this.since, format.moment(first.from, last.until));
    this.svg.setAttribute("viewBox", `0 0 ${length} 1`);
    this.svg.setAttribute("aria-label", spans.map(({ text, from }) => `${text} from ${format.dateTime(new Date(from).toISOString())}`).join(", "));
    this.svg.replaceChildren(
      ...spans.map(({ kind, text, from, until }) => {
        const rect = document.createElementNS(SVG, "rect");
        const title = document.createElementNS(SVG, "title");
        title.textContent = `${text}, ${format.clock((until - from) / 1000)}`;
        for (const [name, value] of [["x", from - first.from], ["y", 0], ["width", Math.max(0, until - from)], ["height", 1], ["data-kind", kind]]) {
          rect.setAttribute(String(name), String(value));
        }
        rect.append(title);
        return rect;
      }),
    );
  }
}
