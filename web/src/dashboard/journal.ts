import type { StreamEvent } from "../api/types";
import * as format from "../format";

/** An event, as it is told to people. */
export interface Entry {
  id: number;
  /** Milliseconds since the epoch. */
  at: number;
  kind: "info" | "good" | "bad";
  text: string;
}

const LIMIT = 200;

/** What happened to a stream, the latest first; bounded. */
export class Journal {
  readonly entries: Entry[] = [];

  /** Takes in events, the newest first; those that it knows already are passed over. */
  add(events: StreamEvent[]): void {
    const known = this.entries[0]?.id ?? 0;
    this.entries.unshift(...events.filter(({ id }) => id > known).map(entry));
    this.entries.splice(LIMIT);
  }
}

function entry(event: StreamEvent): Entry {
  return { id: event.id, at: Date.parse(event.timestamp), ...told(event) };
}

function told({ type, data }: StreamEvent): Pick<Entry, "kind" | "text"> {
  const reason = (typeof data.reason === "string" ? data.reason : data.reason?.message) ?? "for no known reason";
  switch (type) {
    case "stream.created":
      return { kind: "info", text: "Created" };
    case "stream.live":
      return { kind: "good", text: data.resumed ? "The encoder is back" : "Went live" };
    case "stream.reconnecting":
      return { kind: "bad", text: `The encoder is gone; waiting ${format.duration(data.reconnectWindow)} for it` };
    case "stream.ended":
      return { kind: "info", text: `Ended: ${reason}` };
    case "stream.failed":
      return { kind: "bad", text: `Failed: ${reason}` };
    case "viewers.limit":
      return { kind: "bad", text: data.of === "server" ? "A viewer was turned away: the server is full" : `A viewer was turned away: ${format.count(data.viewers)} watch, as many as may` };
    case "recording.ready":
      return { kind: "good", text: "The recording is ready" };
    case "transcode.queued":
      return { kind: "info", text: "A transcode job is queued" };
    case "recording.failed":
      return { kind: "bad", text: `The recording failed: ${reason}` };
    default:
      return { kind: "info", text: type };
  }
}
