import { describe, expect, it } from "vitest";
import { readPlaylist, withBlockingReload } from "./playlist";
import { ReloadSchedule } from "./reloadSchedule";
import { ServerClock } from "./serverClock";
import { Stalls } from "./stalls";

const PLAIN = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:41
#EXTINF:2.000,
segment_41.ts
#EXTINF:1.967,
segment_42.ts
`;

describe("playlist", () => {
  it("reads a plain live playlist", () => {
    expect(readPlaylist(PLAIN)).toEqual({ live: true, parts: false, blocksReload: false, lastSegment: 42, lastDuration: 1.967 });
  });

  it("sees the end, the parts and the blocking reload", () => {
    expect(readPlaylist(`${PLAIN}#EXT-X-ENDLIST\n`).live).toBe(false);
    const low = readPlaylist(PLAIN.replace("#EXT-X-TARGETDURATION", "#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=0.6,CAN-BLOCK-RELOAD=YES\n#EXT-X-PART-INF:PART-TARGET=0.2\n#EXT-X-TARGETDURATION"));
    expect([low.parts, low.blocksReload]).toEqual([true, true]);
  });

  it("counts the segments that a delta update skips", () => {
    expect(readPlaylist(PLAIN.replace("#EXTINF:2.000,\nsegment_41.ts", "#EXT-X-SKIP:SKIPPED-SEGMENTS=7")).lastSegment).toBe(48);
  });

  it("takes neither a multivariant nor an empty playlist for a broadcast with segments", () => {
    expect(readPlaylist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720p/index.m3u8\n").live).toBe(false);
    expect(readPlaylist("#EXTM3U\n").lastSegment).toBe(-1);
    expect(readPlaylist("").lastSegment).toBe(-1);
  });

  it("adds the promise of a blocking reload and nothing else", () => {
    const promised = withBlockingReload(PLAIN);
    expect(readPlaylist(promised)).toEqual({ ...readPlaylist(PLAIN), blocksReload: true });
    expect(promised.split("\n").filter((line) => !line.startsWith("#EXT-X-SERVER-CONTROL")).join("\n")).toBe(PLAIN);
  });
});

describe("reload schedule", () => {
  it("asks at once the first time, and shortly before each segment is due", () => {
    const schedule = new ReloadSchedule();
    expect(schedule.wait(10, false)).toBe(0);
    schedule.listed(10, 2);
    expect(schedule.wait(10, false)).toBeCloseTo(1.94);
    expect(schedule.wait(11.5, false)).toBeCloseTo(0.44);
    expect(schedule.wait(13, false)).toBe(0);
  });

  it("asks for a segment that is due a few times a second, and less often when it is overdue", () => {
    const schedule = new ReloadSchedule();
    schedule.listed(10, 2);
    expect(schedule.wait(12, true)).toBeCloseTo(0.12);
    expect(schedule.wait(14, true)).toBeCloseTo(0.5);
  });

  it("sees a segment soon after its listing with about two requests for each", () => {
    const schedule = new ReloadSchedule();
    let [now, requests, worst] = [0.7, 0, 0];
    for (let segment = 1; segment <= 50; segment += 1) {
      const listedAt = 2 * segment;
      for (let asked = false; ; asked = true) {
        now += schedule.wait(now, asked);
        requests += 1;
        if (now >= listedAt) break;
      }
      if (segment > 1) worst = Math.max(worst, now - listedAt);
      schedule.listed(now, 2);
    }
    expect(worst).toBeLessThan(0.13);
    expect(requests / 50).toBeLessThan(2.2);
  });
});

describe("server clock", () => {
  const date = (ms: number): string => new Date(Math.floor(ms / 1000) * 1000).toUTCString();

  it("leaves clocks alone that may agree", () => {
    const clock = new ServerClock();
    for (let t = 1_000_000; t < 1_020_000; t += 730) clock.observe(date(t), t - 5, t + 5);
    expect(clock.offset).toBe(0);
  });

  it("finds a difference to a fraction of the header's second", () => {
    const clock = new ServerClock();
    for (let t = 1_000_000; t < 1_020_000; t += 730) clock.observe(date(t - 3_400), t - 5, t + 5);
    expect(Math.abs(clock.offset + 3_400)).toBeLessThan(60);
  });

  it("begins again when a clock is set, and ignores what is no date", () => {
    const clock = new ServerClock();
    clock.observe(null, 0, 1);
    clock.observe("soon", 0, 1);
    expect(clock.offset).toBe(0);
    clock.observe(date(1_000_000), 900_000, 900_010);
    expect(clock.offset).toBeCloseTo(100_495, -1);
    clock.observe(date(1_000_000), 1_000_000, 1_000_010);
    expect(clock.offset).toBe(0);
  });
});

describe("stalls", () => {
  it("counts a standstill once, and its length", () => {
    const stalls = new Stalls();
    const seen = [0, 1, 2, 2, 2, 2, 2, 3, 4].map((position, i) => stalls.sample(i * 0.05, position));
    expect(seen.filter(Boolean)).toHaveLength(1);
    expect(stalls.count).toBe(1);
    expect(stalls.total).toBeCloseTo(0.25);
  });

  it("takes neither the time before the first movement nor a rest for a stall", () => {
    const stalls = new Stalls();
    for (let i = 0; i < 20; i += 1) expect(stalls.sample(i * 0.05, 10)).toBe(false);
    stalls.sample(1, 10.1);
    stalls.rest(1.05);
    for (let i = 0; i < 20; i += 1) expect(stalls.sample(2 + i * 0.05, 10.1)).toBe(false);
    expect(stalls.count).toBe(0);
  });
});
