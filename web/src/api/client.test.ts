import { afterEach, expect, it, vi } from "vitest";
import { Client, isToken } from "./client";

afterEach(() => vi.restoreAllMocks());

it("waits for the end of a broadcast, and for changes behind it, for as long as that may take", async () => {
  vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response("{}"));
  const timeout = vi.spyOn(AbortSignal, "timeout");
  const client = new Client("t");
  for (const call of [client.status("a1"), client.stop("a1"), client.remove("a1"), client.start("a1")]) await call;
  expect(timeout.mock.calls).toEqual([[8_000], [60_000], [60_000], [60_000]]);
});

it("knows what can't be a token", () => {
  expect(isToken("0123456789abcdef~!")).toBe(true);
  expect(isToken("correct horse battery staple")).toBe(true);
  for (const text of ["", "pässword", "токен", "“quoted”", "a\u0000b"]) expect(isToken(text)).toBe(false);
});
