import Hls from "hls.js";
import { HlsSource } from "./hlsSource";
import { monotonicSeconds } from "./monotonic";
import type { Player } from "./player";

/** What a look at `window.weir.stats()` tells; times in seconds unless named otherwise. */
export interface PlayerStats {
  phase: string;
  latency: number | null;
  /** Buffered ahead of the playhead. */
  buffer: number;
  /** The lowest that the buffer is expected to get, and what it is steered to. */
  trough: number | null;
  target: number;
  /** Between arrivals of segments or parts, and their spread. */
  interval: number;
  jitter: number;
  rate: number;
  stalls: number;
  stalledSeconds: number;
  startupMs: number | null;
  recoveries: number;
  viewers: number | null;
  width: number;
  height: number;
  framesShown: number;
  framesDropped: number;
  /** The last errors, also those that needed no action. */
  errors: string[];
}

export interface Hook {
  /** The hls.js instance of the moment; null without a source or with native HLS. */
  readonly hls: Hls | null;
  readonly video: HTMLVideoElement;
  stats(): PlayerStats;
}

declare global {
  interface Window {
    /** For tests and for the curious, on the player's page. */
    weir?: Hook;
  }
}

export function hook(player: Player): Hook {
  const { video, playback } = player;
  return {
    get hls() {
      return playback.source instanceof HlsSource ? playback.source.hls : null;
    },
    video,
    stats() {
      const now = monotonicSeconds();
      const { pacer } = playback;
      const frames = video.getVideoPlaybackQuality();
      const view = player.view;
      return {
        phase: view.phase,
        latency: view.latency,
        buffer: pacer.ahead,
        trough: pacer.pace.trough(now, video.currentTime),
        target: pacer.pace.target(now),
        interval: pacer.pace.interval,
        jitter: pacer.pace.jitter,
        rate: video.playbackRate,
        stalls: pacer.stalls.count,
        stalledSeconds: pacer.stalls.total,
        startupMs: playback.startupMs,
        recoveries: playback.recoveries,
        viewers: view.viewers,
        width: video.videoWidth,
        height: video.videoHeight,
        framesShown: frames.totalVideoFrames - frames.droppedVideoFrames,
        framesDropped: frames.droppedVideoFrames,
        errors: [...playback.errors],
      };
    },
  };
}
