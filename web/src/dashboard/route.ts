export type Route = { page: "list" } | { page: "stream"; videoId: string };

/** The page that a location hash names: `#/streams/{videoId}`; anything else is the list. */
export function parseRoute(hash: string): Route {
  const match = /^#\/streams\/([^/]+)$/.exec(hash);
  if (!match) return { page: "list" };
  try {
    return { page: "stream", videoId: decodeURIComponent(match[1]!) };
  } catch {
    return { page: "list" };
  }
}

export function streamHash(videoId: string): string {
  return `#/streams/${encodeURIComponent(videoId)}`;
}
