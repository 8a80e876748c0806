import { describe, expect, it } from "vitest";
import { Standstill } from "./standstill";

const PART = 0.2;
const SEGMENT = 2;

function standing(): Standstill {
  const picture = new Standstill();
  picture.begin(0);
  picture.appeared();
  picture.moved(10);
  return picture;
}

describe("a picture that stands still", () => {
  it("has six seconds for no known reason", () => {
    const picture = standing();
    expect(picture.length(12)).toBe(2);
    expect(picture.isFrozen(16, PART)).toBe(false);
    expect(picture.isFrozen(16.1, PART)).toBe(true);
  });

  it("has two arrivals' time and a moment once the server is back", () => {
    const picture = standing();
    picture.returned(14);
    expect(picture.isFrozen(15.8, PART)).toBe(false);
    expect(picture.isFrozen(16, PART)).toBe(true);
    expect(picture.isFrozen(19.4, SEGMENT)).toBe(false);
    expect(picture.isFrozen(19.6, SEGMENT)).toBe(true);
    picture.moved(15);
    expect(picture.isFrozen(20.9, PART)).toBe(false);
  });

  it("isn't hurried before its source has shown anything", () => {
    const picture = standing();
    picture.begin(20);
    picture.returned(21);
    expect(picture.isFrozen(26.9, PART)).toBe(false);
    expect(picture.isFrozen(27.1, PART)).toBe(true);
  });
});
