import type { ViewerHistory } from "../api/types";
import { AUDIENCE, Charts } from "./charts";
import { isOfAudience, type Samples, type Series } from "./history";
import type { App } from "./page";
import { Poll } from "./poll";

/** The server takes a sample each ten seconds. */
const POLL_MS = 10_000;

/** How many watched the last broadcast from its beginning on, and with what latency. */
export class Audience {
  private readonly samples = new AudienceSamples();
  private readonly charts = new Charts(this.samples, AUDIENCE, Infinity);
  private readonly poll: Poll;

  constructor(app: App, videoId: string) {
    this.element.hidden = true;
    const ask = async (signal: AbortSignal): Promise<void> => this.show(await app.client.viewerHistory(videoId, signal));
    // The page's own questions say what is wrong.
    this.poll = new Poll(POLL_MS, ask, () => undefined);
  }

  get element(): HTMLElement {
    return this.charts.element;
  }

  /** Asks the server for nothing more. */
  rest(): void {
    this.poll.stop();
  }

  leave(): void {
    this.rest();
    this.charts.destroy();
  }

  private show(history: ViewerHistory): void {
    this.samples.take(history);
    this.element.hidden = this.samples.times.length === 0;
    if (!this.element.hidden) this.charts.update();
  }
}

/** What the server kept, as a chart wants it. */
export class AudienceSamples implements Samples {
  times: number[] = [];
  private history: ViewerHistory["samples"] = [];

  take({ samples }: ViewerHistory): void {
    this.history = samples;
    this.times = samples.map(({ at }) => Date.parse(at) / 1000);
  }

  of(series: Series): (number | null)[] {
    return isOfAudience(series) ? this.history.map((sample) => sample[series]) : [];
  }
}
