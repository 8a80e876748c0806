import type { Encode, StreamStatus } from "../api/types";
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
      ["Preset", encode?.preset ?? format.NONE],
      ["Decodes", decoded(encode?.decodeSkip)],
      ["Encodes", encoded(encode?.onePictureIn)],
      ["Behind by", format.milliseconds(encode?.lagMs)],
      ["Packets waiting", format.count(encode?.queuedPackets)],
      ["Frames made", format.count(encode?.framesEncoded)],
      ["Repeated: none came", format.count(encode?.framesRepeated)],
      ["Left out: surplus or late", format.count(encode?.framesDropped)],
      ["Left out: Weir too slow", format.count(encode?.framesSkipped)],
      ["Decode errors", format.count(encode?.decodeErrors)],
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

/** How many frames are encoded while the machine can't keep up. */
function encoded(onePictureIn: number | null | undefined): string {
  if (onePictureIn == null) return format.NONE;
  return onePictureIn > 1 ? `one frame in ${onePictureIn}` : "every frame";
}

/** What is decoded while the machine can't keep up with that. */
function decoded(decodeSkip: Encode["decodeSkip"] | undefined): string {
  if (decodeSkip == null) return format.NONE;
  return { nothing: "everything", loopFilter: "all but the loop filter", nonReference: "frames that others need", nonKey: "keyframes only" }[decodeSkip];
}

/** What half of the viewers see, and what one in twenty does. */
function spread(half: string, most: string): string {
  return half === format.NONE ? half : `${half} (95 %: ${most})`;
}

function joined(...parts: (string | null | undefined)[]): string {
  const known = parts.filter((part) => part && part !== format.NONE);
  return known.length > 0 ? known.join(", ") : format.NONE;
}
