import Hls, { Events } from "hls.js";
import type { ErrorData, HlsConfig, LevelLoadedData } from "hls.js";
import { FirstSegmentBuffer } from "./firstSegment";
import { describe } from "./hlsError";
import { PartHints, hintedLoader } from "./partHints";
import type { ServerClock } from "./serverClock";
import type { Quality, Source, SourceEvents } from "./source";

/** Media Source playback through hls.js, which here only loads: the pace is set elsewhere. */
export class HlsSource implements Source {
  readonly hls: Hls;
  private readonly hints = new PartHints();

  constructor(
    video: HTMLVideoElement,
    url: string,
    parts: boolean,
    clock: ServerClock,
    private readonly events: SourceEvents,
  ) {
    const config: Partial<HlsConfig> = {
      // Without parts it waits for each segment all the same, rather than look now and then.
      lowLatencyMode: true,
      enableWorker: false,
      // What was played is the browser's to remove, when it needs the room. When hls.js (1.7.4) does, it forgets which parts of
      // the segment in hand it has loaded, and may then wait at that segment's end until it is no longer listed in parts.
      backBufferLength: Infinity,
      maxBufferLength: 20,
      startFragPrefetch: true,
      // Neither hls.js's own catch-up nor its second of extra latency after each stall.
      maxLiveSyncPlaybackRate: 1,
      liveSyncOnStallIncrease: 0,
      fLoader: hintedLoader(this.hints),
      bufferController: FirstSegmentBuffer,
    };
    // Plain segments: begin with the last one. With parts the server's PART-HOLD-BACK says where,
    // and a value here would override it.
    if (!parts) config.liveSyncDurationCount = 1;
    this.hls = new Hls(config);
    this.hls.on(Events.ERROR, (_event, data) => this.onError(data));
    this.hls.on(Events.LEVEL_LOADED, (_event, data) => {
      observeDate(clock, data);
      this.hints.follow(data.details);
    });
    this.hls.on(Events.BUFFER_APPENDED, () => events.changed());
    this.hls.on(Events.MANIFEST_PARSED, () => events.changed());
    this.hls.on(Events.LEVEL_SWITCHED, () => events.changed());
    this.hls.attachMedia(video);
    this.hls.loadSource(url);
  }

  get syncPosition(): number | null {
    return this.hls.liveSyncPosition;
  }

  get playingDate(): number | null {
    return this.hls.playingDate?.getTime() ?? null;
  }

  get qualities(): Quality[] {
    return this.hls.levels.map((level, index) => ({
      index,
      label: level.height ? `${level.height}p${level.frameRate > 31 ? Math.round(level.frameRate) : ""}` : level.name,
    }));
  }

  get quality(): number {
    return this.hls.autoLevelEnabled ? -1 : this.hls.nextLevel;
  }

  set quality(index: number) {
    this.hls.nextLevel = index;
  }

  stopLoading(): void {
    this.hls.stopLoad();
    this.hints.clear();
  }

  destroy(): void {
    this.hls.destroy();
    this.hints.clear();
  }

  private onError(data: ErrorData): void {
    const reason = describe(data);
    this.events.error(reason);
    if (data.fatal) this.events.failed(reason);
  }
}

/** Each playlist tells the server's time. */
function observeDate(clock: ServerClock, { networkDetails, stats }: LevelLoadedData): void {
  const { start, end } = stats.loading;
  const toDate = Date.now() - performance.now();
  const answer = networkDetails instanceof XMLHttpRequest ? networkDetails : null;
  clock.observe(answer?.getResponseHeader("Date") ?? null, toDate + start, toDate + end);
}
