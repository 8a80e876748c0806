import type { Quality, Source, SourceEvents } from "./source";
import { startDate } from "./startDate";

/** HLS played by the browser itself, where there is no Media Source. */
export class NativeSource implements Source {
  readonly qualities: Quality[] = [];
  quality = -1;
  private readonly listening = new AbortController();

  constructor(
    private readonly video: HTMLVideoElement,
    url: string,
    events: SourceEvents,
  ) {
    const { signal } = this.listening;
    video.addEventListener("error", () => events.failed(video.error?.message || "media error"), { signal });
    video.addEventListener("progress", () => events.changed(), { signal });
    video.src = url;
  }

  get syncPosition(): number | null {
    const { seekable } = this.video;
    return seekable.length > 0 ? seekable.end(seekable.length - 1) : null;
  }

  get playingDate(): number | null {
    const start = startDate(this.video);
    return start === null ? null : start + this.video.currentTime * 1000;
  }

  stopLoading(): void {}

  destroy(): void {
    this.listening.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
