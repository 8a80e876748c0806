import type { StreamStatus } from "../api/types";

const HEALTH = ["bitrate", "fpsIn", "fpsOut", "speed", "queue", "uploadLatency", "uploadQueue"] as const;
const AUDIENCE = ["viewers", "latencyP50", "latencyP95"] as const;
type HealthSeries = (typeof HEALTH)[number];
export type AudienceSeries = (typeof AUDIENCE)[number];
export type Series = HealthSeries | AudienceSeries;
type Value = number | null;

/** What a chart shows. */
export interface Samples {
  /** Seconds since the epoch. */
  readonly times: number[];
  of(series: Series): Value[];
}

/** The last samples of a stream's health; bounded. */
export class History implements Samples {
  readonly times: number[] = [];
  private readonly values: Record<HealthSeries, Value[]>;

  constructor(private readonly limit = 600) {
    this.values = Object.fromEntries(HEALTH.map((name) => [name, []])) as unknown as Record<HealthSeries, Value[]>;
  }

  add(now: number, { ingest, encode, upload }: StreamStatus): void {
    const sample: Record<HealthSeries, Value> = {
      bitrate: ingest?.bitrate ?? null,
      fpsIn: ingest?.frameRate ?? null,
      fpsOut: encode?.frameRate ?? null,
      speed: encode?.speed ?? null,
      queue: encode?.queuedPackets ?? null,
      uploadLatency: upload?.latencyMs ?? null,
      uploadQueue: upload?.pendingSegments ?? null,
    };
    this.times.push(now);
    for (const name of HEALTH) this.values[name].push(sample[name]);
    if (this.times.length > this.limit) {
      this.times.shift();
      for (const name of HEALTH) this.values[name].shift();
    }
  }

  of(series: Series): Value[] {
    return isOfAudience(series) ? [] : this.values[series];
  }
}

export function isOfAudience(series: Series): series is AudienceSeries {
  return (AUDIENCE as readonly string[]).includes(series);
}
