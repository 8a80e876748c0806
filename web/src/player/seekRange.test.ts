import { describe, expect, it } from "vitest";
import { label, sought } from "./seekBar";
import { beginning, seekRange, type Showing } from "./seekRange";

const FROM = Date.parse("2026-11-22T18:00:00Z");
const at = (seconds: number): number => FROM + seconds * 1000;
const live: Showing = {
  onAir: true, rewind: { from: "2026-11-22T18:00:00Z", window: null }, now: at(600), playingDate: at(599.4), following: true, kept: null,
};

describe("seek range", () => {
  it("reaches from the beginning to the live edge, and playback is there", () => {
    expect(seekRange(live)).toEqual({ length: 600, position: 600, onAir: true });
    expect(seekRange({ ...live, following: false, playingDate: at(60) })).toEqual({ length: 600, position: 60, onAir: true });
  });

  it("goes back no further than the window", () => {
    const windowed = { ...live, rewind: { ...live.rewind!, window: 100 } };
    expect(beginning(windowed)).toBe(at(500));
    expect(seekRange({ ...windowed, following: false, playingDate: at(550) })).toEqual({ length: 100, position: 50, onAir: true });
    expect(seekRange({ ...windowed, following: false, playingDate: at(450) })?.position).toBe(0);
  });

  it("is not there while nothing is kept", () => {
    expect(seekRange({ ...live, rewind: null })).toBeNull();
    expect(seekRange({ ...live, now: at(2) })).toBeNull();
    expect(seekRange({ ...live, onAir: false })).toBeNull();
  });

  it("is what is kept when the broadcast is over", () => {
    expect(seekRange({ ...live, onAir: false, kept: { length: 590, position: 10 } })).toEqual({ length: 590, position: 10, onAir: false });
  });
});

describe("seek bar", () => {
  const over = { length: 600, position: 3, onAir: false };

  it("has the keys of a slider, within its bounds", () => {
    const keys = ["ArrowLeft", "ArrowRight", "PageUp", "Home", "End", "l"].map((key) => sought(key, over));
    expect(keys).toEqual([0, 8, 63, 0, 600, null]);
  });

  it("tells of time since the beginning, or behind the live edge", () => {
    expect(label(65, over)).toBe("1:05");
    expect(label(65, { ...over, onAir: true })).toBe("−8:55");
  });
});
