import type { StreamOptions, StreamStatus } from "../api/types";
import { h, setText } from "../ui/dom";
import { icon } from "../ui/icons";
import type { App, Page } from "./page";
import { Poll } from "./poll";
import { streamHash } from "./route";
import { StreamRow } from "./streamRow";
import { askWishes } from "./wishesForm";

const POLL_MS = 2_000;
const ORDER = { LIVE: 0, PENDING: 1, FAILED: 2, READY: 3 } as const;

/** All streams, the live ones first. */
export class StreamList implements Page {
  readonly element: HTMLElement;
  private readonly summary = h("p", { class: "summary" }, "Loading…");
  private readonly rows = h("ul", { class: "streams" });
  private readonly poll: Poll;
  private readonly known = new Map<string, StreamRow>();
  private readonly empty: HTMLElement;
  private defaults: StreamOptions | null = null;
  private left = false;

  constructor(private readonly app: App) {
    document.title = "Streams · Weir";
    this.empty = h(
      "li",
      { class: "empty" },
      h("h2", {}, "No streams yet"),
      h("p", {}, "Make one, paste its server and key into OBS, and press Start Streaming. Viewers see it seconds later."),
      this.createButton(),
    );
    this.element = h(
      "section",
      { class: "list" },
      h(
        "div",
        { class: "list-head" },
        h("div", {}, h("h1", {}, "Streams"), this.summary),
        this.createButton(),
      ),
      this.rows,
    );
    this.poll = new Poll(
      POLL_MS,
      async (signal) => {
        const { streams, defaults } = await app.client.list(signal);
        app.answered();
        this.defaults = defaults;
        this.show(sorted(streams));
      },
      (error) => app.missed(error),
    );
  }

  leave(): void {
    this.left = true;
    this.poll.stop();
  }

  private show(streams: StreamStatus[]): void {
    const live = streams.filter((stream) => stream.status === "LIVE");
    const watching = live.reduce((sum, stream) => sum + (stream.viewers ?? 0), 0);
    setText(this.summary, live.length === 0 ? "Nothing is live." : `${live.length} live, ${watching} watching`);
    for (const id of this.known.keys()) {
      if (!streams.some(({ videoId }) => videoId === id)) this.known.delete(id);
    }
    const elements = streams.map((stream) => {
      const row = this.known.get(stream.videoId) ?? new StreamRow(stream.videoId);
      this.known.set(stream.videoId, row);
      row.show(stream);
      return row.element;
    });
    if (elements.length === 0) elements.push(this.empty);
    const { children } = this.rows;
    const moved = children.length !== elements.length || elements.some((element, i) => children[i] !== element);
    if (moved) this.rows.replaceChildren(...elements);
  }

  private createButton(): HTMLElement {
    return h("button", { type: "button", class: "primary", onclick: () => this.create() }, icon("plus"), "New stream");
  }

  private async create(): Promise<void> {
    try {
      this.defaults ??= (await this.app.client.list()).defaults;
      const from = { ...this.defaults, title: "" };
      const wishes = await askWishes({ heading: "New stream", action: "Create stream", from });
      if (wishes === null) return;
      const { videoId } = await this.app.client.create(wishes);
      if (!this.left) location.hash = streamHash(videoId);
    } catch (error) {
      this.app.failed(error);
    }
  }
}

function sorted(streams: StreamStatus[]): StreamStatus[] {
  const time = (stream: StreamStatus): number => Date.parse(stream.startedAt ?? stream.createdAt ?? "") || 0;
  return streams.toSorted((a, b) => ORDER[a.status] - ORDER[b.status] || time(b) - time(a));
}
