import * as format from "../format";
import { h } from "../ui/dom";
import type { Event } from "./journal";

/** What happened to a stream, the latest first. */
export class EventsCard {
  readonly element: HTMLElement;
  private readonly list = h("ol", { class: "events" });

  constructor() {
    this.element = h("section", { class: "card" }, h("h2", {}, "Events"), this.list);
  }

  show(events: Event[]): void {
    const latest = events.toSorted((a, b) => b.at - a.at);
    this.list.replaceChildren(
      ...latest.map(({ at, kind, text }) => {
        const time = new Date(at);
        const clock = h("time", { datetime: time.toISOString(), title: format.dateTime(time.toISOString()) }, format.moment(at, Date.now()));
        return h("li", { "data-kind": kind }, clock, h("span", {}, text));
      }),
    );
  }
}
