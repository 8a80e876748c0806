import type { WatchMessage } from "../api/types";
import { isMissing } from "./lookup";
import { Playback } from "./playback";
import { INITIAL, phase, reduce, wantsMedia, type Phase, type Signal, type ViewerState } from "./phase";

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
}

/** One stream on one video element: what is known of it, and its playback. */
export class Player {
  readonly playback: Playback;
  blocked = false;
  private state: ViewerState = INITIAL;

  constructor(
    readonly video: HTMLVideoElement,
    readonly videoId: string,
    /** The playlist's own parameters, such as `latency=plain`. */
    query: string,
    private readonly changed: () => void,
  ) {
    const playlist = `/live/${encodeURIComponent(videoId)}/index.m3u8${query ? `?${query}` : ""}`;
    this.playback = new Playback(video, playlist, {
      playlist: (outcome) => this.signal({ type: "playlist", outcome }),
      picture: () => this.signal({ type: "picture" }),
      detached: () => this.signal({ type: "detached" }),
      drained: () => this.signal({ type: "drained" }),
      blocked: () => {
        this.blocked = true;
        this.changed();
      },
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
    if (this.video.paused) void this.playback.play();
    else this.playback.pause();
  }

  get view(): PlayerView {
    const { playback } = this;
    return {
      phase: phase(this.state),
      viewers: this.state.viewers,
      waiting: playback.waiting && !this.blocked,
      paused: playback.paused,
      blocked: this.blocked,
      atEdge: playback.pacer.following,
      latency: playback.latency,
    };
  }

  private signal(signal: Signal): void {
    const before = this.state;
    this.state = reduce(before, signal);
    if (this.state === before) return;
    const { stream, publisherAway, socketOpen, broadcast } = this.state;
    this.playback.want({
      media: wantsMedia(this.state),
      flowing: stream === "live" && !publisherAway,
      over: stream === "over" || stream === "failed" || stream === "none",
      scout: !socketOpen,
      broadcast,
    });
    this.changed();
  }
}
