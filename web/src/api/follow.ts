import { Backoff } from "../backoff";
import type { Client } from "./client";
import { SseParser } from "./sse";
import type { StreamEvent } from "./types";

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/**
 * Follows what happens to a stream while the page is visible: a browser has few connections to one server, and all of
 * its tabs share them. `show` is told the newest events, the newest first, and then each as it happens.
 */
export class Follow {
  private readonly left = new AbortController();
  private connection: AbortController | null = null;

  constructor(
    private readonly client: Client,
    private readonly videoId: string,
    private readonly show: (events: StreamEvent[]) => void,
  ) {
    const resume = (): void => {
      this.connection?.abort();
      this.connection = null;
      if (document.hidden || this.left.signal.aborted) return;
      this.connection = new AbortController();
      void this.keepUp(this.connection.signal);
    };
    document.addEventListener("visibilitychange", resume, { signal: this.left.signal });
    resume();
  }

  leave(): void {
    this.left.abort();
    this.connection?.abort();
  }

  private async keepUp(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(FIRST_RETRY_MS, LAST_RETRY_MS);
    while (!signal.aborted) {
      try {
        const { events } = await this.client.events(this.videoId, signal);
        this.show(events);
        await this.listen(events[0]?.id ?? 0, signal, () => backoff.reset());
      } catch {
        // The status, which is polled, says what is wrong.
      }
      await new Promise((resume) => window.setTimeout(resume, backoff.next()));
    }
  }

  private async listen(last: number, signal: AbortSignal, heard: () => void): Promise<void> {
    const answer = await this.client.eventStream(this.videoId, last, signal);
    const pieces = answer.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new SseParser();
    for (;;) {
      const { done, value } = await pieces.read();
      if (done || signal.aborted) return;
      heard();
      for (const { data } of parser.push(value)) this.show([JSON.parse(data) as StreamEvent]);
    }
  }
}
