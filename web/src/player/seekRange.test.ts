import { describe, expect, it } from "vitest";
import { label, sought } from "./seekBar";
import { parseThumbs } from "./thumbs";
import { beginning, seekRange, type Showing } from "./seekRange";

const FROM = Date.parse("2026-11-22T18:00:00Z");
const at = (seconds: number): number => FROM + seconds * 1000;
const live: Showing = {
  onAir: true, rewind: { from: "2026-11-22T18:00:00Z", window: null }, now: at(600), playingDate: at(599.4), following: true, kept: null,
};

describe("seek range", () => {
  it("reaches from the beginning to the live edge, and playback is there", () => {
    expect(seekRange(live)).toEqual({ length: 600, position: 600, onAir: true, skipped: 0 });
    expect(seekRange({ ...live, following: false, playingDate: at(60) })).toEqual({ length: 600, position: 60, onAir: true, skipped: 0 });
  });

  it("goes back no further than the window", () => {
    const windowed = { ...live, rewind: { ...live.rewind!, window: 100 } };
    expect(beginning(windowed)).toBe(at(500));
    expect(seekRange({ ...windowed, following: false, playingDate: at(550) })).toEqual({ length: 100, position: 50, onAir: true, skipped: 500 });
    expect(seekRange({ ...windowed, following: false, playingDate: at(450) })?.position).toBe(0);
  });

  it("is not there while nothing is kept", () => {
    expect(seekRange({ ...live, rewind: null })).toBeNull();
    expect(seekRange({ ...live, now: at(2) })).toBeNull();
    expect(seekRange({ ...live, onAir: false })).toBeNull();
  });

  it("is what is kept when the broadcast is over", () => {
    expect(seekRange({ ...live, onAir: false, kept: { length: 590, position: 10 } })).toEqual({ length: 590, position: 10, onAir: false, skipped: 0 });
  });
});

describe("seek bar", () => {
  const over = { length: 600, position: 3, onAir: false, skipped: 0 };

  it("has the keys of a slider, within its bounds", () => {
    const keys = ["ArrowLeft", "ArrowRight", "PageUp", "Home", "End", "l"].map((key) => sought(key, over));
    expect(keys).toEqual([0, 8, 63, 0, 600, null]);
  });

  it("tells of time since the beginning, or behind the live edge", () => {
    expect(label(65, over)).toBe("1:05");
    expect(label(65, { ...over, onAir: true })).toBe("−8:55");
  });
});

it("reads which picture is of which time", () => {
  const thumbs = parseThumbs("WEBVTT\n\n00:00:00.000 --> 00:00:05.500\nsprites_000.jpg#xywh=0,0,160,90\n\n01:00:00.000 --> 01:00:05.000\nsprites_100.jpg#xywh=160,90,160,90\n\n?\n");
  expect(thumbs).toEqual([
    { from: 0, to: 5.5, name: "sprites_000.jpg", x: 0, y: 0, width: 160, height: 90 },
    { from: 3600, to: 3605, name: "sprites_100.jpg", x: 160, y: 90, width: 160, height: 90 },
  ]);
});
