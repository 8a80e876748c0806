import type { PlaylistOutcome } from "./phase";
import { hasParts, isEnded } from "./playlist";
import type { ServerClock } from "./serverClock";

const TIMEOUT_MS = 5_000;

export interface Look {
  outcome: PlaylistOutcome;
  parts: boolean;
}

/** Whether the server says that there is no such stream. */
export async function isMissing(videoId: string): Promise<boolean> {
  try {
    const response = await fetch(`/api/live/${encodeURIComponent(videoId)}/viewers`, {
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return response.status === 404;
  } catch {
    return false;
  }
}

/** Looks at a playlist once. */
export async function look(url: string, clock: ServerClock): Promise<Look> {
  const sentAt = Date.now();
  try {
    const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    clock.observe(response.headers.get("Date"), sentAt, Date.now());
    if (response.status >= 500) return { outcome: "unreachable", parts: false };
    if (!response.ok) return { outcome: "missing", parts: false };
    return { outcome: isEnded(text) ? "ended" : "live", parts: hasParts(text) };
  } catch {
    return { outcome: "unreachable", parts: false };
  }
}
