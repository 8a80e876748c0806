import { look, type Look } from "./lookup";
import type { ServerClock } from "./serverClock";

/** Looks for a playlist again and again, until told to stop. */
export class Finder {
  private timer = 0;
  private every: number | null = null;
  private looking = false;
  /** No look before this time, ms, as the server has asked for. */
  private heldUntil = 0;

  constructor(
    private readonly url: string,
    private readonly clock: ServerClock,
    private readonly found: (look: Look) => void,
  ) {}

  /** Milliseconds between looks; null stops. A shorter interval than before looks at once. */
  set interval(every: number | null) {
    if (every === this.every) return;
    const hurry = every !== null && (this.every === null || every < this.every);
    this.every = every;
    if (hurry) this.schedule(0);
    if (every === null) clearTimeout(this.timer);
  }

  /** What the server has asked for was about another broadcast. */
  release(): void {
    if (performance.now() >= this.heldUntil) return;
    this.heldUntil = 0;
    if (this.every !== null) this.schedule(0);
  }

  private schedule(delay: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), Math.max(delay, this.heldUntil - performance.now()));
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    const result = await look(this.url, this.clock);
    this.looking = false;
    this.heldUntil = performance.now() + result.retryAfter;
    if (this.every === null) return;
    this.schedule(this.every);
    this.found(result);
  }
}
