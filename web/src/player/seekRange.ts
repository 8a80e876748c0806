import type { Rewind } from "../api/types";

/** What a seek bar reaches over, and where playback is in it; seconds. */
export interface SeekRange {
  length: number;
  position: number;
  /** Its end is the live edge, and moves. */
  onAir: boolean;
  /** So much of what is kept is before its beginning. */
  skipped: number;
}

/** What goes on, as far as it matters to a seek bar. Dates are ms since the epoch. */
export interface Showing {
  onAir: boolean;
  rewind: Rewind | null;
  /** By the server's clock. */
  now: number;
  /** Of the picture on the screen. */
  playingDate: number | null;
  /** Playback follows the live edge. */
  following: boolean;
  /** Of what is kept, once the broadcast is over; and where playback is in that. */
  kept: { length: number; position: number } | null;
}

/** Nearer to the live edge than that, live is meant, s. */
export const LIVE_ZONE_S = 4;

/** When the beginning of the bar was on air. */
export function beginning({ rewind, now }: Pick<Showing, "rewind" | "now">): number | null {
  if (!rewind) return null;
  const from = Date.parse(rewind.from);
  return rewind.window === null ? from : Math.max(from, now - rewind.window * 1000);
}

/** Null where nothing can be sought. */
export function seekRange(showing: Showing): SeekRange | null {
  const { onAir, now, playingDate, following, kept } = showing;
  if (!onAir) return kept && { ...kept, onAir, skipped: 0 };
  const from = beginning(showing);
  if (from === null || now - from < LIVE_ZONE_S * 1000) return null;
  const length = (now - from) / 1000;
  const position = following || playingDate === null ? length : Math.min(Math.max(0, (playingDate - from) / 1000), length);
  return { length, position, onAir, skipped: (from - Date.parse(showing.rewind!.from)) / 1000 };
}
