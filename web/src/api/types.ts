// The JSON of the server's API. Rates are in bits per second, times RFC 3339.

export type StreamState = "PENDING" | "LIVE" | "READY" | "FAILED";

export interface Ingest {
  encoder: string | null;
  remoteAddress: string | null;
  connectedAt: string | null;
  bitrate: number | null;
  frameRate: number | null;
  videoCodec: string | null;
  width: number | null;
  height: number | null;
  audioCodec: string | null;
  sampleRate: number | null;
  channels: number | null;
  /** Seconds between keyframes. */
  keyframeInterval: number | null;
  /** Whether pictures come in another order than they are shown in. */
  bFrames: boolean | null;
  bytesReceived: number | null;
}

export interface Encode {
  width: number | null;
  height: number | null;
  frameRate: number | null;
  /** Media seconds made in a second of encoding work; below 1 it falls behind. */
  speed: number | null;
  queuedPackets: number | null;
  lagMs: number | null;
  preset: string | null;
  /** Of so many pictures one is encoded; above 1 while the machine can't keep up. */
  onePictureIn: number | null;
  /** What the decoder leaves out; each includes those before it. */
  decodeSkip: "nothing" | "loopFilter" | "nonReference" | "nonKey" | null;
  framesSkipped: number | null;
  framesDecoded: number | null;
  framesEncoded: number | null;
  framesDropped: number | null;
  framesRepeated: number | null;
  decodeErrors: number | null;
}

export interface Upload {
  pendingSegments: number | null;
  pendingBytes: number | null;
  segmentsStored: number | null;
  segmentsDropped: number | null;
  retries: number | null;
  latencyMs: number | null;
  lastError: string | null;
}

/** What the viewers' players report, in sum. */
export interface Experience {
  reports: number;
  /** Seconds behind the source. */
  latencyP50: number | null;
  latencyP95: number | null;
  startupMsP50: number | null;
  startupMsP95: number | null;
  /** Of all who watch now. */
  stalls: number;
}

/** How a broadcast's viewers fared at one time. */
export interface ViewerSample {
  at: string;
  viewers: number;
  latencyP50: number | null;
  latencyP95: number | null;
}

export interface ViewerHistory {
  startedAt: string | null;
  samples: ViewerSample[];
}

export interface EndReason {
  code: string;
  message: string;
}

/** What is chosen for each stream. */
export interface StreamOptions {
  record: boolean;
  /** Seconds that a broadcast waits for a publisher that vanished. */
  reconnectWindow: number;
  secondPublisher: "takeover" | "reject";
  latencyMode: "low" | "standard";
  /** Days that recordings stay after the end; null: for ever. */
  retentionDays: number | null;
  /** Seconds that viewers may go back while a recorded broadcast is live; null: to its beginning. */
  dvrWindow: number | null;
  /** Whether each recording gets a job for the application's transcode workflow. */
  convertToVod: boolean;
}

/** A stream's title and options, as they are to be. */
export interface Wishes extends StreamOptions {
  title: string;
}

export interface StreamList {
  streams: StreamStatus[];
  /** What a new stream is unless its maker says otherwise. */
  defaults: StreamOptions;
}

export interface StreamStatus extends StreamOptions {
  videoId: string;
  title: string | null;
  status: StreamState;
  isLiveNow: boolean;
  reconnecting: boolean | null;
  /** What stands still now: `publisher`, `encoder` or `upload`. */
  stalled?: string[];
  /** Whether the key is accepted when a publisher shows it. */
  armed: boolean | null;
  hlsManifestKey: string | null;
  createdAt: string | null;
  startedAt: string | null;
  endedAt: string | null;
  endReason: EndReason | null;
  viewers: number | null;
  peakViewers: number | null;
  totalViewers: number | null;
  playback: Experience | null;
  servedBytes: number | null;
  rtmpUrl: string | null;
  rtmpsUrl?: string | null;
  playbackUrl: string | null;
  s3PlaybackUrl?: string | null;
  playerUrl: string | null;
  ingest: Ingest | null;
  encode: Encode | null;
  upload: Upload | null;
}

export interface CreatedStream {
  videoId: string;
  title: string | null;
  status: StreamState;
  streamKey: string;
  rtmpUrl: string;
  playbackUrl: string;
  hlsManifestKey: string;
  s3PlaybackUrl?: string | null;
  playerUrl: string;
}

export interface StreamKey {
  streamKey: string;
  rtmpUrl?: string | null;
}

/** What happened to a stream. */
export interface StreamEvent {
  /** One more than that of the event before it. */
  id: number;
  type: string;
  timestamp: string;
  videoId?: string;
  /** Depends on the type. */
  data: {
    resumed?: boolean;
    reconnectWindow?: number;
    reason?: EndReason | string;
    of?: "stream" | "server";
    viewers?: number;
  };
}

export const EVENT_TYPES = [
  "stream.created", "stream.live", "stream.reconnecting", "stream.ended", "stream.failed", "recording.ready",
  "recording.failed", "transcode.queued", "viewers.limit", "webhook.disabled",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What a webhook is to be. */
export interface WebhookWishes {
  url: string;
  /** Null: all. */
  eventTypes: EventType[] | null;
  enabled?: boolean;
}

/** Another server that is told of events. */
export interface Webhook {
  webhookId: string;
  url: string;
  eventTypes: EventType[] | null;
  enabled: boolean;
  disabledReason: string | null;
  lastEventId: number;
  /** Attempts that failed since one succeeded. */
  failures: number;
  failingSince: string | null;
  nextAttemptAt: string | null;
}

/** What came of a test event. */
export interface TestResult {
  delivered: boolean;
  status: number | null;
  answer: string;
  durationMs: number;
  error: string | null;
}

/** An attempt to deliver an event. */
export interface Delivery {
  eventId: number;
  eventType: string;
  at: string;
  durationMs: number;
  status: number | null;
  answer: string;
  error: string | null;
}

/** What the watch socket says, at once and on every change. */
export interface WatchMessage {
  type: "status";
  status: StreamState;
  isLiveNow: boolean;
  reconnecting: boolean;
  viewers: number;
  /** How far viewers can go back; null while nothing is kept. */
  rewind: Rewind | null;
}

/** What is kept of a broadcast. */
export interface Rewind {
  /** When it began. */
  from: string;
  /** Seconds that viewers may go back while it is on air; null: all of it. */
  window: number | null;
}

/** What a player says of its picture over the watch socket. */
export interface ReportMessage {
  type: "report";
  /** Seconds behind the source. */
  latency: number | null;
  stalls: number;
  startupMs: number | null;
}

/** An RFC 9457 problem document. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
}

/** What is left of a broadcast. */
export interface Recording {
  /** Its place among the stream's recordings, from 1. */
  number: number;
  state: "RECORDING" | "FINISHING" | "READY" | "FAILED";
  startedAt: string;
  endedAt: string | null;
  key: string;
  url: string | null;
  /** Bytes. */
  size: number | null;
  /** Seconds. */
  duration: number | null;
  attempts: number;
  reason: string | null;
}
