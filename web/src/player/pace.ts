// The control loop that keeps a live picture close to its source without stalling.
//
// Each time that the buffer grows, the loop notes how low it was just before, as media time at the
// buffer's end minus wall time. That number doesn't depend on the playhead, so the lowest of the
// last seconds, set against the playhead's own line (position minus wall time), tells how low the
// buffer will get if playback goes on at 1.0x and arrivals stay as they were: the trough. The loop
// plays a little faster or slower until the trough is at its target. Parts and whole segments
// differ only in the interval between arrivals.

/** How long arrivals say something about the next ones: for this many intervals, within bounds, s. */
const MEMORY_INTERVALS = 10;
const MIN_MEMORY_S = 4;
const MAX_MEMORY_S = 20;
/** Slowing down answers to what is late now, not to what was late once, s. */
const RECENT_S = 3;
/** Growth this soon after the last belongs to it: a segment's tracks, or a backlog's segments, s. */
const SAME_ARRIVAL_S = 0.06;
/** At first, an arrival that leaves the buffer's end this much nearer to the edge than the one before is of a backlog, s. */
const BACKLOG_S = 0.1;
/** Arrivals needed before the loop trusts its estimate. */
const WARM_ARRIVALS = 3;
/** Browsers underflow at 0.1 s, and with long parts now and then at 0.15 s; longer intervals get a little more. */
const BASE_TROUGH_S = 0.18;
const TROUGH_PER_INTERVAL = 0.05;
const TROUGH_PER_JITTER = 1;
const MAX_TARGET_S = 2.5;
const MAX_RATE = 1.25;
const MIN_RATE = 0.95;
/** Extra target after a stall: doubled by the next one, halved by each quiet minute. */
const PENALTY_FIRST_S = 0.15;
const PENALTY_MAX_S = 1.5;
const PENALTY_HALF_LIFE_S = 60;
/** Behind by more than this plus an interval, catching up by rate would take too long: seek. */
const SEEK_BEHIND_S = 2;
const SEEK_PAUSE_S = 5;

interface Arrival {
  at: number;
  /** Media time at the buffer's end just before this arrival, minus `at`. */
  low: number;
}

export interface PaceOrder {
  rate: number;
  /** A position to seek to, when the playhead is far behind. */
  seekTo: number | null;
}

/** All times are in seconds; `now` is a monotonic wall clock. */
export class Pace {
  private arrivals: Arrival[] = [];
  private end: number | null = null;
  private grownAt = -Infinity;
  /** Arrivals come as they are made, rather than out of a backlog that was there before. */
  private settled = false;
  private rate = 1;
  private penalty = 0;
  private penaltyAt = 0;
  private seekedAt = -Infinity;

  /** Notes where the buffer ends. Call it on every append and on every tick. */
  observe(now: number, bufferedEnd: number): void {
    if (this.end === null || bufferedEnd < this.end - 0.5) {
      this.arrivals = [];
      this.end = bufferedEnd;
      this.grownAt = now;
      this.settled = false;
      return;
    }
    if (bufferedEnd <= this.end + 0.005) return;
    if (now - this.grownAt > SAME_ARRIVAL_S) this.arrived({ at: now, low: this.end - now });
    this.end = bufferedEnd;
    this.grownAt = now;
    const memory = Math.min(MAX_MEMORY_S, Math.max(MIN_MEMORY_S, MEMORY_INTERVALS * this.interval));
    while (this.arrivals.length > WARM_ARRIVALS && this.arrivals[0]!.at < now - memory) this.arrivals.shift();
  }

  private arrived(arrival: Arrival): void {
    const last = this.arrivals.at(-1);
    if (!this.settled && last) {
      // A backlog comes as fast as the network brings it, and says nothing of what is made now.
      if (arrival.low > last.low + BACKLOG_S) this.arrivals = [];
      else this.settled = true;
    }
    this.arrivals.push(arrival);
  }

  /** Playback ran dry: keep more in hand from now on. */
  stalled(now: number): void {
    this.penalty = Math.min(PENALTY_MAX_S, Math.max(PENALTY_FIRST_S, 2 * this.penaltyNow(now)));
    this.penaltyAt = now;
  }

  /** What to do now, with the playhead at `position`. */
  steer(now: number, position: number): PaceOrder {
    const trough = this.trough(now, position);
    const recent = this.trough(now, position, RECENT_S);
    if (trough === null || recent === null) return { rate: (this.rate = 1), seekTo: null };
    const excess = trough - this.target(now);
    if (excess > SEEK_BEHIND_S + this.interval && now - this.seekedAt > SEEK_PAUSE_S) {
      this.seekedAt = now;
      return { rate: (this.rate = 1), seekTo: position + excess };
    }
    return { rate: (this.rate = nextRate(this.rate, excess, this.base - recent)), seekTo: null };
  }

  /** The lowest that the buffer will get at 1.0x, or null while too little is known. */
  trough(now: number, position: number, memory = Infinity): number | null {
    const floor = this.floor(now, memory);
    return floor === null ? null : floor + now - position;
  }

  /** Where the playhead has to be for the trough to be on target. */
  livePosition(now: number): number | null {
    const floor = this.floor(now);
    return floor === null ? null : floor + now - this.target(now);
  }

  /** The trough to aim at. */
  target(now: number): number {
    return Math.min(MAX_TARGET_S, this.base + TROUGH_PER_JITTER * this.jitter + this.penaltyNow(now));
  }

  /** Mean time between arrivals. */
  get interval(): number {
    const [first, last] = [this.arrivals[0], this.arrivals.at(-1)];
    return first && last && first !== last ? (last.at - first.at) / (this.arrivals.length - 1) : 0;
  }

  /** Mean deviation of the arrivals from their mean, against their media time. */
  get jitter(): number {
    const { length } = this.arrivals;
    if (length < WARM_ARRIVALS) return 0;
    const mean = this.arrivals.reduce((sum, { low }) => sum + low, 0) / length;
    return this.arrivals.reduce((sum, { low }) => sum + Math.abs(low - mean), 0) / length;
  }

  private get base(): number {
    return BASE_TROUGH_S + TROUGH_PER_INTERVAL * this.interval;
  }

  private floor(now: number, memory = Infinity): number | null {
    if (this.end === null || this.arrivals.length < WARM_ARRIVALS) return null;
    // The arrival that is due counts too: if it is late, this is lower than all before.
    let floor = this.end - now;
    for (const { at, low } of this.arrivals) if (at >= now - memory) floor = Math.min(floor, low);
    return floor;
  }

  private penaltyNow(now: number): number {
    return this.penalty * 0.5 ** ((now - this.penaltyAt) / PENALTY_HALF_LIFE_S);
  }
}

/** Gentle, with hysteresis, in steps of 0.01: browsers stretch audio at any rate but 1. */
function nextRate(rate: number, excess: number, shortage: number): number {
  if (excess > (rate > 1 ? 0.01 : 0.04)) return round(Math.min(MAX_RATE, 1.08 + 0.5 * excess));
  if (shortage > (rate < 1 ? 0.01 : 0.06)) return round(Math.max(MIN_RATE, 0.98 - 0.1 * shortage));
  return 1;
}

function round(rate: number): number {
  return Math.round(rate * 100) / 100;
}
