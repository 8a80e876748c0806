import type { StreamStatus } from "../api/types";
import * as format from "../format";
import { h, setText } from "../ui/dom";
import { icon } from "../ui/icons";
import { Growth } from "./growth";
import { streamHash } from "./route";
import { stateLabel } from "./state";
import { Thumbnail } from "./thumbnail";
import { warnings } from "./warnings";

/** A stream in the list. It is filled again and again in place, so that no click or focus is lost. */
export class StreamRow {
  readonly element: HTMLElement;
  private readonly link: HTMLAnchorElement;
  private readonly state = h("span");
  private readonly badge = h("span", { class: "state" }, h("i"), this.state);
  private readonly title = h("span");
  private readonly facts = h("span", { class: "stream-facts" });
  private readonly problemCount = h("span");
  private readonly problems = h("span", { class: "stream-problems" }, icon("alert"), this.problemCount);
  private readonly viewerCount = h("span");
  private readonly viewers = h("span", { class: "stream-viewers", title: "Watching now" }, icon("people"), this.viewerCount);
  private readonly when = h("span", { class: "stream-when" });
  private readonly growth = new Growth();
  private readonly thumbnail: Thumbnail;

  constructor(videoId: string) {
    this.thumbnail = new Thumbnail(videoId);
    this.link = h(
      "a",
      { class: "stream-row", href: streamHash(videoId) },
      this.thumbnail.element,
      this.badge,
      h("span", { class: "stream-title" }, this.title, h("code", {}, videoId)),
      this.facts,
      this.problems,
      this.viewers,
      this.when,
    );
    this.element = h("li", {}, this.link);
  }

  show(stream: StreamStatus): void {
    const live = stream.status === "LIVE";
    const { kind, text } = stateLabel(stream);
    this.link.dataset["live"] = String(live);
    this.badge.dataset["kind"] = kind;
    this.thumbnail.show(live, Date.now());
    setText(this.state, text);
    setText(this.title, stream.title || "Untitled");
    setText(this.facts, live ? sent(stream) : (stream.endReason?.message ?? ""));
    const problems = warnings(stream, this.growth.observe(stream, Date.now())).length;
    this.problems.hidden = problems === 0;
    setText(this.problemCount, problems === 1 ? "1 warning" : `${problems} warnings`);
    this.viewers.hidden = !live;
    setText(this.viewerCount, format.count(stream.viewers));
    setText(this.when, when(stream));
  }
}

function sent({ ingest }: StreamStatus): string {
  if (!ingest) return "";
  const rate = ingest.frameRate === null ? null : Math.round(ingest.frameRate * 10) / 10;
  return `${format.size(ingest.width, ingest.height)} · ${format.frameRate(rate)} · ${format.bitrate(ingest.bitrate)}`;
}

function when(stream: StreamStatus): string {
  const now = Date.now();
  if (stream.status === "LIVE" && stream.startedAt) return format.clock((now - Date.parse(stream.startedAt)) / 1000);
  if (stream.endedAt) return `ended ${format.ago(stream.endedAt, now)}`;
  return `made ${format.ago(stream.createdAt, now)}`;
}
