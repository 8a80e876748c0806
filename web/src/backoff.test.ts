import { expect, it } from "vitest";
import { Backoff } from "./backoff";

it("doubles to a cap, with jitter on both sides, and begins anew after a reset", () => {
  const middle = new Backoff(250, 5_000, () => 0.5);
  expect(Array.from({ length: 7 }, () => middle.next())).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
  middle.reset();
  expect(middle.next()).toBe(250);
  expect(new Backoff(1000, 5000, () => 0).next()).toBe(750);
  expect(new Backoff(1000, 5000, () => 1).next()).toBe(1250);
});
