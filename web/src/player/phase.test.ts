import { describe, expect, it } from "vitest";
import type { StreamState } from "../api/types";
import { INITIAL, isPlayable, phase, reduce, wantsMedia, wantsReplay, type PlaylistOutcome, type Signal, type ViewerState } from "./phase";

const watch = (status: StreamState, reconnecting = false): Signal => ({
  type: "watch",
  message: { type: "status", status, isLiveNow: status === "LIVE", reconnecting, viewers: 3, rewind: null },
});
const playlist = (outcome: PlaylistOutcome): Signal => ({ type: "playlist", outcome });
const after = (...signals: Signal[]): ViewerState => signals.reduce(reduce, INITIAL);
const told = (...signals: Signal[]): string => phase(after(...signals));

describe("phase", () => {
  it("follows a broadcast from before its start to its end, and to the next", () => {
    const steps: [Signal, string, boolean][] = [
      [watch("PENDING"), "notStarted", false],
      [watch("LIVE"), "starting", true],
      [{ type: "picture" }, "live", true],
      [watch("LIVE", true), "reconnecting", true],
      [watch("LIVE"), "live", true],
      [watch("READY"), "live", true],
      [{ type: "drained" }, "ended", false],
      [watch("LIVE"), "starting", true],
    ];
    let state = INITIAL;
    for (const [signal, expected, media] of steps) {
      state = reduce(state, signal);
      expect([phase(state), wantsMedia(state)]).toEqual([expected, media]);
    }
    expect(state.broadcast).toBe(2);
  });

  it("shows what is buffered before it says that a stream failed", () => {
    const playing = [watch("LIVE"), { type: "picture" }, watch("FAILED")] as Signal[];
    expect(told(...playing)).toBe("live");
    expect(told(...playing, { type: "drained" })).toBe("failed");
    expect(told(watch("FAILED"))).toBe("failed");
  });

  it("learns from the playlist when there is no socket", () => {
    expect(told(playlist("missing"))).toBe("notStarted");
    expect(told(playlist("live"))).toBe("starting");
    expect(told(playlist("ended"))).toBe("ended");
    expect(told(playlist("live"), { type: "picture" }, playlist("missing"), { type: "drained" })).toBe("ended");
  });

  it("believes the socket rather than the playlist", () => {
    expect(told(watch("PENDING"), playlist("live"))).toBe("notStarted");
    expect(told(watch("PENDING"), { type: "socketLost" }, playlist("live"))).toBe("starting");
  });

  it("says when nothing answers, unless a picture moves", () => {
    expect(told()).toBe("connecting");
    expect(told(playlist("unreachable"))).toBe("offline");
    expect(told(watch("LIVE"), { type: "socketLost" }, playlist("unreachable"))).toBe("offline");
    expect(told(watch("LIVE"), { type: "picture" }, { type: "socketLost" }, playlist("unreachable"))).toBe("live");
    expect(told(playlist("unreachable"), playlist("missing"))).toBe("notStarted");
  });

  it("says that there is no room, whatever the socket says, until there is", () => {
    expect(told(playlist("full"))).toBe("full");
    const refused = [watch("LIVE"), playlist("full"), watch("LIVE")];
    expect([told(...refused), wantsMedia(after(...refused))]).toEqual(["full", true]);
    expect(told(...refused, watch("LIVE", true))).toBe("full");
    expect(told(...refused, playlist("live"))).toBe("starting");
    expect(told(...refused, watch("READY"))).toBe("ended");
    expect(told(...refused, watch("READY"), watch("LIVE"))).toBe("starting");
    expect(told(...refused, { type: "socketLost" }, playlist("unreachable"))).toBe("offline");
    expect(told(watch("LIVE"), { type: "picture" }, playlist("full"))).toBe("live");
  });

  it("has something to pause only where something plays, or starts to", () => {
    expect((["starting", "live", "reconnecting", "replay"] as const).every(isPlayable)).toBe(true);
    expect((["connecting", "offline", "noStream", "notStarted", "full", "ended", "failed"] as const).some(isPlayable)).toBe(false);
  });

  it("wants the picture back when its source was taken away", () => {
    const state = after(watch("LIVE"), { type: "picture" }, { type: "detached" });
    expect(phase(state)).toBe("starting");
    expect(wantsMedia(state)).toBe(true);
    expect(state.broadcast).toBe(1);
  });

  it("says that there is no such stream, also when it was deleted while it played", () => {
    expect(told({ type: "socketLost" }, { type: "noStream" })).toBe("noStream");
    expect(told({ type: "noStream" }, playlist("missing"))).toBe("noStream");
    expect(told({ type: "noStream" }, watch("PENDING"))).toBe("notStarted");
    const deleted = [watch("LIVE"), { type: "picture" }, { type: "socketLost" }, { type: "noStream" }] as Signal[];
    expect(told(...deleted)).toBe("live");
    expect(told(...deleted, { type: "drained" })).toBe("noStream");
  });

  it("doesn't show a viewer count that nobody keeps", () => {
    expect(after(watch("LIVE")).viewers).toBe(3);
    expect(after(watch("LIVE"), { type: "socketLost" }).viewers).toBeNull();
  });

  it("shows what is kept of a broadcast that is over, to who hasn't seen it", () => {
    const rewind = { from: "2026-11-22T18:00:00Z", window: null };
    const over: Signal = { type: "watch", message: { type: "status", status: "READY", isLiveNow: false, reconnecting: false, viewers: 1, rewind } };
    expect(wantsReplay(after(over))).toBe(true);
    expect(wantsReplay(after(watch("READY")))).toBe(false);
    expect(wantsReplay(after(watch("LIVE"), { type: "picture" }, over, { type: "drained" }))).toBe(false);
    const replaying = [over, { type: "replay", on: true }, { type: "picture" }] as Signal[];
    expect([told(...replaying), wantsMedia(after(...replaying))]).toEqual(["replay", false]);
    expect(told(...replaying, watch("LIVE"))).toBe("starting");
    const gone = after(...replaying, { type: "gone" }, over);
    expect([phase(gone), wantsReplay(gone)]).toEqual(["ended", false]);
  });

  it("stays with what is kept while a broadcast goes on, until the viewer wants it live", () => {
    const back = [watch("LIVE"), { type: "picture" }, { type: "replay", on: true }, { type: "picture" }] as Signal[];
    expect(told(...back, watch("LIVE", true))).toBe("replay");
    expect(told(...back, { type: "replay", on: false })).toBe("starting");
    expect(told(...back, watch("READY"))).toBe("replay");
  });
});
