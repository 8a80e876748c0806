import { monotonicSeconds } from "./monotonic";
import { Pace } from "./pace";
import { Stalls } from "./stalls";
import type { Source } from "./source";

/**
 * Browsers want more buffered before they resume after each underflow: 0.4 s, 0.7 s, 1.3 s …
 * A seek in place resets that. It is due when this much is buffered and still nothing moves, s.
 */
const RESUME_WITH_S = 0.3;
const RESUME_AFTER_S = 0.15;
const RESCUE_PAUSE_S = 1;

/** Applies the pace to a video element: its rate, its jumps, and its way out of stalls. */
export class LivePacer {
  readonly stalls = new Stalls();
  pace = new Pace();
  /** At the live edge, rather than where the viewer went. */
  following = true;
  private rescuedAt = -Infinity;

  constructor(private readonly video: HTMLVideoElement) {
    video.addEventListener("seeking", () => this.stalls.rest(monotonicSeconds()));
  }

  /** The source is a new one, with a timeline of its own. */
  reset(): void {
    this.pace = new Pace();
    this.stalls.rest(monotonicSeconds());
    this.following = true;
    this.video.playbackRate = 1;
  }

  /** To be called often, and whenever something was appended. */
  observe(now: number): void {
    const end = this.bufferedEnd;
    if (end !== null) this.pace.observe(now, end);
  }

  tick(now: number, source: Source): void {
    this.observe(now);
    const { video } = this;
    if (video.paused || video.seeking || video.ended || video.readyState === 0) {
      this.stalls.rest(now);
      return;
    }
    if (this.stalls.sample(now, video.currentTime)) this.pace.stalled(now);
    const still = this.stalls.still(now);
    if (still > 0) this.rescue(now, still);
    else if (this.following) this.steer(now, source);
    else if (video.playbackRate !== 1) video.playbackRate = 1;
  }

  /** Jumps to the live edge. */
  goLive(now: number, source: Source): void {
    this.following = true;
    const own = this.pace.livePosition(now);
    const position = own !== null && this.isBuffered(own) ? own : source.syncPosition;
    if (position !== null && Math.abs(position - this.video.currentTime) > 0.3) this.video.currentTime = position;
  }

  /** Whether it is buffered what is so many seconds from here. */
  reaches(seconds: number): boolean {
    return this.isBuffered(this.video.currentTime + seconds);
  }

  /** Moves within what is buffered; forward past the edge is live again. */
  seekBy(now: number, seconds: number, source: Source): void {
    const { buffered, currentTime } = this.video;
    if (buffered.length === 0) return;
    const live = this.pace.livePosition(now) ?? source.syncPosition ?? Infinity;
    const target = currentTime + seconds;
    if (target >= live - 0.5) {
      if (seconds > 0) this.goLive(now, source);
      return;
    }
    this.following = false;
    this.video.currentTime = Math.max(target, buffered.start(0) + 0.1);
  }

  /** Seconds buffered ahead of the playhead. */
  get ahead(): number {
    const end = this.bufferedEnd;
    return end === null ? 0 : Math.max(0, end - this.video.currentTime);
  }

  private steer(now: number, source: Source): void {
    const { rate, seekTo } = this.pace.steer(now, this.video.currentTime);
    if (seekTo !== null) {
      const position = this.isBuffered(seekTo) ? seekTo : source.syncPosition;
      if (position !== null && position > this.video.currentTime) this.video.currentTime = position;
    }
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
  }

  private rescue(now: number, still: number): void {
    if (still < RESUME_AFTER_S || now - this.rescuedAt < RESCUE_PAUSE_S) return;
    if (this.ahead < Math.max(RESUME_WITH_S, this.pace.target(now))) return;
    this.rescuedAt = now;
    this.video.currentTime += 0.001;
  }

  private isBuffered(position: number): boolean {
    const { buffered } = this.video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (position >= buffered.start(i) && position <= buffered.end(i)) return true;
    }
    return false;
  }

  private get bufferedEnd(): number | null {
    const { buffered } = this.video;
    return buffered.length > 0 ? buffered.end(buffered.length - 1) : null;
  }
}
