/** A list that grows is fetched again when it is so old, ms. */
const LIFETIME_MS = 30_000;
const TIMEOUT_MS = 5_000;
const CUE = /^(\d+):(\d\d):(\d\d\.\d+) --> (\d+):(\d\d):(\d\d\.\d+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;

/** A small picture: a place on a sheet. */
export interface Thumb {
  /** Seconds from the beginning. */
  from: number;
  to: number;
  /** Of the sheet. */
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The small pictures of what is kept, fetched when the first is wanted. */
export class Thumbs {
  private list: Thumb[] = [];
  private fetchedAt = -Infinity;

  /** `folder` has the list, and the sheets. */
  constructor(private readonly folder: string) {}

  /** What was on the screen so many seconds from the beginning; null while that isn't known. */
  at(seconds: number): (Thumb & { url: string }) | null {
    if (performance.now() - this.fetchedAt > LIFETIME_MS) void this.fetch();
    const found = this.list.find(({ from, to }) => from <= seconds && seconds < to);
    return found ? { ...found, url: `${this.folder}/${found.name}` } : null;
  }

  private async fetch(): Promise<void> {
    this.fetchedAt = performance.now();
    try {
      const response = await fetch(`${this.folder}/thumbs.vtt`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      // A seek bar does without them.
      if (response.ok) this.list = parseThumbs(await response.text());
    } catch {
      // As above.
    }
  }
}

/** Reads WebVTT whose cues are places on sheets; what is something else is passed over. */
export function parseThumbs(text: string): Thumb[] {
  return [...text.matchAll(CUE)].map(([, ...found]) => {
    const name = found[6]!;
    const [h1, m1, s1, h2, m2, s2, , x, y, width, height] = found.map(Number) as [
      number, number, number, number, number, number, number, number, number, number, number,
    ];
    return { from: h1 * 3600 + m1 * 60 + s1, to: h2 * 3600 + m2 * 60 + s2, name, x, y, width, height };
  });
}
