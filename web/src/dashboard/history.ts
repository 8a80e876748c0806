import type { StreamStatus } from "../api/types";

export const SERIES = [
  "bitrate", "fpsIn", "fpsOut", "speed", "queue", "uploadLatency", "uploadQueue", "viewers", "latencyP50", "latencyP95",
] as const;
export type Series = (typeof SERIES)[number];
type Value = number | null;

/** The last samples of a stream's health, for charts; bounded. */
export class History {
  /** Seconds since the epoch. */
  readonly times: number[] = [];
  private readonly values: Record<Series, Value[]>;

  constructor(private readonly limit = 600) {
    this.values = Object.fromEntries(SERIES.map((name) => [name, []])) as unknown as Record<Series, Value[]>;
  }

  add(now: number, { ingest, encode, upload, viewers, playback }: StreamStatus): void {
    const sample: Record<Series, Value> = {
      bitrate: ingest?.bitrate ?? null,
      fpsIn: ingest?.frameRate ?? null,
      fpsOut: encode?.frameRate ?? null,
      speed: encode?.speed ?? null,
      queue: encode?.queuedPackets ?? null,
      uploadLatency: upload?.latencyMs ?? null,
      uploadQueue: upload?.pendingSegments ?? null,
      viewers: viewers ?? null,
      latencyP50: playback?.latencyP50 ?? null,
      latencyP95: playback?.latencyP95 ?? null,
    };
    this.times.push(now);
    for (const name of SERIES) this.values[name].push(sample[name]);
    if (this.times.length > this.limit) {
      this.times.shift();
      for (const name of SERIES) this.values[name].shift();
    }
  }

  of(series: Series): Value[] {
    return this.values[series];
  }
}
