import { Follow } from "../api/follow";
import * as format from "../format";
import { h } from "../ui/dom";
import { Journal } from "./journal";
import type { App } from "./page";

/** What happened to a stream, the latest first, as the server tells it. */
export class EventsCard {
  readonly element: HTMLElement;
  private readonly list = h("ol", { class: "events" });
  private readonly journal = new Journal();
  private readonly follow: Follow;

  /** `recorded` is told when there may be news of recordings. */
  constructor(app: App, videoId: string, recorded: () => void) {
    this.element = h("section", { class: "card" }, h("h2", {}, "Events"), this.list);
    this.follow = new Follow(app.client, videoId, (events) => {
      this.journal.add(events);
      this.show();
      if (events.some(({ type }) => type === "stream.live" || type.startsWith("recording."))) recorded();
    });
  }

  leave(): void {
    this.follow.leave();
  }

  private show(): void {
    this.list.replaceChildren(
      ...this.journal.entries.map(({ at, kind, text }) => {
        const time = new Date(at).toISOString();
        const clock = h("time", { datetime: time, title: format.dateTime(time) }, format.moment(at, Date.now()));
        return h("li", { "data-kind": kind }, clock, h("span", {}, text));
      }),
    );
  }
}
