/** A rendition that the viewer can choose. */
export interface Quality {
  index: number;
  label: string;
}

/** What feeds the video element: hls.js, or the browser itself. */
export interface Source {
  /** Where live playback should be, by the source's own reckoning. */
  readonly syncPosition: number | null;
  /** Wall time of the picture on the screen, ms since the epoch, by the server's clock. */
  readonly playingDate: number | null;
  readonly qualities: Quality[];
  /** The chosen rendition; -1 is automatic. */
  quality: number;
  stopLoading(): void;
  destroy(): void;
}

export interface SourceEvents {
  /** The source can't go on; a new one is needed. */
  failed(reason: string): void;
  /** More is buffered, or the renditions are known. */
  changed(): void;
  /** An error that needs no action, for the record. */
  error(reason: string): void;
}
