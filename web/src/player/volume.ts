const KEY = "weir.volume";

/** Volume and mute of a video element, remembered between visits. */
export class Volume {
  constructor(private readonly video: HTMLVideoElement) {
    video.volume = stored();
    // Browsers let only a muted video start by itself.
    video.muted = true;
  }

  get muted(): boolean {
    return this.video.muted || this.video.volume === 0;
  }

  toggleMute(): void {
    if (this.video.volume === 0) this.video.volume = 0.5;
    this.video.muted = !this.video.muted;
  }

  set(level: number): void {
    this.video.volume = Math.min(1, Math.max(0, level));
    this.video.muted = this.video.volume === 0;
    try {
      localStorage.setItem(KEY, String(this.video.volume));
    } catch {
      // Storage is closed to embedded pages in some browsers; the level then lasts for the visit.
    }
  }

  step(by: number): void {
    this.set((this.video.muted ? 0 : this.video.volume) + by);
  }
}

function stored(): number {
  try {
    const level = Number(localStorage.getItem(KEY) ?? "1");
    return level > 0 && level <= 1 ? level : 1;
  } catch {
    return 1;
  }
}
