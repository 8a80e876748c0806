import { describe, expect, it } from "vitest";
import type { Recording, StreamEvent, StreamStatus, Webhook } from "../api/types";
import player from "../../../docs/player.md?raw";
import { ApiError, Unreachable } from "../api/client";
import { explain } from "./banner";
import { isBeside } from "./dialog";
import { Growth, type Lately } from "./growth";
import { curlCommands, embedSnippet, ffmpegCommand } from "./hints";
import { History } from "./history";
import { parseRoute, streamHash } from "./route";
import { AudienceSamples } from "./audience";
import { Journal } from "./journal";
import { told } from "./recordingsCard";
import { States } from "./stateStrip";
import { isUnstable, warnings } from "./warnings";
import { condition } from "./webhookCard";

function live(change: Partial<StreamStatus> = {}): StreamStatus {
  return {
    record: false, reconnectWindow: 30, secondPublisher: "takeover", latencyMode: "low", retentionDays: null, dvrWindow: null, convertToVod: false,
    videoId: "a1", title: "Concert", status: "LIVE", isLiveNow: true, reconnecting: false, armed: true,
    hlsManifestKey: "live/a1/index.m3u8", createdAt: null, startedAt: null, endedAt: null, endReason: null, viewers: 4, peakViewers: 5, totalViewers: 9, playback: null, servedBytes: null,
    rtmpUrl: null, playbackUrl: null, playerUrl: null,
    ingest: {
      encoder: "OBS", remoteAddress: null, connectedAt: null, bitrate: 4e6, frameRate: 30, videoCodec: "H.264", width: 1920,
      height: 1080, audioCodec: "AAC", sampleRate: 48000, channels: 2, keyframeInterval: 2, bFrames: false, bytesReceived: 1,
    },
    encode: {
      width: 1280, height: 720, frameRate: 30, speed: 1, queuedPackets: 0, lagMs: 1, preset: "veryfast", onePictureIn: 1,
      decodeSkip: "nothing", framesSkipped: 0, framesDecoded: 1, framesEncoded: 1,
      framesDropped: 0, framesRepeated: 0, decodeErrors: 0,
    },
    upload: { pendingSegments: 0, pendingBytes: 0, segmentsStored: 1, segmentsDropped: 0, retries: 0, latencyMs: 80, lastError: null },
    ...change,
  };
}
const quiet: Lately = { decodeErrors: 0, framesSkipped: 0, segmentsDropped: 0, retries: 0 };
const codes = (status: StreamStatus, lately: Partial<Lately> = {}): string[] => warnings(status, { ...quiet, ...lately }).map(({ code }) => code);

describe("warnings", () => {
  it("finds nothing wrong with a healthy stream, or with one that isn't live", () => {
    expect(codes(live())).toEqual([]);
    expect(codes(live({ status: "READY", reconnecting: true, ingest: { ...live().ingest!, keyframeInterval: 9 } }))).toEqual([]);
    expect(codes(live({ ingest: null, encode: null, upload: null }))).toEqual([]);
  });

  it("names each fault", () => {
    const { ingest, encode, upload } = live();
    expect(codes(live({ reconnecting: true }))).toEqual(["away"]);
    expect(codes(live({ stalled: ["publisher", "encoder", "upload"] }))).toEqual(["silent", "hung", "stuck-upload"]);
    expect(codes(live({ ingest: { ...ingest!, keyframeInterval: 4.2 } }))).toEqual(["keyframes"]);
    expect(codes(live({ ingest: { ...ingest!, audioCodec: null } }))).toEqual(["no-audio"]);
    expect(codes(live({ encode: { ...encode!, speed: 0.9 } }), { decodeErrors: 1, framesSkipped: 3 })).toEqual(["decode", "speed", "frames"]);
    expect(codes(live({ upload: { ...upload!, latencyMs: 1900 } }), { retries: 2, segmentsDropped: 1 })).toEqual(["lost", "retries", "slow-upload"]);
  });

  it("doesn't complain of an encoder that just keeps up, or whose speed isn't known yet", () => {
    expect(codes(live({ encode: { ...live().encode!, speed: 1 } }))).toEqual([]);
    expect(codes(live({ encode: { ...live().encode!, speed: null } }))).toEqual([]);
  });

  it("tells B-frames and a bitrate that swings from one that is steady", () => {
    expect(codes(live({ ingest: { ...live().ingest!, bFrames: true } }))).toEqual(["b-frames"]);
    const swinging = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? 1e6 : 5e6));
    expect(warnings(live(), quiet, swinging).map(({ code }) => code)).toEqual(["unstable"]);
    expect(isUnstable(swinging.slice(1))).toBe(false);
    expect(isUnstable(swinging.map((value) => 4e6 + value / 10))).toBe(false);
  });

  it("says what the store said", () => {
    const [warning] = warnings(live({ upload: { ...live().upload!, lastError: "503 Slow Down" } }), { ...quiet, retries: 1 });
    expect(warning).toMatchObject({ title: "1 upload retry in the last minute", detail: "503 Slow Down" });
  });

  it("passes over what a source sends too much of", () => {
    expect(codes(live({ encode: { ...live().encode!, framesDropped: 900 } }))).toEqual([]);
  });
});

