import type { StreamStatus } from "../api/types";
import * as format from "../format";
import { h, setText } from "../ui/dom";
import { icon } from "../ui/icons";
import { askTitle } from "./dialog";
import type { App, Page } from "./page";
import { Poll } from "./poll";
import { streamHash } from "./route";
import { stateBadge } from "./state";
import { warnings } from "./warnings";

const POLL_MS = 2_000;
const ORDER = { LIVE: 0, PENDING: 1, FAILED: 2, READY: 3 } as const;

/** All streams, the live ones first. */
export class StreamList implements Page {
  readonly element: HTMLElement;
  private readonly summary = h("p", { class: "summary" }, "Loading…");
  private readonly rows = h("ul", { class: "streams" });
  private readonly poll: Poll;
  private shown: string | null = null;

  constructor(private readonly app: App) {
    document.title = "Streams · Weir";
    this.element = h(
      "section",
      { class: "list" },
      h(
        "div",
        { class: "list-head" },
        h("div", {}, h("h1", {}, "Streams"), this.summary),
        this.createButton("primary"),
      ),
      this.rows,
    );
    this.poll = new Poll(
      POLL_MS,
      async (signal) => {
        const streams = await app.client.list(signal);
        app.answered();
        this.show(sorted(streams));
      },
      (error) => app.failed(error),
    );
  }

  leave(): void {
    this.poll.stop();
  }

  private show(streams: StreamStatus[]): void {
    const live = streams.filter((stream) => stream.status === "LIVE");
    const watching = live.reduce((sum, stream) => sum + (stream.viewers ?? 0), 0);
    setText(this.summary, live.length === 0 ? "Nothing is live." : `${live.length} live, ${watching} watching`);
    // Rows are rebuilt only when their text changed: a focused link keeps its focus.
    const rows = streams.map(row);
    const text = rows.map((item) => item.textContent).join();
    if (text === this.shown) return;
    this.shown = text;
    const focused = document.activeElement?.getAttribute("href");
    this.rows.replaceChildren(...(rows.length > 0 ? rows : [this.empty()]));
    if (focused) this.rows.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }

  private empty(): HTMLElement {
    return h(
      "li",
      { class: "empty" },
      h("h2", {}, "No streams yet"),
      h("p", {}, "Make one, paste its server and key into OBS, and press Start Streaming. Viewers see it seconds later."),
      this.createButton("primary"),
    );
  }

  private createButton(kind: string): HTMLElement {
    return h("button", { type: "button", class: kind, onclick: () => this.create() }, icon("plus"), "New stream");
  }

  private async create(): Promise<void> {
    const title = await askTitle();
    if (title === null) return;
    try {
      const { videoId } = await this.app.client.create(title);
      location.hash = streamHash(videoId);
    } catch (error) {
      this.app.failed(error);
    }
  }
}

function row(stream: StreamStatus): HTMLElement {
  const live = stream.status === "LIVE";
  const problems = warnings(stream).length;
  return h(
    "li",
    {},
    h(
      "a",
      { class: "stream-row", href: streamHash(stream.videoId), "data-live": live },
      stateBadge(stream),
      h("span", { class: "stream-title" }, stream.title || "Untitled", h("code", {}, stream.videoId)),
      h(
        "span",
        { class: "stream-facts" },
        live && stream.ingest
          ? `${format.size(stream.ingest.width, stream.ingest.height)} · ${format.frameRate(round(stream.ingest.frameRate))} · ${format.bitrate(stream.ingest.bitrate)}`
          : (stream.endReason?.message ?? ""),
      ),
      problems > 0 && h("span", { class: "stream-problems" }, icon("alert"), problems === 1 ? "1 warning" : `${problems} warnings`),
      live
        ? h("span", { class: "stream-viewers", title: "Watching now" }, icon("people"), format.count(stream.viewers))
        : h("span", { class: "stream-viewers" }),
      h("span", { class: "stream-when" }, when(stream)),
    ),
  );
}

function when(stream: StreamStatus): string {
  const now = Date.now();
  if (stream.status === "LIVE" && stream.startedAt) return format.clock((now - Date.parse(stream.startedAt)) / 1000);
  if (stream.endedAt) return `ended ${format.ago(stream.endedAt, now)}`;
  return `made ${format.ago(stream.createdAt, now)}`;
}

function sorted(streams: StreamStatus[]): StreamStatus[] {
  const time = (stream: StreamStatus): number => Date.parse(stream.startedAt ?? stream.createdAt ?? "") || 0;
  return streams.toSorted((a, b) => ORDER[a.status] - ORDER[b.status] || time(b) - time(a));
}

function round(rate: number | null): number | null {
  return rate === null ? null : Math.round(rate * 10) / 10;
}
