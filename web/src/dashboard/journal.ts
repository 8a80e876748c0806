import type { StreamStatus } from "../api/types";
import * as format from "../format";

export interface Event {
  /** Milliseconds since the epoch. */
  at: number;
  kind: "info" | "good" | "bad";
  text: string;
}

const LIMIT = 200;

/** What happened to a stream, told from one status to the next; bounded. */
export class Journal {
  readonly events: Event[] = [];
  private before: StreamStatus | null = null;

  /** Notes what is new; true when there is something. */
  observe(status: StreamStatus, now: number): boolean {
    const length = this.events.length;
    const { before } = this;
    this.before = status;
    if (!before) this.recall(status);
    else this.compare(before, status, now);
    const added = this.events.length > length;
    this.events.splice(0, Math.max(0, this.events.length - LIMIT));
    return added;
  }

  /** What the first status tells of the time before. */
  private recall(status: StreamStatus): void {
    this.note(status.createdAt, "info", "Created");
    this.note(status.startedAt, "good", "Went live");
    if (status.status !== "LIVE") this.ended(status);
    if (status.ingest) this.note(status.ingest.connectedAt, "info", `Encoder connected: ${encoder(status)}`);
  }

  private compare(before: StreamStatus, status: StreamStatus, now: number): void {
    const say = (kind: Event["kind"], text: string): void => void this.events.push({ at: now, kind, text });
    const live = status.status === "LIVE";
    if (status.startedAt !== before.startedAt) this.note(status.startedAt, "good", "Went live");
    if (status.ingest && status.ingest.connectedAt !== before.ingest?.connectedAt) {
      this.note(status.ingest.connectedAt, "info", `Encoder connected: ${encoder(status)}`);
    }
    if (live && status.reconnecting && !before.reconnecting) say("bad", "The encoder is gone; waiting for it");
    if (live && before.status === "LIVE" && before.reconnecting && !status.reconnecting) say("good", "The encoder is back");
    for (const [one, many, of] of COUNTERS) {
      const more = (of(status) ?? 0) - (of(before) ?? 0);
      if (live && before.status === "LIVE" && more > 0) say("bad", `${format.count(more)} ${more === 1 ? one : many}`);
    }
    const error = status.upload?.lastError ?? null;
    if (error !== null && error !== before.upload?.lastError) say("bad", `Upload failed: ${error}`);
    if (!live && status.endedAt !== before.endedAt) this.ended(status);
    if (status.armed !== before.armed) say("info", status.armed ? "The key is accepted" : "The key is refused");
  }

  private ended(status: StreamStatus): void {
    const failed = status.status === "FAILED";
    this.note(status.endedAt, failed ? "bad" : "info", `${failed ? "Failed" : "Ended"}: ${status.endReason?.message ?? "for no known reason"}`);
  }

  private note(time: string | null | undefined, kind: Event["kind"], text: string): void {
    const at = time ? Date.parse(time) : NaN;
    if (!Number.isNaN(at)) this.events.push({ at, kind, text });
  }
}

const COUNTERS: [one: string, many: string, of: (status: StreamStatus) => number | null | undefined][] = [
  ["frame left out before encoding", "frames left out before encoding", ({ encode }) => encode?.framesDropped],
  ["decode error", "decode errors", ({ encode }) => encode?.decodeErrors],
  ["segment never reached storage", "segments never reached storage", ({ upload }) => upload?.segmentsDropped],
  ["upload was tried again", "uploads were tried again", ({ upload }) => upload?.retries],
];

function encoder({ ingest }: StreamStatus): string {
  return [ingest?.encoder ?? "unnamed", ingest?.remoteAddress && `from ${ingest.remoteAddress}`].filter(Boolean).join(" ");
}
