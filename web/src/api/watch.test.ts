import { expect, it } from "vitest";
import { parseWatchMessage } from "./watch";

it("reads a status message", () => {
  const message = { type: "status", status: "LIVE", isLiveNow: true, reconnecting: true, viewers: 7, rewind: { from: "2026-11-22T18:26:04.12Z", window: 60 } };
  expect(parseWatchMessage(JSON.stringify(message))).toEqual(message);
});

it("passes over what it doesn't know", () => {
  for (const data of ["", "null", "[]", "{", '{"type":"other"}', '{"type":"status"}', new ArrayBuffer(4)]) {
    expect(parseWatchMessage(data)).toBeNull();
  }
});

it("fills in what is missing", () => {
  expect(parseWatchMessage('{"type":"status","status":"PENDING"}')).toEqual({
    type: "status", status: "PENDING", isLiveNow: false, reconnecting: false, viewers: 0, rewind: null,
  });
});
