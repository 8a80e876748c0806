/**
 * The server's clock, as far as `Date` headers tell it. They have whole seconds, but each bounds
 * the difference from both sides, and the bounds of many leave little room. Milliseconds.
 */
export class ServerClock {
  private low = -Infinity;
  private high = Infinity;

  /** An answer dated `date` to a request that was under way from `sentAt` to `receivedAt`. */
  observe(date: string | null, sentAt: number, receivedAt: number): void {
    const stamp = date === null ? NaN : Date.parse(date);
    if (Number.isNaN(stamp)) return;
    const [low, high] = [stamp - receivedAt, stamp + 1000 - sentAt];
    // Bounds that exclude each other: one of the clocks was set. Begin again.
    const agrees = low <= this.high && high >= this.low;
    this.low = agrees ? Math.max(this.low, low) : low;
    this.high = agrees ? Math.min(this.high, high) : high;
  }

  /** Add this to the local clock. Zero as long as the clocks may agree: most do. */
  get offset(): number {
    if (this.low <= 0 && this.high >= 0) return 0;
    return (this.low + this.high) / 2;
  }
}
