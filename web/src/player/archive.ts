import Hls from "hls.js";
import { Backoff } from "../backoff";
import { KeptHls, KeptNative, type KeptSource } from "./keptSource";
import { monotonicSeconds } from "./monotonic";
import type { Pause } from "./pause";

const TICK_MS = 100;
/** Standing still this long while it should move, the picture is being waited for, s. */
const WAITING_S = 0.6;
/** A source that has shown pictures this long has recovered, s. */
const RECOVERED_S = 10;

export interface ArchiveEvents {
  picture(): void;
  /** What was kept is not there (any more). */
  gone(): void;
  changed(): void;
  error(reason: string): void;
}

/** Where to begin: at a date, ms since the epoch, or at a position, s. */
export type Start = { date: number } | { position: number };

/** Plays what is kept of a broadcast, on the element that is live playback's otherwise. */
export class Archive {
  private source: KeptSource | null = null;
  private start: Start = { position: 0 };
  private readonly backoff = new Backoff(500, 10_000);
  private retry = 0;
  private position = -1;
  private movedAt = 0;
  private movingSince: number | null = null;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly url: string,
    private readonly pause: Pause,
    private readonly events: ArchiveEvents,
  ) {
    window.setInterval(() => this.tick(), TICK_MS);
  }

  /** Something is on the element, or is being fetched for it. */
  get active(): boolean {
    return this.source !== null || this.retry !== 0;
  }

  open(start: Start): void {
    this.close();
    this.attach(start);
  }

  close(): void {
    clearTimeout(this.retry);
    this.retry = 0;
    this.source?.destroy();
    this.source = null;
    this.movingSince = null;
    this.position = -1;
  }

  seek(start: Start): void {
    const position = "date" in start ? this.source?.positionOf(start.date) : start.position;
    // Not known before the playlist is there.
    if (position === null || position === undefined) this.start = start;
    else this.video.currentTime = position;
    this.movedAt = monotonicSeconds();
    // The element pauses by itself at the end.
    if (!this.pause.on && this.video.paused) void this.pause.play();
    this.events.changed();
  }

  /** Wall time of the picture on the screen, ms since the epoch. */
  get playingDate(): number | null {
    return this.source?.dateOf(this.video.currentTime) ?? ("date" in this.start ? this.start.date : null);
  }

  /** Seconds from the first picture to the last; null while that isn't known. */
  get length(): number | null {
    return this.source?.length ?? null;
  }

  /** All has been played. */
  get ended(): boolean {
    return this.source !== null && this.video.ended;
  }

  get waiting(): boolean {
    return this.active && !this.pause.on && !this.ended && (this.movingSince === null || monotonicSeconds() - this.movedAt > WAITING_S);
  }

  private attach(start: Start): void {
    this.start = start;
    this.movedAt = monotonicSeconds();
    this.video.playbackRate = 1;
    const events = {
      gone: () => this.events.gone(),
      failed: (reason: string) => this.again(reason),
      changed: () => this.events.changed(),
      error: (reason: string) => this.events.error(reason),
      start: () => this.start,
    };
    this.source = Hls.isSupported() ? new KeptHls(this.video, this.url, events) : new KeptNative(this.video, this.url, events);
    if (!this.pause.on) void this.pause.play();
  }

  /** A new source in place of one that can't go on, where that one was. */
  private again(reason: string): void {
    this.events.error(`restart: ${reason}`);
    const { currentTime } = this.video;
    const start = this.movingSince === null ? this.start : { position: currentTime };
    this.source?.destroy();
    this.source = null;
    this.position = -1;
    this.retry = window.setTimeout(() => {
      this.retry = 0;
      this.attach(start);
    }, this.backoff.next());
    this.events.changed();
  }

  private tick(): void {
    const { video } = this;
    if (!this.source) return;
    const now = monotonicSeconds();
    if (this.pause.on || video.seeking || video.ended) this.movedAt = now;
    // While it seeks there may be the picture of where it was.
    if (video.seeking || video.currentTime === this.position) return;
    this.position = video.currentTime;
    this.movedAt = now;
    if (video.readyState >= 2 && this.movingSince === null) {
      this.movingSince = now;
      this.events.picture();
    }
    if (this.movingSince !== null && now - this.movingSince > RECOVERED_S) this.backoff.reset();
  }
}
