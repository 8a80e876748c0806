export type Route = { page: "list" } | { page: "webhooks" } | { page: "stream"; videoId: string };

/** The page that a location hash names: `#/streams/{videoId}`, `#/webhooks`; anything else is the list. */
export function parseRoute(hash: string): Route {
  if (hash === "#/webhooks") return { page: "webhooks" };
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
