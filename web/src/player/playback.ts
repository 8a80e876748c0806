import Hls from "hls.js";
import { Backoff } from "../backoff";
import { Finder } from "./finder";
import { HlsSource } from "./hlsSource";
import { LivePacer } from "./livePacer";
import type { Look } from "./lookup";
import { monotonicSeconds } from "./monotonic";
import { NativeSource } from "./nativeSource";
import type { Pause } from "./pause";
import type { PlaylistOutcome } from "./phase";
import { ServerClock } from "./serverClock";
import type { Source } from "./source";
import { Standstill } from "./standstill";

const TICK_MS = 50;
/** How often to look for the playlist of a stream that is live, and of one that may become so. */
const LOOK_SOON_MS = 250;
const LOOK_LATER_MS = 2_000;
/** After a longer pause the source starts anew, s. */
const LONG_PAUSE_S = 10;
/** A source that has shown pictures this long has recovered, s. */
const RECOVERED_S = 10;
/** Standing still this long after the broadcast's end, all has been played, s. */
const DRAINED_S = 2;
/** Standing still this long, a source that failed has nothing left to show, s. */
const EMPTY_S = 0.5;
const MAX_ERRORS = 50;

export interface PlaybackEvents {
  playlist(outcome: PlaylistOutcome): void;
  picture(): void;
  detached(): void;
  drained(): void;
  changed(): void;
}

/** What is known of the stream, which decides what playback does. */
export interface Demand {
  /** A source belongs on the element. */
  media: boolean;
  /** The broadcast goes on and its publisher is there: a frozen picture is a fault. */
  flowing: boolean;
  /** The broadcast is over: what stands still has been played. */
  over: boolean;
  /** Nobody but the playlist tells of the stream's state. */
  scout: boolean;
  /** Counts broadcasts: each needs a source of its own. */
  broadcast: number;
}

