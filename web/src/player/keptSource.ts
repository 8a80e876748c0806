import Hls, { ErrorDetails, Events } from "hls.js";
import type { ErrorData, LevelDetails } from "hls.js";
import type { Start } from "./archive";
import { describe } from "./hlsError";
import { startDate } from "./startDate";

export interface KeptEvents {
  /** There is no such playlist. */
  gone(): void;
  /** The source can't go on; a new one is needed. */
  failed(reason: string): void;
  changed(): void;
  /** An error that needs no action, for the record. */
  error(reason: string): void;
  /** Where playback is to begin, asked when the playlist is there. */
  start(): Start;
}

/** The whole of a broadcast on a video element, as far as it is kept. */
export interface KeptSource {
  /** Where on the element's timeline that was on air; null while that isn't known. */
  positionOf(date: number): number | null;
  /** When that was on air, ms since the epoch. */
  dateOf(position: number): number | null;
  readonly length: number | null;
  destroy(): void;
}

/** Media Source playback through hls.js. */
export class KeptHls implements KeptSource {
  private readonly hls: Hls;
  private details: LevelDetails | null = null;

  constructor(
    video: HTMLVideoElement,
    url: string,
    private readonly events: KeptEvents,
  ) {
    this.hls = new Hls({
      enableWorker: false,
      backBufferLength: 60,
      maxBufferLength: 30,
      autoStartLoad: false,
      maxLiveSyncPlaybackRate: 1,
    });
    this.hls.on(Events.ERROR, (_event, data) => this.onError(data));
    this.hls.on(Events.MANIFEST_PARSED, () => {
      // The playlist is known by now, being the only one; where to begin is a matter of what it lists.
      const start = events.start();
      this.details = this.hls.levels[0]?.details ?? null;
      this.hls.startLoad("date" in start ? (this.positionOf(start.date) ?? 0) : start.position);
    });
    this.hls.on(Events.LEVEL_UPDATED, (_event, { details }) => {
      this.details = details;
      events.changed();
    });
    this.hls.attachMedia(video);
    this.hls.loadSource(url);
  }

  positionOf(date: number): number | null {
    const fragments = this.details?.fragments;
    if (!fragments?.length) return null;
    // Where a crash left a hole, what comes next stands for it.
    const found = fragments.find((fragment) => (fragment.programDateTime ?? 0) + fragment.duration * 1000 > date);
    if (!found) return this.details!.edge;
    return found.start + Math.max(0, date - (found.programDateTime ?? date)) / 1000;
  }

  dateOf(position: number): number | null {
    const found = this.details?.fragments.findLast((fragment) => fragment.start <= position + 0.01);
    return found?.programDateTime ? found.programDateTime + (position - found.start) * 1000 : null;
  }

  get length(): number | null {
    return this.details && !this.details.live ? this.details.edge : null;
  }

  destroy(): void {
    this.hls.destroy();
  }

  private onError(data: ErrorData): void {
    const reason = describe(data);
    this.events.error(reason);
    if (!data.fatal) return;
    if (data.details === ErrorDetails.MANIFEST_LOAD_ERROR && data.response?.code === 404) this.events.gone();
    else this.events.failed(reason);
  }
}

/** HLS played by the browser itself, where there is no Media Source. */
export class KeptNative implements KeptSource {
  private readonly listening = new AbortController();

  constructor(
    private readonly video: HTMLVideoElement,
    url: string,
    events: KeptEvents,
  ) {
    const { signal } = this.listening;
    const begin = (): void => {
      const start = events.start();
      video.currentTime = "date" in start ? (this.positionOf(start.date) ?? 0) : start.position;
    };
    video.addEventListener("loadedmetadata", begin, { signal, once: true });
    video.addEventListener("error", () => events.failed(video.error?.message || "media error"), { signal });
    video.addEventListener("durationchange", () => events.changed(), { signal });
    video.src = url;
  }

  positionOf(date: number): number | null {
    const start = startDate(this.video);
    return start === null ? null : Math.max(0, date - start) / 1000;
  }

  dateOf(position: number): number | null {
    const start = startDate(this.video);
    return start === null ? null : start + position * 1000;
  }

  get length(): number | null {
    return Number.isFinite(this.video.duration) ? this.video.duration : null;
  }

  destroy(): void {
    this.listening.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
