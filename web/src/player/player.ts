import type { WatchMessage } from "../api/types";
import { Archive, type Start } from "./archive";
import { isMissing } from "./lookup";
import { Playback } from "./playback";
import { INITIAL, phase, reduce, wantsMedia, wantsReplay, type Phase, type Signal, type ViewerState } from "./phase";
import { LIVE_ZONE_S, beginning, seekRange, type SeekRange } from "./seekRange";

/** What the page shows of a player. */
export interface PlayerView {
  phase: Phase;
  viewers: number | null;
  /** The picture stands still although it should move. */
  waiting: boolean;
  paused: boolean;
  /** Playback waits for a gesture of the viewer. */
  blocked: boolean;
  /** Playing at the live edge, or catching up with it. */
  atEdge: boolean;
  latency: number | null;
  /** What can be sought; null while that is nothing. */
  range: SeekRange | null;
  /** The broadcast is over, and can be watched again. */
  again: boolean;
}

/** One stream on one video element: what is known of it, and its playback. */
export class Player {
  readonly playback: Playback;
  readonly archive: Archive;
  blocked = false;
  private state: ViewerState = INITIAL;

  constructor(
    readonly video: HTMLVideoElement,
    readonly videoId: string,
    /** The playlist's own parameters, such as `latency=plain`. */
    query: string,
    private readonly changed: () => void,
  ) {
    const folder = `/live/${encodeURIComponent(videoId)}`;
    const blocked = (): void => {
      this.blocked = true;
      this.changed();
    };
    this.archive = new Archive(video, `${folder}/vod.m3u8`, {
      picture: () => this.signal({ type: "picture" }),
      gone: () => this.signal({ type: "gone" }),
      blocked,
      changed: () => this.changed(),
      error: (reason) => this.playback.note(reason),
    });
    this.playback = new Playback(video, `${folder}/index.m3u8${query ? `?${query}` : ""}`, {
      playlist: (outcome) => this.signal({ type: "playlist", outcome }),
      picture: () => this.signal({ type: "picture" }),
      detached: () => this.signal({ type: "detached" }),
      drained: () => this.signal({ type: "drained" }),
      blocked,
      changed: () => this.changed(),
    });
    video.addEventListener("playing", () => {
      this.blocked = false;
      this.changed();
    });
  }

  onWatch(message: WatchMessage): void {
    this.signal({ type: "watch", message });
  }

  onSocketLost(): void {
    this.signal({ type: "socketLost" });
    // A browser doesn't tell why a socket failed; the stream may not be there at all.
    void isMissing(this.videoId).then((missing) => {
      if (missing) this.signal({ type: "noStream" });
    });
  }

  togglePlay(): void {
    const { shown } = this;
    if (this.video.paused) void shown.play();
    else shown.pause();
  }

  goLive(): void {
    if (!this.state.replaying) {
      if (this.playback.paused) this.togglePlay();
      else this.playback.goLive();
    } else if (this.state.stream === "live") {
      this.signal({ type: "replay", on: false });
      void this.playback.play();
    }
  }

  seekBy(seconds: number): void {
    const { range } = this.view;
    const buffered = !this.state.replaying && (seconds > 0 || this.playback.pacer.reaches(seconds));
    if (buffered || !range) this.playback.seekBy(seconds);
    else this.seekTo(Math.max(0, range.position + seconds));
  }

  /** To where it is live, or was. */
  toEnd(): void {
    const { range } = this.view;
    if (range) this.seekTo(range.length);
    else this.goLive();
  }

  /** To so many seconds from the beginning of the range that can be sought. */
  seekTo(position: number): void {
    const { range } = this.view;
    if (!range) return;
    if (!range.onAir) {
      this.archive.seek({ position: Math.min(position, range.length) });
      return;
    }
    if (range.length - position < LIVE_ZONE_S) {
      this.goLive();
      return;
    }
    const date = (beginning({ rewind: this.state.rewind, now: this.playback.now }) ?? 0) + position * 1000;
    const away = (date - (this.playback.playingDate ?? 0)) / 1000;
    if (this.archive.active) this.archive.seek({ date });
    else if (this.playback.pacer.reaches(away)) this.playback.seekBy(away);
    else this.replay({ date });
  }

  /** Shows what is kept, in place of what is live. */
  replay(start: Start): void {
    const { paused } = this.playback;
    this.signal({ type: "replay", on: true });
    this.archive.open(start, paused);
    this.changed();
  }

  get view(): PlayerView {
    const { playback, archive, shown } = this;
    const { replaying, stream, rewind, viewers } = this.state;
    const { length } = archive;
    const now = phase(this.state);
    return {
      phase: now,
      viewers,
      waiting: shown.waiting && !this.blocked,
      paused: shown.paused || (replaying && archive.ended),
      blocked: this.blocked,
      atEdge: !replaying && playback.pacer.following,
      latency: replaying ? null : playback.latency,
      again: now === "ended" && rewind !== null,
      range: seekRange({
        onAir: stream === "live",
        rewind,
        now: playback.now,
        playingDate: replaying ? archive.playingDate : playback.playingDate,
        following: !replaying && playback.pacer.following,
        kept: replaying && length !== null ? { length, position: this.video.currentTime } : null,
      }),
    };
  }

  private get shown(): Playback | Archive {
    return this.state.replaying ? this.archive : this.playback;
  }

  private signal(signal: Signal): void {
    const before = this.state;
    this.state = reduce(before, signal);
    if (this.state === before) return;
    if (before.replaying && !this.state.replaying) this.archive.close();
    const { stream, publisherAway, socketOpen, broadcast } = this.state;
    this.playback.want({
      media: wantsMedia(this.state),
      flowing: stream === "live" && !publisherAway,
      over: stream === "over" || stream === "failed" || stream === "none",
      scout: !socketOpen,
      broadcast,
    });
    if (wantsReplay(this.state)) this.replay({ position: 0 });
    this.changed();
  }
}