/** Keeps a live picture on a video element: finds the playlist, attaches, recovers. */
export class Playback {
  source: Source | null = null;
  readonly pacer: LivePacer;
  readonly errors: string[] = [];
  recoveries = 0;
  /** From asking for a source to its first picture, ms. */
  startupMs: number | null = null;
  private demand: Demand = { media: false, flowing: false, over: false, scout: true, broadcast: 0 };
  private readonly clock = new ServerClock();
  private readonly backoff = new Backoff(250, 5_000);
  private readonly finder: Finder;
  private wantedAt = 0;
  /** Since when the source has shown a picture, s. */
  private shownSince: number | null = null;
  private readonly standstill = new Standstill();
  private position = -1;
  /** No new source before this time, ms. */
  private heldUntil = 0;
  /** The source loads nothing more; what it has buffered is shown until there is another. */
  private failed = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly url: string,
    private readonly pause: Pause,
    private readonly events: PlaybackEvents,
  ) {
    this.pacer = new LivePacer(video);
    this.finder = new Finder(url, this.clock, (look) => this.onLook(look));
    video.addEventListener("ended", () => events.drained());
    window.setInterval(() => this.tick(), TICK_MS);
    this.finder.interval = LOOK_LATER_MS;
  }

  want(demand: Demand): void {
    const before = this.demand;
    this.demand = demand;
    const admitted = before.scout && !demand.scout;
    if ((demand.flowing && !before.flowing) || admitted) this.standstill.returned(monotonicSeconds());
    if (admitted) this.finder.release();
    if (!demand.media || demand.broadcast !== before.broadcast) this.detach();
    if (demand.media && (!before.media || demand.broadcast !== before.broadcast)) {
      this.wantedAt = performance.now();
      this.heldUntil = 0;
      this.finder.release();
    }
    this.aim();
  }

  /** The picture is to move again after a pause of so many seconds: live, rather than from where it was. */
  resume(pausedFor: number): void {
    if (pausedFor > LONG_PAUSE_S) this.restart("long pause");
    else this.goLive();
  }

  goLive(): void {
    if (this.source) this.pacer.goLive(monotonicSeconds(), this.source);
    this.events.changed();
  }

  seekBy(amount: number): void {
    if (this.source) this.pacer.seekBy(monotonicSeconds(), amount, this.source);
    this.events.changed();
  }

  /** Seconds from the source to the screen; null while there is no picture or no date. */
  get latency(): number | null {
    const shown = this.playingDate;
    return shown === null ? null : (this.now - shown) / 1000;
  }

  /** Wall time of the picture on the screen, ms since the epoch; null while there is no picture or no date. */
  get playingDate(): number | null {
    return this.shownSince === null ? null : (this.source?.playingDate ?? null);
  }

  /** The server's time, ms since the epoch. */
  get now(): number {
    return Date.now() + this.clock.offset;
  }

  /** Playback should move and doesn't. */
  get waiting(): boolean {
    return this.source !== null && !this.pause.on && this.standstill.length(monotonicSeconds()) > 0.6;
  }

  /** Keeps an error for the record. */
  note(reason: string): void {
    this.errors.push(reason);
    if (this.errors.length > MAX_ERRORS) this.errors.shift();
  }

  private tick(): void {
    const { source, video } = this;
    if (!source) return;
    const now = monotonicSeconds();
    this.pacer.tick(now, source);
    const hasMoved = video.currentTime !== this.position;
    this.position = video.currentTime;
    if (hasMoved) this.standstill.moved(now);
    // What is attached in a pause shows its picture without moving.
    const hasPicture = video.readyState >= 2 && !video.seeking && (hasMoved || this.pause.on);
    if (hasPicture && this.shownSince === null) this.onPicture(now);
    if (this.pause.on) {
      if (this.pause.length(now) > LONG_PAUSE_S) source.stopLoading();
      this.standstill.moved(now);
      return;
    }
    const still = this.standstill.length(now);
    const isFrozen = this.standstill.isFrozen(now, this.pacer.pace.interval, this.shownSince !== null);
    if (this.failed && still > EMPTY_S) this.detach();
    else if (this.demand.flowing && isFrozen) this.restart("picture stood still");
    else if (this.demand.over && still > DRAINED_S) this.events.drained();
    if (this.shownSince !== null && now - this.shownSince > RECOVERED_S) this.backoff.reset();
  }

  private onPicture(now: number): void {
    this.shownSince = now;
    this.startupMs ??= performance.now() - this.wantedAt;
    this.events.picture();
  }

  private onLook({ outcome, parts }: Look): void {
    this.events.playlist(outcome);
    if (outcome === "live" && this.demand.media && (!this.source || this.failed) && performance.now() >= this.heldUntil) {
      this.attach(parts);
    }
    this.aim();
  }

  private attach(parts: boolean): void {
    const events = {
      failed: (reason: string) => this.restart(reason),
      changed: () => {
        this.pacer.observe(monotonicSeconds());
        this.events.changed();
      },
      error: (reason: string) => this.note(reason),
    };
    this.detach();
    // Without the old source's picture there may be nothing left to play for.
    if (!this.demand.media) return;
    this.standstill.moved(monotonicSeconds());
    this.pacer.reset();
    this.pause.renew();
    this.source = Hls.isSupported()
      ? new HlsSource(this.video, this.url, parts, this.clock, events)
      : new NativeSource(this.video, this.url, events);
    if (!this.pause.on) void this.pause.play();
  }

  private detach(): void {
    if (!this.source) return;
    this.source.destroy();
    this.source = null;
    this.failed = false;
    this.shownSince = null;
    this.position = -1;
    this.events.detached();
  }

  /** A new source in place of one that can't go on. */
  private restart(reason: string): void {
    if (this.failed || !this.source) return;
    this.note(`restart: ${reason}`);
    this.recoveries += 1;
    this.heldUntil = performance.now() + (reason === "long pause" ? 0 : this.backoff.next());
    this.failed = true;
    this.source.stopLoading();
    this.aim();
  }

  private aim(): void {
    const { media, scout } = this.demand;
    if (media && (!this.source || this.failed)) this.finder.interval = LOOK_SOON_MS;
    else this.finder.interval = scout ? LOOK_LATER_MS : null;
  }
}
