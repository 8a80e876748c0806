import { describe, expect, it } from "vitest";
import { read } from "./lookup";

const problem = (slug: string, headers = {}): [Response, string] => [
  new Response(null, { status: 503, headers }),
  JSON.stringify({ type: `urn:weir:problem:${slug}`, title: "No", status: 503 }),
];

describe("a look at a playlist", () => {
  it("sees whether the broadcast goes on", () => {
    expect(read(new Response(), "#EXTM3U\n#EXT-X-PART-INF:PART-TARGET=0.2\n")).toEqual({ outcome: "live", parts: true, retryAfter: 0 });
    expect(read(new Response(), "#EXTM3U\n#EXT-X-ENDLIST\n").outcome).toBe("ended");
    expect(read(new Response(null, { status: 404 }), "{}").outcome).toBe("missing");
  });

  it("tells a server without room from one that doesn't answer", () => {
    const full = { outcome: "full", parts: false, retryAfter: 30_000 };
    expect(read(...problem("stream-full", { "Retry-After": "30" }))).toEqual(full);
    expect(read(...problem("server-full", { "Retry-After": "7" }))).toEqual({ ...full, retryAfter: 7_000 });
    for (const other of [problem("stream-stuck"), [new Response(null, { status: 502 }), "<html>"] as [Response, string]]) {
      expect(read(...other)).toEqual({ outcome: "unreachable", parts: false, retryAfter: 0 });
    }
  });

  it("stays away for half a minute where it isn't told for how long, and never for good", () => {
    for (const [given, ms] of [["", 30_000], ["0", 30_000], ["Wed, 21 Oct 2026 07:28:00 GMT", 30_000], ["86400", 300_000]] as const) {
      expect(read(...problem("stream-full", { "Retry-After": given })).retryAfter).toBe(ms);
    }
    expect(read(...problem("stream-full")).retryAfter).toBe(30_000);
  });
});
