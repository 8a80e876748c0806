import { describe, expect, it } from "vitest";
import { Pace } from "./pace";

interface Scenario {
  /** Seconds of media in each arrival. */
  interval: number;
  /** How much later than on time arrival `n` comes, s. */
  late: (n: number) => number;
  /** What is buffered when playback begins, s. */
  initialBuffer: number;
  seconds: number;
}

interface Outcome {
  pace: Pace;
  now: number;
  position: number;
  stalls: number;
  seeks: number;
  rates: number[];
  /** The lowest buffer of the last third. */
  lowest: number;
}

/** A video element that buffers, plays and underflows, steered by the loop at its real tick. */
function play({ interval, late, initialBuffer, seconds }: Scenario): Outcome {
  const pace = new Pace();
  const tick = 0.05;
  let [position, end, arrived, stalls, seeks, lowest] = [100, 100 + initialBuffer, 0, 0, 0, Infinity];
  let dry = false;
  const rates: number[] = [];
  let now = 0;
  for (; now < seconds; now += tick) {
    while ((arrived + 1) * interval + late(arrived + 1) <= now) {
      arrived += 1;
      end += interval;
    }
    pace.observe(now, end);
    const order = pace.steer(now, position);
    rates.push(order.rate);
    if (order.seekTo !== null) {
      seeks += 1;
      position = Math.min(order.seekTo, end);
    }
    const next = position + tick * order.rate;
    if (next > end) {
      if (!dry) {
        stalls += 1;
        pace.stalled(now);
      }
      dry = true;
      continue;
    }
    dry = false;
    position = next;
    if (now > (2 * seconds) / 3) lowest = Math.min(lowest, end - position);
  }
  return { pace, now, position, stalls, seeks, rates, lowest };
}

describe("pace", () => {
  for (const [name, interval] of [["parts of 0.2 s", 0.2], ["segments of 2 s", 2]] as const) {
    it(`brings the trough of ${name} to its target and stays there`, () => {
      const { pace, now, position, stalls, seeks, lowest } = play({ interval, late: () => 0, initialBuffer: interval + 1.5, seconds: 90 });
      expect(stalls).toBe(0);
      expect(seeks).toBe(0);
      expect(pace.interval).toBeCloseTo(interval, 1);
      expect(Math.abs(pace.trough(now, position)! - pace.target(now))).toBeLessThan(0.1);
      expect(lowest).toBeGreaterThan(0.12);
      expect(lowest).toBeLessThan(0.5);
    });
  }

  it("doesn't take the backlog that it begins with for late arrivals", () => {
    const pace = new Pace();
    let [end, position] = [100, 100];
    // Two seconds that were there before come in four answers, then parts as they are made.
    const arrivals = [0.4, 0.5, 0.6, 0.5, ...Array<number>(5).fill(0.2)];
    for (const [n, media] of arrivals.entries()) {
      pace.observe(n * 0.2, end);
      end += media;
      pace.observe(n * 0.2 + 0.001, end);
      if (n > 0) position += 0.2;
    }
    // Playback began a second and a half behind: it is made up for now, not once the backlog is forgotten.
    expect(pace.trough(1.6, position)!).toBeGreaterThan(1);
    expect(pace.steer(1.6, position).rate).toBe(1.25);
  });

  it("keeps more in hand when arrivals waver, and still doesn't stall", () => {
    const late = (n: number): number => [0, 0.25, 0.1, 0.3, 0.05][n % 5]!;
    const steady = play({ interval: 0.5, late: () => 0, initialBuffer: 2, seconds: 60 });
    const wavering = play({ interval: 0.5, late, initialBuffer: 2, seconds: 60 });
    expect(wavering.stalls).toBe(0);
    expect(wavering.pace.jitter).toBeCloseTo(0.112, 2);
    expect(wavering.pace.target(60)).toBeGreaterThan(steady.pace.target(60) + 0.08);
  });

  it("never leaves the rates at which speech sounds natural", () => {
    const { rates } = play({ interval: 0.2, late: (n) => (n % 40 === 0 ? 0.5 : 0), initialBuffer: 2, seconds: 60 });
    expect(Math.max(...rates)).toBe(1.25);
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(0.95);
  });

  it("rests at exactly 1 once on target", () => {
    const { rates } = play({ interval: 2, late: () => 0, initialBuffer: 3, seconds: 90 });
    expect(rates.slice(-200).filter((rate) => rate !== 1)).toEqual([]);
  });

  it("waits for enough arrivals before it acts", () => {
    const pace = new Pace();
    pace.observe(0, 12);
    pace.observe(2, 14);
    expect(pace.trough(2, 10)).toBeNull();
    expect(pace.livePosition(2)).toBeNull();
    expect(pace.steer(2, 10)).toEqual({ rate: 1, seekTo: null });
  });

  it("takes growth in quick succession for one arrival", () => {
    const pace = new Pace();
    for (let n = 0; n < 5; n += 1) {
      pace.observe(2 * n, 12 + 2 * n - 1.9);
      pace.observe(2 * n + 0.01, 12 + 2 * n);
    }
    expect(pace.interval).toBeCloseTo(2, 5);
    expect(pace.jitter).toBeCloseTo(0, 5);
  });

  it("seeks only when far behind, and then to where the trough is on target", () => {
    const near = play({ interval: 2, late: () => 0, initialBuffer: 5.5, seconds: 20 });
    expect(near.seeks).toBe(0);
    const far = play({ interval: 2, late: () => 0, initialBuffer: 12, seconds: 20 });
    expect(far.seeks).toBe(1);
    expect(far.stalls).toBe(0);
    expect(far.pace.trough(far.now, far.position)).toBeLessThan(0.5);
  });

  it("backs off after a stall, more after another, and forgets in time", () => {
    const pace = new Pace();
    const before = pace.target(0);
    pace.stalled(0);
    const once = pace.target(0);
    pace.stalled(1);
    const twice = pace.target(1);
    expect(once).toBeGreaterThan(before);
    expect(twice - before).toBeCloseTo(2 * (once - before), 2);
    expect(pace.target(61) - before).toBeCloseTo((twice - before) / 2, 2);
    for (let n = 0; n < 20; n += 1) pace.stalled(62);
    expect(pace.target(62)).toBeLessThanOrEqual(2.5);
  });

  it("is back on target a minute after a single late arrival", () => {
    const late = (n: number): number => (n === 15 ? 2.5 : n === 16 ? 0.5 : 0);
    const { pace, now, position, stalls, rates } = play({ interval: 2, late, initialBuffer: 2.5, seconds: 95 });
    expect(stalls).toBe(1);
    expect(pace.trough(now, position)).toBeLessThan(0.6);
    // What was late once doesn't make playback fall further behind.
    expect(rates.slice(40 / 0.05).filter((rate) => rate < 1)).toEqual([]);
  });

  it("slows down while an arrival is overdue", () => {
    const pace = new Pace();
    for (let n = 0; n <= 10; n += 1) pace.observe(n * 0.2, 10 + n * 0.2);
    // The end is at 12.0: this playhead is fine until the next part fails to come.
    expect(pace.steer(2.1, 11.72).rate).toBe(1);
    expect(pace.steer(2.4, 12.02).rate).toBeLessThan(1);
  });

  it("begins anew when the timeline does", () => {
    const pace = new Pace();
    for (let n = 0; n <= 10; n += 1) pace.observe(n * 0.2, 500 + n * 0.2);
    expect(pace.trough(2, 501)).not.toBeNull();
    pace.observe(2.2, 10);
    expect(pace.trough(2.2, 9)).toBeNull();
  });
});
