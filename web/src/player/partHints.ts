import Hls from "hls.js";
import type {
  FragmentLoaderConstructor,
  FragmentLoaderContext,
  HlsConfig,
  LevelDetails,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderStats,
} from "hls.js";

/** One that is under way, and one that the playlist hints at meanwhile. */
const MAX_EARLY = 2;
/** Whoever loads no further behind the last listed part than this will want the hinted one next. */
const NEAR_PARTS = 2;

/** What a request that went out early brought. Times are as `performance.now()`, ms. */
export interface EarlyPart {
  data: ArrayBuffer;
  firstAt: number;
  endAt: number;
}

export interface EarlyRequest {
  url: string;
  answer: Promise<EarlyPart>;
  abort(): void;
}

/**
 * Asks for the part that a playlist's EXT-X-PRELOAD-HINT names before it is listed (RFC 8216bis
 * §6.2.6): the server answers the moment that it is whole. hls.js waits for the playlist that lists
 * it, and asks then, a round trip later.
 */
export class PartHints {
  private early: EarlyRequest[] = [];
  private loading: string | null = null;

  constructor(private readonly request: (url: string) => EarlyRequest = requestPart) {}

  /** A new version of the playlist is there. */
  follow(details: Pick<LevelDetails, "preloadHint" | "partList" | "url" | "live">): void {
    const hint = details.preloadHint;
    if (!details.live || !hint || hint.TYPE !== "PART" || !hint.URI || !this.isNear(details)) return;
    const url = new URL(hint.URI, details.url).href;
    if (this.early.some((early) => early.url === url)) return;
    this.early.push(this.request(url));
    // What nobody took was not listed after all, or its player went elsewhere.
    while (this.early.length > MAX_EARLY) this.early.shift()!.abort();
  }

  /** hls.js wants this part now: its early request, if there is one. */
  take(url: string): EarlyRequest | null {
    this.loading = url;
    const index = this.early.findIndex((early) => early.url === url);
    return index < 0 ? null : this.early.splice(index, 1)[0]!;
  }

  clear(): void {
    for (const early of this.early) early.abort();
    this.early = [];
  }

  private isNear({ partList }: Pick<LevelDetails, "partList">): boolean {
    return partList?.slice(-NEAR_PARTS).some((part) => part.url === this.loading) ?? false;
  }
}

/** A loader for hls.js which takes what was asked for early. */
export function hintedLoader(hints: PartHints): FragmentLoaderConstructor {
  return class HintedLoader implements Loader<FragmentLoaderContext> {
    context: FragmentLoaderContext | null = null;
    private readonly direct: Loader<FragmentLoaderContext>;
    private early: EarlyRequest | null = null;
    private callbacks: LoaderCallbacks<FragmentLoaderContext> | null = null;

    constructor(config: HlsConfig) {
      const Direct = Hls.DefaultConfig.loader;
      this.direct = new Direct(config) as Loader<FragmentLoaderContext>;
    }

    get stats(): LoaderStats {
      return this.direct.stats;
    }

    load(
      context: FragmentLoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<FragmentLoaderContext>,
    ): void {
      this.context = context;
      this.callbacks = callbacks;
      const early = hints.take(context.url);
      if (!early) {
        this.direct.load(context, config, callbacks);
        return;
      }
      this.early = early;
      early.answer.then(
        (part) => this.succeed(early, part),
        () => {
          if (this.early !== early) return;
          this.early = null;
          // Whatever was wrong with the early request, hls.js knows what to do about a late one.
          this.direct.load(context, config, callbacks);
        },
      );
    }

    abort(): void {
      if (!this.early) {
        this.direct.abort();
        return;
      }
      this.dropEarly();
      this.stats.aborted = true;
      if (this.context) this.callbacks?.onAbort?.(this.stats, this.context, null);
    }

    destroy(): void {
      this.dropEarly();
      this.callbacks = null;
      this.direct.destroy();
    }

    getCacheAge(): number | null {
      return this.early ? null : (this.direct.getCacheAge?.() ?? null);
    }

    getResponseHeader(name: string): string | null {
      return this.early ? null : (this.direct.getResponseHeader?.(name) ?? null);
    }

    private succeed(early: EarlyRequest, { data, firstAt, endAt }: EarlyPart): void {
      if (this.early !== early || !this.context) return;
      this.early = null;
      const { stats, context } = this;
      // The wait for the part to be made is no property of the network.
      Object.assign(stats.loading, { start: firstAt, first: firstAt, end: endAt });
      stats.loaded = stats.total = data.byteLength;
      this.callbacks?.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
    }

    private dropEarly(): void {
      this.early?.abort();
      this.early = null;
    }
  };
}

function requestPart(url: string): EarlyRequest {
  const controller = new AbortController();
  const load = async (): Promise<EarlyPart> => {
    const response = await fetch(url, { signal: controller.signal });
    if (!response.ok) throw new Error(`${response.status} for an early part`);
    const firstAt = performance.now();
    const data = await response.arrayBuffer();
    return { data, firstAt, endAt: performance.now() };
  };
  const answer = load();
  // It may fail before anybody takes it.
  answer.catch(() => undefined);
  return { url, answer, abort: () => controller.abort() };
}
