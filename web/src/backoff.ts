/** Delays that double from `first` to `last` milliseconds, each with a quarter of jitter. */
export class Backoff {
  private attempt = 0;

  constructor(
    private readonly first: number,
    private readonly last: number,
    private readonly random: () => number = Math.random,
  ) {}

  next(): number {
    const delay = Math.min(this.last, this.first * 2 ** this.attempt);
    if (delay < this.last) this.attempt += 1;
    return delay * (0.75 + 0.5 * this.random());
  }

  reset(): void {
    this.attempt = 0;
  }
}
