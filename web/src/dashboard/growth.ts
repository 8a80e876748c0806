import type { StreamStatus } from "../api/types";

const SPAN_MS = 60_000;
const COUNTERS = ["decodeErrors", "framesSkipped", "segmentsDropped", "retries"] as const;

/** How much a broadcast's totals have grown of late. */
export type Lately = Record<(typeof COUNTERS)[number], number>;

/** Tells what goes wrong now from what went wrong once: the server counts from the broadcast's beginning. */
export class Growth {
  /** The totals of the last minute, as far as they were seen. */
  private seen: { at: number; totals: Lately }[] = [];

  /** Takes in a status; what has come in the last minute. */
  observe({ encode, upload }: StreamStatus, now: number): Lately {
    const totals: Lately = {
      decodeErrors: encode?.decodeErrors ?? 0,
      framesSkipped: encode?.framesSkipped ?? 0,
      segmentsDropped: upload?.segmentsDropped ?? 0,
      retries: upload?.retries ?? 0,
    };
    const last = this.seen.at(-1)?.totals;
    // Totals only grow; smaller ones are another broadcast's.
    if (last && COUNTERS.some((name) => totals[name] < last[name])) this.seen = [];
    this.seen = this.seen.filter(({ at }) => at >= now - SPAN_MS);
    this.seen.push({ at: now, totals });
    const from = this.seen[0]!.totals;
    return Object.fromEntries(COUNTERS.map((name) => [name, totals[name] - from[name]])) as Lately;
  }
}
