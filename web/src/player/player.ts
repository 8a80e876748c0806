import type { WatchMessage } from "../api/types";
import { Archive, type Start } from "./archive";
import { isMissing } from "./lookup";
import { Pause } from "./pause";
import { Playback } from "./playback";
import { INITIAL, isPlayable, phase, reduce, wantsMedia, wantsReplay, type Phase, type Signal, type ViewerState } from "./phase";
import { LIVE_ZONE_S, beginning, seekRange, type SeekRange } from "./seekRange";

/** What the page shows of a player. */
export interface PlayerView {
  phase: Phase;
  viewers: number | null;
  /** The picture stands still although it should move. */
  waiting: boolean;
  /** Playback waits for the viewer. */
  paused: boolean;
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
  private readonly pause: Pause;
  private state: ViewerState = INITIAL;

  constructor(
    readonly video: HTMLVideoElement,
    readonly videoId: string,
    /** The playlist's own parameters, such as `latency=plain`. */
    query: string,
    private readonly changed: () => void,
  ) {
    const folder = `/live/${encodeURIComponent(videoId)}`;
    // Of both, as it is of the viewer: who has paused the one finds the other paused, too.
    this.pause = new Pause(video, {
      resumed: (pausedFor) => this.playback.resume(pausedFor),
      changed: () => this.changed(),
    });
    this.archive = new Archive(video, `${folder}/vod.m3u8`, this.pause, {
      picture: () => this.signal({ type: "picture" }),
      gone: () => this.signal({ type: "gone" }),
      changed: () => this.changed(),
      error: (reason) => this.playback.note(reason),
    });
    this.playback = new Playback(video, `${folder}/index.m3u8${query ? `?${query}` : ""}`, this.pause, {
      playlist: (outcome) => this.signal({ type: "playlist", outcome }),
      picture: () => this.signal({ type: "picture" }),
      detached: () => this.signal({ type: "detached" }),
      drained: () => this.signal({ type: "drained" }),
      changed: () => this.changed(),
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
    if (!isPlayable(phase(this.state))) return;
    if (this.video.paused) void this.pause.play();
    else this.pause.pause();
  }

  goLive(): void {
    if (!this.state.replaying) {
      if (this.pause.on) void this.pause.play();
      else this.playback.goLive();
    } else if (this.state.stream === "live") {
      this.signal({ type: "replay", on: false });
      void this.pause.play();
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
    this.signal({ type: "replay", on: true });
    this.archive.open(start);
    this.changed();
  }

  watchAgain(): void {
    this.replay({ position: 0 });
    if (this.pause.on) void this.pause.play();
  }

  get view(): PlayerView {
    const { playback, archive } = this;
    const { replaying, stream, rewind, viewers } = this.state;
    const { length } = archive;
    const now = phase(this.state);
    return {
      phase: now,
      viewers,
      waiting: replaying ? archive.waiting : playback.waiting,
      paused: this.pause.on || (replaying && archive.ended),
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
