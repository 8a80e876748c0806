/** Asks again and again while the page is visible, one question at a time. */
export class Poll {
  private timer = 0;
  private readonly left = new AbortController();
  private busy = false;

  constructor(
    private readonly everyMs: number,
    private readonly ask: (signal: AbortSignal) => Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {
    document.addEventListener(
      "visibilitychange",
      () => {
        if (!document.hidden) void this.now();
      },
      { signal: this.left.signal },
    );
    void this.now();
  }

  /** Asks at once, for instance after something was changed. */
  async now(): Promise<void> {
    clearTimeout(this.timer);
    if (this.busy || this.left.signal.aborted) return;
    this.busy = true;
    try {
      await this.ask(this.left.signal);
    } catch (error) {
      if (!this.left.signal.aborted) this.failed(error);
    } finally {
      this.busy = false;
    }
    if (this.left.signal.aborted || document.hidden) return;
    this.timer = window.setTimeout(() => void this.now(), this.everyMs);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.left.abort();
  }
}
