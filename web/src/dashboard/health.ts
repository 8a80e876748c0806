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
  private readonly viewers = new Facts("Viewers");

  constructor() {
    this.element = h("div", { class: "health" }, this.ingest.element, this.encode.element, this.upload.element, this.viewers.element);
  }

  show({ ingest, encode, upload, playback, servedBytes }: StreamStatus): void {
    this.ingest.show([
      ["Encoder", ingest?.encoder ?? format.NONE],
      ["From", ingest?.remoteAddress ?? format.NONE],
      ["Video", joined(ingest?.videoCodec, format.size(ingest?.width, ingest?.height))],
      ["Audio", joined(ingest?.audioCodec, format.sampleRate(ingest?.sampleRate), format.channels(ingest?.channels))],
      ["Keyframe every", format.seconds(ingest?.keyframeInterval)],
      ["B-frames", ingest?.bFrames == null ? format.NONE : ingest.bFrames ? "yes" : "no"],
      ["Received", format.bytes(ingest?.bytesReceived)],
    ]);
    this.encode.show([
      ["Picture", format.size(encode?.width, encode?.height)],
      ["Frames encoded", format.count(encode?.framesEncoded)],
      ["Preset", encode?.preset ?? format.NONE],
      ["Pictures encoded", relief(encode?.onePictureIn)],
      ["Not decoded", skipped(encode?.decodeSkip)],
      ["Skipped to keep up", format.count(encode?.framesSkipped)],
      ["Behind by", format.milliseconds(encode?.lagMs)],
      ["Left out", format.count(encode?.framesDropped)],
      ["Repeated", format.count(encode?.framesRepeated)],
      ["Decode errors", format.count(encode?.decodeErrors)],
      ["Packets waiting", format.count(encode?.queuedPackets)],
    ]);
    this.upload.show([
      ["Segments stored", format.count(upload?.segmentsStored)],
      ["Waiting", upload ? `${format.count(upload.pendingSegments)} (${format.bytes(upload.pendingBytes)})` : format.NONE],
      ["Gaps", format.count(upload?.segmentsDropped)],
      ["Retries", format.count(upload?.retries)],
      ["Latency", format.milliseconds(upload?.latencyMs)],
      ["Last error", upload?.lastError ?? "none"],
    ]);
    this.viewers.show([
      ["Players that report", format.count(playback?.reports)],
      ["Behind the source", spread(format.seconds(playback?.latencyP50), format.seconds(playback?.latencyP95))],
      ["Until the first picture", spread(format.milliseconds(playback?.startupMsP50), format.milliseconds(playback?.startupMsP95))],
      ["Stalls", format.count(playback?.stalls)],
      ["Sent to them", format.bytes(servedBytes)],
    ]);
  }
}

/** How many pictures are encoded while the machine can't keep up. */
function relief(onePictureIn: number | null | undefined): string {
  if (onePictureIn == null) return format.NONE;
  return onePictureIn > 1 ? `one in ${onePictureIn}` : "all";
}

/** What the decoder leaves out while the machine can't keep up with it. */
function skipped(decodeSkip: "nothing" | "loopFilter" | "nonReference" | "nonKey" | null | undefined): string {
  if (decodeSkip == null) return format.NONE;
  return { nothing: "nothing", loopFilter: "loop filter", nonReference: "pictures not referred to", nonKey: "all but keyframes" }[
    decodeSkip
  ];
}

/** What half of the viewers see, and what one in twenty does. */
function spread(half: string, most: string): string {
  return half === format.NONE ? half : `${half} (95 %: ${most})`;
}

function joined(...parts: (string | null | undefined)[]): string {
  const known = parts.filter((part) => part && part !== format.NONE);
  return known.length > 0 ? known.join(", ") : format.NONE;
}
