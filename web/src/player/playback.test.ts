import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeVideo } from "./fakeVideo";
import { Pause } from "./pause";
import { Playback, type Demand } from "./playback";

const LIVE: Demand = { media: true, flowing: true, over: false, scout: false, broadcast: 1 };

describe("playback", () => {
  let video: FakeVideo;
  let pause: Pause;
  let playback: Playback;
  let told: string[];
  let playlist: () => Response;
  let asked: number;
  const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  /** The browser has the source's first picture. */
  const loaded = (): void => void (video.readyState = 4);
  const plays = async (ms: number): Promise<void> => {
    for (let t = 0; t < ms; t += 50) {
      video.currentTime += 0.05;
      await after(50);
    }
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal("window", globalThis);
    playlist = () => new Response("#EXTM3U\n");
    asked = 0;
    vi.stubGlobal("fetch", async () => {
      asked += 1;
      return playlist();
    });
    video = new FakeVideo();
    told = [];
    const tell = (what: string) => () => void told.push(what);
    pause = new Pause(video.element, { resumed: (pausedFor) => playback.resume(pausedFor), changed: () => undefined });
    playback = new Playback(video.element, "/live/x/index.m3u8", pause, {
      playlist: (outcome) => void told.push(outcome), picture: tell("picture"), detached: tell("detached"), drained: tell("drained"),
      changed: () => undefined,
    });
  });

  afterEach(() => {
    vi.clearAllTimers();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const start = async (): Promise<void> => {
    playback.want(LIVE);
    await after(100);
    loaded();
    await plays(1_000);
  };

  it("gives a picture that stands still a new source, but none that was paused elsewhere than on the page", async () => {
    await start();
    video.pause();
    await after(30_000);
    expect([video.sources, video.paused, playback.waiting, playback.errors]).toEqual([1, true, false, []]);
    await video.play();
    await after(1_000);
    expect([video.sources, playback.errors]).toEqual([2, ["restart: long pause"]]);
    loaded();
    await plays(1_000);
    await after(7_000);
    expect(playback.errors).toContain("restart: picture stood still");
  });

  it("keeps the source that a browser doesn't let play", async () => {
    video.blocks = true;
    playback.want(LIVE);
    await after(100);
    loaded();
    await after(30_000);
    expect([video.sources, pause.on, playback.errors]).toEqual([1, true, []]);
  });

  it("shows the first picture of the next broadcast to who has paused the one before", async () => {
    await start();
    pause.pause();
    await after(60_000);
    told = [];
    playback.want({ ...LIVE, broadcast: 2 });
    await after(100);
    const stopped = vi.spyOn(playback.source!, "stopLoading");
    await after(5_000);
    expect([video.sources, stopped.mock.calls.length]).toEqual([2, 0]);
    loaded();
    await after(100);
    expect(told).toEqual(["detached", "live", "picture"]);
    await after(6_000);
    expect([stopped.mock.calls.length > 0, video.paused]).toEqual([true, true]);
    await pause.play();
    await after(1_000);
    expect([video.sources, video.paused, playback.errors]).toEqual([3, false, ["restart: long pause"]]);
  });

  it("stays away for as long as a full server asks, or until the next broadcast", async () => {
    const full = { type: "urn:weir:problem:stream-full" };
    playlist = () => Response.json(full, { status: 503, headers: { "Retry-After": "30" } });
    playback.want(LIVE);
    await after(29_900);
    expect([asked, told]).toEqual([1, ["full"]]);
    await after(200);
    expect(asked).toBe(2);
    playback.want({ ...LIVE, media: false, broadcast: 1 });
    playlist = () => new Response("#EXTM3U\n");
    playback.want({ ...LIVE, broadcast: 2 });
    await after(100);
    expect([asked, video.sources]).toEqual([3, 1]);
  });
});
