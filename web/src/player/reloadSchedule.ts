/** Ask this long before the next segment is due, s. */
const EARLY_S = 0.06;
/** And then this often, s. */
const RETRY_S = 0.12;
/** Once it is overdue by half its length, this often, s. */
const OVERDUE_RETRY_S = 0.5;

/**
 * When to ask a plain origin for its playlist again, so that a new segment is seen soon after it
 * is listed and yet each takes only about two requests. Times in seconds on a monotonic clock.
 */
export class ReloadSchedule {
  private listedAt: number | null = null;
  private duration = 0;

  /** A new segment of `duration` has been seen. */
  listed(now: number, duration: number): void {
    this.listedAt = now;
    this.duration = duration;
  }

  /** Seconds to wait before the next request. */
  wait(now: number, asked: boolean): number {
    if (this.listedAt === null) return asked ? RETRY_S : 0;
    const due = this.listedAt + this.duration - EARLY_S;
    if (now < due) return due - now;
    if (!asked) return 0;
    return now - due > this.duration / 2 ? OVERDUE_RETRY_S : RETRY_S;
  }
}
