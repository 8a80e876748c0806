import type { PlaylistOutcome } from "./phase";
import { hasParts, isEnded } from "./playlist";
import type { ServerClock } from "./serverClock";

const TIMEOUT_MS = 5_000;
/** For how long a refused viewer stays away where the server doesn't say, and at most, s. */
const RETRY_S = 30;
const MAX_RETRY_S = 300;

export interface Look {
  outcome: PlaylistOutcome;
  parts: boolean;
  /** Not to look again for so long, ms. */
  retryAfter: number;
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
    return read(response, text);
  } catch {
    return { outcome: "unreachable", parts: false, retryAfter: 0 };
  }
}

/** What an answer to the question for a playlist says. */
export function read({ ok, status, headers }: Pick<Response, "ok" | "status" | "headers">, text: string): Look {
  if (ok) return { outcome: isEnded(text) ? "ended" : "live", parts: hasParts(text), retryAfter: 0 };
  if (isFull(text)) return { outcome: "full", parts: false, retryAfter: 1000 * secondsOf(headers.get("Retry-After")) };
  return { outcome: status >= 500 ? "unreachable" : "missing", parts: false, retryAfter: 0 };
}

/** Whether a problem document (RFC 9457) says that the stream or the server has no room for another viewer. */
function isFull(text: string): boolean {
  try {
    const { type } = JSON.parse(text) as { type?: unknown };
    return type === "urn:weir:problem:stream-full" || type === "urn:weir:problem:server-full";
  } catch {
    return false;
  }
}

function secondsOf(retryAfter: string | null): number {
  const seconds = Number(retryAfter ?? "");
  return seconds > 0 ? Math.min(seconds, MAX_RETRY_S) : RETRY_S;
}
