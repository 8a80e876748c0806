import { AttrList } from "hls.js";
import { describe, expect, it } from "vitest";
import { PartHints } from "./partHints";
import type { EarlyRequest } from "./partHints";

const BASE = "http://weir/live/x/";

function world() {
  const sent: string[] = [];
  const aborted: string[] = [];
  const hints = new PartHints((url): EarlyRequest => {
    sent.push(url.replace(BASE, ""));
    return { url, answer: new Promise(() => undefined), abort: () => aborted.push(url.replace(BASE, "")) };
  });
  /** A playlist that lists parts up to this one, and hints at the next. */
  const lists = (last: number, live = true): void => {
    const partList = [last - 2, last - 1, last].map((part) => ({ url: `${BASE}${part}.ts` }));
    const preloadHint = new AttrList(`TYPE=PART,URI="${last + 1}.ts"`);
    hints.follow({ live, url: `${BASE}index.m3u8`, preloadHint, partList } as unknown as Parameters<PartHints["follow"]>[0]);
  };
  const takes = (part: number): boolean => hints.take(`${BASE}${part}.ts`) !== null;
  return { hints, sent, aborted, lists, takes };
}

describe("part hints", () => {
  it("ask for the next part once, while the last one loads", () => {
    const { sent, aborted, lists, takes } = world();
    expect(takes(7)).toBe(false);
    lists(7);
    lists(7);
    expect(sent).toEqual(["8.ts"]);
    lists(8);
    expect([takes(8), takes(8), takes(9)]).toEqual([true, false, true]);
    expect(aborted).toEqual([]);
  });

  it("ask for nothing while older parts are loaded, or none", () => {
    const { sent, lists, takes } = world();
    lists(7);
    takes(2);
    lists(8);
    expect(sent).toEqual([]);
  });

  it("give up what nobody takes", () => {
    const { hints, sent, aborted, lists, takes } = world();
    for (let part = 6; part < 10; part += 1) {
      takes(part);
      lists(part);
    }
    expect(sent).toEqual(["7.ts", "8.ts", "9.ts", "10.ts"]);
    hints.clear();
    expect(aborted).toEqual(["10.ts"]);
    takes(20);
    lists(20, false);
    for (const part of [20, 21, 22]) lists(part);
    expect(aborted.length).toBe(1);
  });
});
