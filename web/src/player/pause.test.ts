import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeVideo } from "./fakeVideo";
import { Pause } from "./pause";

describe("pause", () => {
  let video: FakeVideo;
  let pause: Pause;
  let resumed: number[];
  const settled = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
  const length = (): number => pause.length(performance.now() / 1000);

  beforeEach(async () => {
    vi.useFakeTimers();
    video = new FakeVideo();
    resumed = [];
    pause = new Pause(video.element, { resumed: (after) => resumed.push(after), changed: () => undefined });
    video.src = "live";
    await pause.play();
    await settled();
  });
  afterEach(() => void vi.useRealTimers());

  it("is the same from the page's button and from elsewhere", async () => {
    for (const target of [pause, video]) {
      target.pause();
      await settled(12_000);
      expect([pause.on, length()]).toEqual([true, 12]);
      await target.play();
      await settled();
      expect([pause.on, length()]).toEqual([false, 0]);
    }
    expect(resumed).toEqual([12, 12]);
  });

  it("isn't what the end or a change of sources brings", async () => {
    video.ended = true;
    video.pause();
    await settled();
    expect(pause.on).toBe(false);
    video.ended = false;
    await video.play();
    video.pause();
    video.load();
    await settled();
    expect(pause.on).toBe(false);
    video.src = "next";
    await video.play();
    video.pause();
    void pause.play();
    await settled();
    expect([pause.on, resumed]).toEqual([false, []]);
  });

  it("is what a browser makes that wants a gesture", async () => {
    video.src = "next";
    video.blocks = true;
    await pause.play();
    expect(pause.on).toBe(true);
    video.blocks = false;
    await settled(3_000);
    await pause.play();
    expect([pause.on, resumed]).toEqual([false, [3]]);
  });

  it("counts anew for a source that is attached meanwhile", async () => {
    pause.renew();
    expect(pause.on).toBe(false);
    pause.pause();
    await settled(60_000);
    pause.renew();
    await settled(2_000);
    expect(length()).toBe(2);
  });
});
