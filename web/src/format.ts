// Numbers as people read them. A missing value is an en dash.

export const NONE = "–";

type Maybe = number | null | undefined;

/** Bits per second. */
export function bitrate(value: Maybe): string {
  if (!known(value)) return NONE;
  if (value >= 1e6) return `${trim(value / 1e6, value >= 1e7 ? 1 : 2)} Mb/s`;
  if (value >= 1e3) return `${Math.round(value / 1e3)} kb/s`;
  return `${Math.round(value)} b/s`;
}

export function bytes(value: Maybe): string {
  if (!known(value)) return NONE;
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const) {
    if (value >= size) return `${trim(value / size, 1)} ${unit}`;
  }
  return `${Math.round(value)} B`;
}

export function count(value: Maybe): string {
  return known(value) ? Math.round(value).toLocaleString("en") : NONE;
}

/** Frames per second: 30, 29.97. */
export function frameRate(value: Maybe): string {
  return known(value) ? `${trim(value, 2)} fps` : NONE;
}

/** Speed relative to real time. */
export function speed(value: Maybe): string {
  return known(value) ? `${value.toFixed(2)}×` : NONE;
}

export function milliseconds(value: Maybe): string {
  if (!known(value)) return NONE;
  return value >= 1000 ? `${trim(value / 1000, 2)} s` : `${Math.round(value)} ms`;
}

/** Seconds with one decimal. */
export function seconds(value: Maybe): string {
  return known(value) ? `${value.toFixed(1)} s` : NONE;
}

export function sampleRate(value: Maybe): string {
  return known(value) ? `${trim(value / 1000, 2)} kHz` : NONE;
}

export function size(width: Maybe, height: Maybe): string {
  return known(width) && known(height) ? `${width} × ${height}` : NONE;
}

export function channels(value: Maybe): string {
  if (!known(value)) return NONE;
  return value === 1 ? "mono" : value === 2 ? "stereo" : `${value} channels`;
}

/** A running clock: 0:07, 12:34, 1:02:03. */
export function clock(totalSeconds: number): string {
  const whole = Math.max(0, Math.floor(totalSeconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${h > 0 ? String(m).padStart(2, "0") : m}:${String(s).padStart(2, "0")}`;
  return h > 0 ? `${h}:${tail}` : tail;
}

/** The same for ears: "1 hour 2 minutes 3 seconds". */
export function spokenClock(totalSeconds: number): string {
  const whole = Math.max(0, Math.floor(totalSeconds));
  const parts = ([[Math.floor(whole / 3600), "hour"], [Math.floor(whole / 60) % 60, "minute"], [whole % 60, "second"]] as const)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}${value === 1 ? "" : "s"}`);
  return parts.join(" ") || "0 seconds";
}

/** A span of seconds in words: 30 s, 5 min, 1.5 h. */
export function duration(value: Maybe): string {
  if (!known(value)) return NONE;
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7200 ? `${trim(value / 60, 1)} min` : `${trim(value / 3600, 1)} h`;
}

/** A point in time: the clock, and the day unless it is today's. Milliseconds since the epoch. */
export function moment(at: number, now: number): string {
  const time = new Date(at);
  const clockTime = time.toLocaleTimeString("en-GB");
  if (time.toDateString() === new Date(now).toDateString()) return clockTime;
  return `${time.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${clockTime}`;
}

/** How long ago: "just now", "5 min ago", "3 h ago", "12 days ago". */
export function ago(time: string | null | undefined, now: number): string {
  const then = time ? Date.parse(time) : NaN;
  if (Number.isNaN(then)) return NONE;
  const minutes = Math.floor((now - then) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "yesterday" : `${days} days ago`;
}

/** A full local date and time. */
export function dateTime(time: string | null | undefined): string {
  const then = time ? new Date(time) : null;
  if (!then || Number.isNaN(then.getTime())) return NONE;
  return then.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

function known(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function trim(value: number, decimals: number): string {
  return String(Number(value.toFixed(decimals)));
}
