import { describe, expect, it } from "vitest";
import { hasParts, isEnded } from "./playlist";
import { ServerClock } from "./serverClock";
import { Stalls } from "./stalls";

describe("playlist", () => {
  const plain = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:41\n#EXTINF:2.000,\nsegment_41.ts\n";

  it("sees whether there are parts, and the end", () => {
    expect([hasParts(plain), isEnded(plain)]).toEqual([false, false]);
    expect(hasParts(plain.replace("#EXT-X-T", "#EXT-X-PART-INF:PART-TARGET=0.2\n#EXT-X-T"))).toBe(true);
    expect(isEnded(`${plain}#EXT-X-ENDLIST\n`)).toBe(true);
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