describe("growth", () => {
  const failing = (decodeErrors: number): StreamStatus => live({ encode: { ...live().encode!, decodeErrors } });

  it("is what has come in the last minute, not what came before the page", () => {
    const growth = new Growth();
    const seen = [[0, 40], [1, 41], [30, 43], [61, 43], [90, 43], [91, 43]].map(([at, errors]) => growth.observe(failing(errors!), at! * 1000).decodeErrors);
    expect(seen).toEqual([0, 1, 3, 2, 0, 0]);
  });

  it("begins anew with a broadcast, and after a page was hidden", () => {
    const growth = new Growth();
    growth.observe(failing(40), 0);
    expect(growth.observe(failing(2), 1_000)).toEqual(quiet);
    expect(growth.observe(failing(5), 2_000).decodeErrors).toBe(3);
    expect(growth.observe(failing(90), 600_000)).toEqual(quiet);
  });

  it("counts a broadcast from its beginning where that was seen", () => {
    const growth = new Growth();
    growth.observe(live({ encode: null, upload: null }), 0);
    expect(growth.observe(failing(2), 1_000).decodeErrors).toBe(2);
  });
});

describe("the banner", () => {
  it("says what keeps a page from being up to date", () => {
    expect(explain(new Unreachable())).toBe("Weir does not answer. Trying again…");
    const problem = { type: "urn:weir:problem:catalog-unavailable", title: "Catalog unavailable", status: 503, detail: "The catalog does not work." };
    expect(explain(new ApiError(503, problem))).toBe("The catalog does not work. Trying again…");
  });
});

describe("a click", () => {
  it("is beside a dialog, or on its padding", () => {
    const box = { left: 100, right: 300, top: 50, bottom: 150 };
    const at = (clientX: number, clientY: number): boolean => isBeside(box, { clientX, clientY });
    expect([at(101, 51), at(300, 150), at(99, 100), at(200, 151)]).toEqual([false, false, true, true]);
  });
});

describe("history", () => {
  it("keeps the last samples, all series in step, gaps as null", () => {
    const history = new History(3);
    for (let t = 0; t < 5; t += 1) history.add(t, live(t === 4 ? { ingest: null } : { upload: { ...live().upload!, latencyMs: t } }));
    expect(history.times).toEqual([2, 3, 4]);
    expect(history.of("uploadLatency")).toEqual([2, 3, 80]);
    expect(history.of("bitrate")).toEqual([4e6, 4e6, null]);
  });
});

describe("audience", () => {
  it("is what the server kept, in step with its times", () => {
    const samples = new AudienceSamples();
    const sample = { at: "2026-01-01T10:00:00Z", viewers: 3, latencyP50: 0.6, latencyP95: null };
    samples.take({ startedAt: sample.at, samples: [sample, { ...sample, at: "2026-01-01T10:00:10Z", viewers: 4 }] });
    expect(samples.times[1]! - samples.times[0]!).toBe(10);
    expect([samples.of("viewers"), samples.of("latencyP95")]).toEqual([[3, 4], [null, null]]);
  });
});

