import { describe, expect, it } from "vitest";
import { Standstill } from "./standstill";

const PART = 0.2;
const SEGMENT = 2;

function standing(): Standstill {
  const picture = new Standstill();
  picture.moved(10);
  return picture;
}

describe("a picture that stands still", () => {
  it("has six seconds for no known reason", () => {
    const picture = standing();
    expect(picture.length(12)).toBe(2);
    expect(picture.isFrozen(16, PART, true)).toBe(false);
    expect(picture.isFrozen(16.1, PART, true)).toBe(true);
  });

  it("has two arrivals' time and a moment once the server is back", () => {
    const picture = standing();
    picture.returned(14);
    expect(picture.isFrozen(15.8, PART, true)).toBe(false);
    expect(picture.isFrozen(16, PART, true)).toBe(true);
    expect(picture.isFrozen(19.4, SEGMENT, true)).toBe(false);
    expect(picture.isFrozen(19.6, SEGMENT, true)).toBe(true);
    picture.moved(15);
    expect(picture.isFrozen(20.9, PART, true)).toBe(false);
  });

  it("isn't hurried before its source has shown anything", () => {
    const picture = standing();
    picture.moved(20);
    picture.returned(21);
    expect(picture.isFrozen(26.9, PART, false)).toBe(false);
    expect(picture.isFrozen(27.1, PART, false)).toBe(true);
  });
});
