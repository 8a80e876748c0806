import { describe, expect, it } from "vitest";
import * as format from "./format";

describe("format", () => {
  it("prints rates and sizes with the unit that fits", () => {
    expect([0, 950, 128_000, 2_500_000, 5_960_000, 12_340_000].map(format.bitrate)).toEqual([
      "0 b/s", "950 b/s", "128 kb/s", "2.5 Mb/s", "5.96 Mb/s", "12.3 Mb/s",
    ]);
    expect([12, 640_000, 2_100_000_000].map(format.bytes)).toEqual(["12 B", "640 kB", "2.1 GB"]);
    expect([30, 29.97003, 59.94].map(format.frameRate)).toEqual(["30 fps", "29.97 fps", "59.94 fps"]);
    expect([84.4, 1840].map(format.milliseconds)).toEqual(["84 ms", "1.84 s"]);
    expect(format.sampleRate(44_100)).toBe("44.1 kHz");
    expect(format.speed(0.908)).toBe("0.91×");
    expect(format.count(168_712)).toBe("168,712");
    expect([1, 2, 6].map(format.channels)).toEqual(["mono", "stereo", "6 channels"]);
  });

  it("prints a dash for what is not known", () => {
    for (const print of [format.bitrate, format.bytes, format.count, format.frameRate, format.speed, format.milliseconds, format.seconds]) {
      expect([null, undefined, NaN].map(print)).toEqual(["–", "–", "–"]);
    }
    expect(format.size(1280, null)).toBe("–");
    expect(format.ago(null, 0)).toBe("–");
    expect(format.dateTime("yesterday")).toBe("–");
  });

  it("prints running clocks", () => {
    expect([-3, 7, 754, 3723].map(format.clock)).toEqual(["0:00", "0:07", "12:34", "1:02:03"]);
  });

  it("prints how long ago", () => {
    const now = Date.parse("2026-06-10T12:00:00Z");
    const ago = (time: string): string => format.ago(time, now);
    expect(ago("2026-06-10T11:59:31Z")).toBe("just now");
    expect(ago("2026-06-10T11:55:00Z")).toBe("5 min ago");
    expect(ago("2026-06-10T09:00:00Z")).toBe("3 h ago");
    expect(ago("2026-06-09T09:00:00Z")).toBe("yesterday");
    expect(ago("2026-05-29T09:00:00Z")).toBe("12 days ago");
  });
});
