import type { StreamStatus } from "../api/types";
import { h } from "../ui/dom";
import { icon } from "../ui/icons";
import { Field } from "./field";
import { embedSnippet } from "./hints";
import type { App } from "./page";

/** The addresses at which viewers find the stream. */
export class WatchCard {
  readonly element: HTMLElement;
  private readonly page: Field;
  private readonly embed: Field;
  private readonly playlist: Field;
  private readonly stored: Field;
  private readonly link = h("a", { class: "quiet", target: "_blank", rel: "noopener" }, icon("open"), "Open player");

  constructor(app: App) {
    const failed = (error: unknown): void => app.failed(error);
    this.page = new Field("Player page", failed);
    this.embed = new Field("Embed", failed);
    this.playlist = new Field("HLS playlist", failed);
    this.stored = new Field("HLS playlist in S3", failed);
    this.element = h(
      "section",
      { class: "card" },
      h("div", { class: "card-head" }, h("h2", {}, "Watch"), this.link),
      this.page.element,
      this.embed.element,
      this.playlist.element,
      this.stored.element,
    );
  }

  show({ playerUrl, playbackUrl, s3PlaybackUrl, videoId }: StreamStatus): void {
    const page = playerUrl ?? new URL(`/live/${videoId}`, location.href).href;
    this.link.setAttribute("href", page);
    this.page.text = page;
    this.embed.text = embedSnippet(page);
    this.playlist.text = playbackUrl ?? `${page}/index.m3u8`;
    this.stored.text = s3PlaybackUrl ?? "";
    this.stored.element.hidden = !s3PlaybackUrl;
  }
}
