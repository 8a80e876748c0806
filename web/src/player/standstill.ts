/** A picture that stands still this long for no known reason gets a new source, s. A slow network may need as much. */
const FROZEN_S = 6;
/**
 * The same once the server or the publisher is back, and two more arrivals are due, s. hls.js (1.7.4) may be at a loss where a
 * restart of the server left a hole, and what was buffered has been played meanwhile.
 */
const RETURNED_S = 1.5;

/** How long a source's picture has stood still, and whether that is too long. Times in seconds. */
export class Standstill {
  private movedAt = 0;
  private returnedAt = 0;

  /** The picture moves, or needn't; or its source is new. */
  moved(now: number): void {
    this.movedAt = now;
  }

  /** The server or the publisher is back. */
  returned(now: number): void {
    this.returnedAt = now;
  }

  length(now: number): number {
    return now - this.movedAt;
  }

  /** Whether the source won't go on by itself, arrivals being so far apart. Until it has shown something it is given more time. */
  isFrozen(now: number, interval: number, shown: boolean): boolean {
    const hasReturned = shown && this.returnedAt > this.movedAt;
    const patience = hasReturned ? Math.min(RETURNED_S + 2 * interval, FROZEN_S) : FROZEN_S;
    return now - Math.max(this.movedAt, this.returnedAt) > patience;
  }
}
