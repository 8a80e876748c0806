/** Shorter pauses of the picture are not seen as stalls, s. */
const STALL_MIN_S = 0.1;

/** Counts the times that playback ran dry, from one sample of the playhead to the next. */
export class Stalls {
  count = 0;
  /** Seconds stood still in all. */
  total = 0;
  private position: number | null = null;
  /** Has moved since the last rest: only what moved can stall. */
  private moved = false;
  private stillSince: number | null = null;
  private stalled = false;

  /** A sample while playback should go on; true when a stall has just been recognised. */
  sample(now: number, position: number): boolean {
    if (position !== this.position) {
      this.total += this.still(now);
      this.moved = this.position !== null;
      this.position = position;
      this.stillSince = now;
      this.stalled = false;
      return false;
    }
    if (!this.moved || this.stalled || now - (this.stillSince ?? now) < STALL_MIN_S) return false;
    this.stalled = true;
    this.count += 1;
    return true;
  }

  /** Seconds that the stall of the moment has taken so far. */
  still(now: number): number {
    return this.stalled && this.stillSince !== null ? now - this.stillSince : 0;
  }

  /** Playback needn't go on: it is paused, seeking, or without a source. */
  rest(now: number): void {
    this.total += this.still(now);
    this.position = null;
    this.moved = false;
    this.stillSince = null;
    this.stalled = false;
  }
}
