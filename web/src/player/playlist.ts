/** Whether low-latency parts are on offer. */
export function hasParts(playlist: string): boolean {
  return /^#EXT-X-PART-INF:/m.test(playlist);
}

/** Whether the broadcast is over. */
export function isEnded(playlist: string): boolean {
  return /^#EXT-X-ENDLIST/m.test(playlist);
}
