import type { StreamStatus } from "../api/types";
import * as format from "../format";

export interface Warning {
  code: string;
  title: string;
  /** What it means and what to do. */
  detail: string;
}

const MAX_KEYFRAME_INTERVAL_S = 4;
/** Media seconds that a second of encoding work has to make. */
const MIN_SPEED = 1;
const MAX_UPLOAD_LATENCY_MS = 1_500;

/** What is wrong with a stream that runs, or runs badly. */
export function warnings({ status, reconnecting, ingest, encode, upload }: StreamStatus): Warning[] {
  if (status !== "LIVE") return [];
  const found: Warning[] = [];
  const add = (code: string, title: string, detail: string): void => void found.push({ code, title, detail });

  if (reconnecting) add("away", "The encoder is gone", "Viewers see the last picture while Weir waits for it to come back.");
  const keyframes = ingest?.keyframeInterval ?? 0;
  if (keyframes > MAX_KEYFRAME_INTERVAL_S) {
    add("keyframes", `A keyframe only every ${format.seconds(keyframes)}`, "After a fault the picture stays broken until the next one. Set the encoder’s keyframe interval to 2 s.");
  }
  if (ingest && !ingest.videoCodec) add("no-video", "No video arrives", "Only sound is sent. Check the encoder’s scene and its video settings.");
  if (ingest && !ingest.audioCodec) add("no-audio", "No sound arrives", "Only video is sent. Check the encoder’s audio settings.");
  const errors = encode?.decodeErrors ?? 0;
  if (errors > 0) {
    add("decode", `${counted(errors, "decode error")}`, "What arrives is damaged. The encoder is overloaded, or an unstable network makes it drop data.");
  }
  const speed = encode?.speed ?? 1;
  if (speed < MIN_SPEED) {
    add("speed", `Encoding at ${format.speed(speed)}`, "This machine can’t keep up. Send a smaller picture or fewer frames, or run fewer streams here.");
  }
  const dropped = encode?.framesDropped ?? 0;
  if (dropped > 0) add("frames", `${counted(dropped, "frame")} left out`, "They were skipped before encoding, to keep up with the live picture.");
  const lost = upload?.segmentsDropped ?? 0;
  if (lost > 0) add("lost", `${counted(lost, "segment")} never reached storage`, "Playlists mark the gap. Check the object store and the way to it.");
  const retries = upload?.retries ?? 0;
  if (retries > 0) add("retries", counted(retries, "upload retry", "upload retries"), upload?.lastError ?? "The object store refused or was slow, and was asked again.");
  if ((upload?.latencyMs ?? 0) > MAX_UPLOAD_LATENCY_MS) {
    add("slow-upload", `Uploads take ${format.milliseconds(upload?.latencyMs)}`, "A segment lasts 2 s; uploads that take about as long pile up.");
  }
  return found;
}

function counted(n: number, one: string, many = `${one}s`): string {
  return `${format.count(n)} ${n === 1 ? one : many}`;
}