describe("what happened", () => {
  const [t0, t1] = ["2026-01-01T10:00:00Z", "2026-01-01T10:00:05Z"];

  it("is told as the server tells it, once each, the latest first", () => {
    const event = (id: number, type: string, data: StreamEvent["data"] = {}): StreamEvent => ({ id, type, timestamp: t0, data });
    const journal = new Journal();
    journal.add([event(4, "stream.live", { resumed: true }), event(3, "stream.reconnecting", { reconnectWindow: 30 }), event(1, "stream.created")]);
    journal.add([event(4, "stream.live", { resumed: true })]);
    journal.add([event(6, "viewers.limit", { of: "stream", viewers: 10 }), event(5, "stream.yodelled")]);
    journal.add([event(9, "stream.ended", { reason: { code: "stopped", message: "stopped by an API call" } })]);
    expect(journal.entries.map(({ text }) => text)).toEqual([
      "Ended: stopped by an API call", "A viewer was turned away: 10 watch, as many as may", "stream.yodelled", "The encoder is back",
      "The encoder is gone; waiting 30 s for it", "Created",
    ]);
  });

  it("makes spans of one state each", () => {
    const states = new States();
    states.observe(live({ startedAt: t0 }), Date.parse(t1));
    for (const [at, reconnecting] of [[1, false], [2, true], [3, true], [4, false]] as const) {
      states.observe(live({ startedAt: t0, reconnecting }), Date.parse(t1) + at * 1000);
    }
    const spans = states.spans.map(({ kind, from, until }) => [kind, (from - Date.parse(t0)) / 1000, (until - Date.parse(t0)) / 1000]);
    expect(spans).toEqual([["live", 0, 7], ["away", 7, 9], ["live", 9, 9]]);
  });
});

describe("routes", () => {
  it("go there and back", () => {
    expect(parseRoute(streamHash("a b/c"))).toEqual({ page: "stream", videoId: "a b/c" });
    for (const hash of ["", "#/", "#/streams/", "#/streams/a/b", "#/streams/%E0%A4%A"]) expect(parseRoute(hash)).toEqual({ page: "list" });
  });
});

describe("hints", () => {
  it("never hold a key", () => {
    expect(ffmpegCommand("rtmp://h:1935/live")).toContain('-f flv "rtmp://h:1935/live/<stream key>"');
    expect(curlCommands("http://h", "a1")).toContain('Bearer $WEIR_API_TOKEN" \\\n  http://h/api/live/a1/status');
    expect(embedSnippet("http://h/live/a1")).toContain('src="http://h/live/a1?embed"');
  });

  it("embed a player as its documentation does", () => {
    const [, documented] = /```html\n(.*?)```/s.exec(player) ?? [];
    expect(embedSnippet("https://live.example.com/live/VIDEO_ID")).toBe(documented?.trim().replace(/\s+/g, " "));
  });
});

describe("a webhook", () => {
  it("is failing, disabled or well", () => {
    const webhook = { enabled: true, failures: 0 } as Webhook;
    const text = (change: Partial<Webhook>): string => condition({ ...webhook, ...change }).text;
    expect([text({}), text({ failures: 2 }), text({ enabled: false, failures: 2 })]).toEqual(["Enabled", "Failing", "Disabled"]);
  });
});

describe("recordings", () => {
  const recording: Recording = {
    number: 1, state: "RECORDING", startedAt: "2026-11-26T12:00:00Z", endedAt: null, key: "recordings/x.mp4", url: null,
    size: null, duration: null, attempts: 0, reason: null,
  };

  it("are told by their state, and of what goes wrong meanwhile", () => {
    expect(told(recording)).toBe("Recording.");
    expect(told({ ...recording, attempts: 2, reason: "no answer" })).toBe("Recording. Attempt 2 failed: no answer");
    expect(told({ ...recording, state: "READY", duration: 3725, size: 1_219_043_320 })).toBe("1:02:05 · 1.2 GB");
    expect(told({ ...recording, state: "FAILED", reason: "nothing to play" })).toBe("Failed: nothing to play");
  });
});
