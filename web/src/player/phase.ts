// What the viewer is told, from what the watch socket, the playlist and the video element say.

import type { Rewind, WatchMessage } from "../api/types";

export type Phase =
  | "connecting"
  | "offline"
  | "noStream"
  | "notStarted"
  | "starting"
  | "full"
  | "live"
  | "reconnecting"
  | "replay"
  | "ended"
  | "failed";

export type Signal =
  | { type: "watch"; message: WatchMessage }
  | { type: "socketLost" }
  /** The server knows no stream of this name. */
  | { type: "noStream" }
  /** What a look at the playlist found. Of the stream it tells only while there is no socket. */
  | { type: "playlist"; outcome: PlaylistOutcome }
  /** The first picture of a broadcast is on the screen. */
  | { type: "picture" }
  /** The source was taken off the video element. */
  | { type: "detached" }
  /** Everything there was to play has been played. */
  | { type: "drained" }
  /** The viewer sees what is kept, rather than what is live; or does so no more. */
  | { type: "replay"; on: boolean }
  /** What was said to be kept is not there. */
  | { type: "gone" };

export type PlaylistOutcome = "live" | "ended" | "missing" | "unreachable" | "full";

export interface ViewerState {
  stream: "unknown" | "none" | "pending" | "live" | "over" | "failed";
  publisherAway: boolean;
  socketOpen: boolean;
  unreachable: boolean;
  /** There is no room for another viewer. */
  full: boolean;
  picture: boolean;
  /** Counts broadcasts seen: a new one needs a new source. */
  broadcast: number;
  viewers: number | null;
  /** What is kept is on the screen, or about to be. */
  replaying: boolean;
  rewind: Rewind | null;
  /** What was kept of the last broadcast is gone, whatever is said of it. */
  gone: boolean;
}

export const INITIAL: ViewerState = {
  stream: "unknown",
  publisherAway: false,
  socketOpen: false,
  unreachable: false,
  full: false,
  picture: false,
  broadcast: 0,
  viewers: null,
  replaying: false,
  rewind: null,
  gone: false,
};

export function reduce(state: ViewerState, signal: Signal): ViewerState {
  switch (signal.type) {
    case "watch": {
      const { status, isLiveNow, reconnecting, viewers, rewind } = signal.message;
      // Who is let in by a new socket has a place.
      const full = state.socketOpen && state.full;
      const next = { ...state, socketOpen: true, unreachable: false, full, publisherAway: reconnecting, viewers, rewind: state.gone ? null : rewind };
      if (isLiveNow || status === "LIVE") return { ...toLive(next), rewind, gone: false };
      const stream = status === "PENDING" ? "pending" : status === "FAILED" ? "failed" : "over";
      return { ...next, stream, publisherAway: false };
    }
    case "socketLost":
      return { ...state, socketOpen: false, viewers: null };
    case "noStream":
      return { ...state, stream: "none", unreachable: false, publisherAway: false };
    case "playlist": {
      // A socket that is open from before may outlive its viewer's place.
      if (signal.outcome === "full") return { ...state, full: true, unreachable: false };
      const admitted = state.full ? { ...state, full: false } : state;
      return state.socketOpen ? admitted : fromPlaylist(admitted, signal.outcome);
    }
    case "picture":
      return { ...state, picture: true };
    case "detached":
    case "drained":
      return { ...state, picture: false };
    case "replay":
      return { ...state, replaying: signal.on, picture: false };
    case "gone":
      return { ...state, replaying: false, picture: false, rewind: null, gone: true };
  }
}

export function phase(state: ViewerState): Phase {
  if (state.replaying) return "replay";
  switch (state.stream) {
    case "unknown":
      if (state.full) return "full";
      return state.unreachable ? "offline" : "connecting";
    case "none":
      return state.picture ? "live" : "noStream";
    case "pending":
      if (state.full) return "full";
      return state.unreachable ? "offline" : "notStarted";
    case "live":
      if (state.full && !state.picture) return "full";
      if (state.publisherAway) return "reconnecting";
      if (state.picture) return "live";
      return state.unreachable ? "offline" : "starting";
    case "over":
      // What is still buffered is shown to its end.
      return state.picture ? "live" : "ended";
    case "failed":
      return state.picture ? "live" : "failed";
  }
}

/** Whether something can be played and paused. Else a pause would be of a broadcast that is yet to come. */
export function isPlayable(phase: Phase): boolean {
  return phase === "starting" || phase === "live" || phase === "reconnecting" || phase === "replay";
}

/** Whether a live source belongs on the video element. */
export function wantsMedia(state: ViewerState): boolean {
  return !state.replaying && (state.stream === "live" || state.picture);
}

/** Whether a broadcast is over that this viewer hasn't seen, and that can be seen. */
export function wantsReplay(state: ViewerState): boolean {
  const over = state.stream === "over" || state.stream === "failed";
  return over && !state.replaying && state.broadcast === 0 && state.rewind !== null;
}

function fromPlaylist(state: ViewerState, outcome: Exclude<PlaylistOutcome, "full">): ViewerState {
  if (outcome === "unreachable") return { ...state, unreachable: true };
  const next = { ...state, unreachable: false, publisherAway: false };
  switch (outcome) {
    case "live":
      return toLive(next);
    case "ended":
      return { ...next, stream: "over" };
    case "missing":
      // No playlist is no news for a stream that is over, or that isn't there at all.
      if (state.stream === "live") return { ...next, stream: "over" };
      return state.stream === "unknown" ? { ...next, stream: "pending" } : next;
  }
}

function toLive(state: ViewerState): ViewerState {
  if (state.stream === "live") return state;
  return { ...state, stream: "live", broadcast: state.broadcast + 1, picture: false, full: false, replaying: false };
}
