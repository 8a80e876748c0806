// The few things that the player itself reads from a media playlist.

export interface PlaylistFacts {
  /** A media playlist of a broadcast that goes on. */
  live: boolean;
  /** Low-latency parts are on offer. */
  parts: boolean;
  /** The origin holds a reload until there is news (RFC 8216bis §6.2.5.2). */
  blocksReload: boolean;
  /** Media sequence number of the last whole segment; -1 when there is none. */
  lastSegment: number;
  /** Duration of the last whole segment, s. */
  lastDuration: number;
}

export function readPlaylist(text: string): PlaylistFacts {
  let [sequence, segments, lastDuration] = [0, 0, 0];
  let [ended, parts, blocksReload] = [false, false, false];
  for (const line of text.split("\n")) {
    if (line.startsWith("#EXTINF:")) {
      segments += 1;
      lastDuration = Number.parseFloat(line.slice(8)) || 0;
    } else if (line.startsWith("#EXT-X-MEDIA-SEQUENCE:")) sequence = Number.parseInt(line.slice(22), 10) || 0;
    else if (line.startsWith("#EXT-X-SKIP:")) segments += Number(/SKIPPED-SEGMENTS=(\d+)/.exec(line)?.[1] ?? 0);
    else if (line.startsWith("#EXT-X-ENDLIST")) ended = true;
    else if (line.startsWith("#EXT-X-PART-INF")) parts = true;
    else if (line.startsWith("#EXT-X-SERVER-CONTROL")) blocksReload = line.includes("CAN-BLOCK-RELOAD=YES");
  }
  const multivariant = segments === 0 && text.includes("#EXT-X-STREAM-INF");
  return {
    live: !ended && !multivariant,
    parts,
    blocksReload,
    lastSegment: segments === 0 ? -1 : sequence + segments - 1,
    lastDuration,
  };
}

/** The playlist as if its origin held reloads; the loader then does the holding. */
export function withBlockingReload(text: string): string {
  return text.replace(/^(#EXTM3U[^\n]*\n)/, "$1#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n");
}
