import { describe, expect, it } from "vitest";
import type { StreamStatus } from "../api/types";
import { curlCommands, embedSnippet, ffmpegCommand } from "./hints";
import { History } from "./history";
import { parseRoute, streamHash } from "./route";
import { warnings } from "./warnings";

function live(change: Partial<StreamStatus> = {}): StreamStatus {
  return {
    videoId: "a1", title: "Concert", status: "LIVE", isLiveNow: true, reconnecting: false, armed: true,
    hlsManifestKey: "live/a1/index.m3u8", createdAt: null, startedAt: null, endedAt: null, endReason: null, viewers: 4, peakViewers: 5, totalViewers: 9, playback: null, servedBytes: null,
    rtmpUrl: null, playbackUrl: null, playerUrl: null,
    ingest: {
      encoder: "OBS", remoteAddress: null, connectedAt: null, bitrate: 4e6, frameRate: 30, videoCodec: "H.264", width: 1920,
      height: 1080, audioCodec: "AAC", sampleRate: 48000, channels: 2, keyframeInterval: 2, bytesReceived: 1,
    },
    encode: {
      width: 1280, height: 720, frameRate: 30, speed: 1, queuedPackets: 0, framesDecoded: 1, framesEncoded: 1,
      framesDropped: 0, framesRepeated: 0, decodeErrors: 0,
    },
    upload: { pendingSegments: 0, pendingBytes: 0, segmentsStored: 1, segmentsDropped: 0, retries: 0, latencyMs: 80, lastError: null },
    ...change,
  };
}
const codes = (status: StreamStatus): string[] => warnings(status).map(({ code }) => code);

describe("warnings", () => {
  it("finds nothing wrong with a healthy stream, or with one that isn't live", () => {
    expect(codes(live())).toEqual([]);
    expect(codes(live({ status: "READY", reconnecting: true, ingest: { ...live().ingest!, keyframeInterval: 9 } }))).toEqual([]);
    expect(codes(live({ ingest: null, encode: null, upload: null }))).toEqual([]);
  });

  it("names each fault", () => {
    const { ingest, encode, upload } = live();
    expect(codes(live({ reconnecting: true }))).toEqual(["away"]);
    expect(codes(live({ ingest: { ...ingest!, keyframeInterval: 4.2 } }))).toEqual(["keyframes"]);
    expect(codes(live({ ingest: { ...ingest!, audioCodec: null } }))).toEqual(["no-audio"]);
    expect(codes(live({ encode: { ...encode!, speed: 0.9, decodeErrors: 1, framesDropped: 3 } }))).toEqual(["decode", "speed", "frames"]);
    expect(codes(live({ upload: { ...upload!, retries: 2, segmentsDropped: 1, latencyMs: 1900 } }))).toEqual(["lost", "retries", "slow-upload"]);
  });

  it("doesn't complain of an encoder that just keeps up, or whose speed isn't known yet", () => {
    expect(codes(live({ encode: { ...live().encode!, speed: 1 } }))).toEqual([]);
    expect(codes(live({ encode: { ...live().encode!, speed: null } }))).toEqual([]);
  });

  it("says what the store said", () => {
    const [warning] = warnings(live({ upload: { ...live().upload!, retries: 1, lastError: "503 Slow Down" } }));
    expect(warning).toMatchObject({ title: "1 upload retry", detail: "503 Slow Down" });
  });
});

describe("history", () => {
  it("keeps the last samples, all series in step, gaps as null", () => {
    const history = new History(3);
    for (let t = 0; t < 5; t += 1) history.add(t, live(t === 4 ? { ingest: null } : { viewers: t }));
    expect(history.times).toEqual([2, 3, 4]);
    expect(history.of("viewers")).toEqual([2, 3, 4]);
    expect(history.of("bitrate")).toEqual([4e6, 4e6, null]);
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
});
