import { monotonicSeconds } from "./monotonic";

export interface PauseEvents {
  /** Playback is to go on after a pause of so many seconds. */
  resumed(pausedFor: number): void;
  changed(): void;
}

/**
 * Whether the one video element is paused, whatever source is on it. Not only the page's own buttons do that: so do
 * picture-in-picture, media keys and native full screen, and a browser that wants a gesture before it plays.
 */
export class Pause {
  private since: number | null = null;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly events: PauseEvents,
  ) {
    // An event comes after the fact. By now the element may play again; and it stops by itself at the end, and without a source.
    video.addEventListener("pause", () => {
      if (video.paused && !video.ended && video.networkState !== video.NETWORK_EMPTY) this.begin();
    });
    video.addEventListener("play", () => {
      if (!video.paused) this.end();
    });
  }

  get on(): boolean {
    return this.since !== null;
  }

  /** Seconds that it has been paused; 0 while it isn't. */
  length(now: number): number {
    return this.since === null ? 0 : now - this.since;
  }

  pause(): void {
    this.begin();
    this.video.pause();
  }

  async play(): Promise<void> {
    this.end();
    try {
      await this.video.play();
    } catch (error) {
      const blocked = error instanceof DOMException && error.name === "NotAllowedError";
      if (blocked && this.video.paused) this.begin();
    }
  }

  /** A new source is paused from now on, if at all. */
  renew(): void {
    if (this.since !== null) this.since = monotonicSeconds();
  }

  private begin(): void {
    this.since ??= monotonicSeconds();
    this.events.changed();
  }

  private end(): void {
    if (this.since === null) return;
    const pausedFor = this.length(monotonicSeconds());
    this.since = null;
    this.events.resumed(pausedFor);
    this.events.changed();
  }
}
