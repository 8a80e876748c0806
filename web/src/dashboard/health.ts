import type { StreamStatus } from "../api/types";
import * as format from "../format";
import { h } from "../ui/dom";
import { Facts } from "./facts";

/** Ingest, encode and upload health as numbers. */
export class Health {
  readonly element: HTMLElement;
  private readonly ingest = new Facts("Ingest");
  private readonly encode = new Facts("Encode");
  private readonly upload = new Facts("Upload");

  constructor() {
    this.element = h("div", { class: "health" }, this.ingest.element, this.encode.element, this.upload.element);
  }

  show({ ingest, encode, upload }: StreamStatus): void {
    this.ingest.show([
      ["Encoder", ingest?.encoder ?? format.NONE],
      ["From", ingest?.remoteAddress ?? format.NONE],
      ["Video", joined(ingest?.videoCodec, format.size(ingest?.width, ingest?.height))],
      ["Audio", joined(ingest?.audioCodec, format.sampleRate(ingest?.sampleRate), format.channels(ingest?.channels))],
      ["Keyframe every", format.seconds(ingest?.keyframeInterval)],
      ["Received", format.bytes(ingest?.bytesReceived)],
    ]);
    this.encode.show([
      ["Picture", format.size(encode?.width, encode?.height)],
      ["Frames encoded", format.count(encode?.framesEncoded)],
      ["Left out", format.count(encode?.framesDropped)],
      ["Repeated", format.count(encode?.framesRepeated)],
      ["Decode errors", format.count(encode?.decodeErrors)],
      ["Packets waiting", format.count(encode?.queuedPackets)],
    ]);
    this.upload.show([
      ["Segments stored", format.count(upload?.segmentsStored)],
      ["Waiting", upload ? `${format.count(upload.pendingSegments)} (${format.bytes(upload.pendingBytes)})` : format.NONE],
      ["Dropped", format.count(upload?.segmentsDropped)],
      ["Retries", format.count(upload?.retries)],
      ["Latency", format.milliseconds(upload?.latencyMs)],
      ["Last error", upload?.lastError ?? "none"],
    ]);
  }
}

function joined(...parts: (string | null | undefined)[]): string {
  const known = parts.filter((part) => part && part !== format.NONE);
  return known.length > 0 ? known.join(", ") : format.NONE;
}
