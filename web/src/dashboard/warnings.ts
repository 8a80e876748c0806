import type { StreamStatus } from "../api/types";
import * as format from "../format";
import type { Lately } from "./growth";

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

/** What is wrong now with a stream that runs. `bitrates` are its last ones, where they are known. */
export function warnings({ status, reconnecting, stalled = [], ingest, encode, upload }: StreamStatus, lately: Lately, bitrates: (number | null)[] = []): Warning[] {
  if (status !== "LIVE") return [];
  const found: Warning[] = [];
  const add = (code: string, title: string, detail: string): void => void found.push({ code, title, detail });

  if (reconnecting) add("away", "The encoder is gone", "Viewers see the last picture while Weir waits for it to come back.");
  if (stalled.includes("publisher")) add("silent", "The encoder sends nothing", "It is connected, and viewers see its last picture. Check the encoder and its network.");
  if (stalled.includes("encoder")) add("hung", "Weir’s encoder stands still", "If it doesn’t get on within seconds, this broadcast ends; the others go on.");
  if (stalled.includes("upload")) add("stuck-upload", "The object store takes nothing", "Segments wait in memory, and are given up when too many do. Check the object store and the way to it.");
  const keyframes = ingest?.keyframeInterval ?? 0;
  if (keyframes > MAX_KEYFRAME_INTERVAL_S) {
    add("keyframes", `A keyframe only every ${format.seconds(keyframes)}`, "After a fault the picture stays broken until the next one. Set the encoder’s keyframe interval to 2 s.");
  }
  if (ingest?.bFrames) add("b-frames", "The encoder sends B-frames", "Each adds a frame’s time to the latency. Set B-frames to 0, or tune the encoder for zero latency.");
  if (isUnstable(bitrates)) add("unstable", "The bitrate swings", "The way from the encoder may be too narrow, or its rate control isn’t CBR. Send a lower, constant bitrate.");
  if (ingest && !ingest.videoCodec) add("no-video", "No video arrives", "Only sound is sent. Check the encoder’s scene and its video settings.");
  if (ingest && !ingest.audioCodec) add("no-audio", "No sound arrives", "Only video is sent. Check the encoder’s audio settings.");
  const { decodeErrors, framesSkipped, segmentsDropped, retries } = lately;
  if (decodeErrors > 0) {
    add("decode", counted(decodeErrors, "decode error"), "What arrives is damaged. The encoder is overloaded, or an unstable network makes it drop data.");
  }
  const speed = encode?.speed ?? 1;
  if (speed < MIN_SPEED) {
    add("speed", `Encoding at ${format.speed(speed)}`, "This machine can’t keep up. Send a smaller picture or fewer frames, or run fewer streams here.");
  }
  if (framesSkipped > 0) add("frames", counted(framesSkipped, "frame left out", "frames left out"), "They were skipped before encoding, to keep up with the live picture.");
  if (segmentsDropped > 0) add("lost", counted(segmentsDropped, "segment never reached storage", "segments never reached storage"), "Playlists mark the gap. Check the object store and the way to it.");
  if (retries > 0) add("retries", counted(retries, "upload retry", "upload retries"), upload?.lastError ?? "The object store refused or was slow, and was asked again.");
  if ((upload?.latencyMs ?? 0) > MAX_UPLOAD_LATENCY_MS) {
    add("slow-upload", `Uploads take ${format.milliseconds(upload?.latencyMs)}`, "A segment lasts 2 s; uploads that take about as long pile up.");
  }
  return found;
}

/** Samples of the bitrate that are looked at, and the standard deviation that is too much, as a part of their mean. */
const STEADY_SAMPLES = 30;
const MAX_SPREAD = 0.35;

/** Whether the bitrate goes up and down; a few samples don't tell. */
export function isUnstable(bitrates: (number | null)[]): boolean {
  const known = bitrates.slice(-STEADY_SAMPLES).filter((value) => value !== null);
  if (known.length < STEADY_SAMPLES) return false;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length;
  return Math.sqrt(variance) > MAX_SPREAD * mean;
}

/** How often something happened lately. */
function counted(n: number, one: string, many = `${one}s`): string {
  return `${format.count(n)} ${n === 1 ? one : many} in the last minute`;
}
