import Hls from "hls.js";
import type {
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderStats,
  PlaylistLoaderContext,
} from "hls.js";
import { readPlaylist, withBlockingReload } from "./playlist";
import { ReloadSchedule } from "./reloadSchedule";
import type { ServerClock } from "./serverClock";

type PlaylistLoader = Loader<PlaylistLoaderContext>;

/**
 * A playlist loader that gives a plain origin the contract of a blocking reload: hls.js asks for
 * the next segment at once and is answered when it is listed. Without it hls.js reloads at a fixed
 * phase, up to a whole segment after the listing, and that wait becomes latency. An origin that
 * blocks by itself is left alone.
 */
export function blockingLoader(serverClock: ServerClock): new (config: HlsConfig) => PlaylistLoader {
  const schedule = new ReloadSchedule();

  return class BlockingLoader implements PlaylistLoader {
    context: PlaylistLoaderContext | null = null;
    private inner: PlaylistLoader;
    private timer = 0;

    constructor(private readonly config: HlsConfig) {
      this.inner = this.request();
    }

    get stats(): LoaderStats {
      return this.inner.stats;
    }

    load(
      context: PlaylistLoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<PlaylistLoaderContext>,
    ): void {
      this.context = context;
      const url = new URL(context.url, location.href);
      const wanted = url.searchParams.get("_HLS_msn");
      if (wanted === null || !emulated.has(url.pathname)) {
        this.ask(context, config, callbacks, 0, null);
        return;
      }
      url.searchParams.delete("_HLS_msn");
      this.ask({ ...context, url: url.href }, config, callbacks, schedule.wait(seconds(), false), Number(wanted));
    }

    abort(): void {
      clearTimeout(this.timer);
      this.inner.abort();
    }

    destroy(): void {
      clearTimeout(this.timer);
      this.inner.destroy();
      this.context = null;
    }

    getCacheAge(): number | null {
      return this.inner.getCacheAge?.() ?? null;
    }

    getResponseHeader(name: string): string | null {
      return this.inner.getResponseHeader?.(name) ?? null;
    }

    private ask(
      context: PlaylistLoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<PlaylistLoaderContext>,
      wait: number,
      wanted: number | null,
    ): void {
      this.timer = window.setTimeout(() => {
        const sentAt = Date.now();
        const inner = (this.inner = this.request());
        inner.load(context, config, {
          ...callbacks,
          onSuccess: (response, stats, _context, details) => {
            serverClock.observe(inner.getResponseHeader?.("Date") ?? null, sentAt, Date.now());
            const original = this.context ?? context;
            if (typeof response.data !== "string") return callbacks.onSuccess(response, stats, original, details);
            const facts = readPlaylist(response.data);
            const emulate = facts.live && !facts.blocksReload && facts.lastSegment >= 0;
            if (facts.blocksReload) emulated.delete(new URL(context.url, location.href).pathname);
            if (emulate && wanted !== null && facts.lastSegment < wanted) {
              this.ask(context, config, callbacks, schedule.wait(seconds(), true), wanted);
              return;
            }
            if (emulate) {
              if (wanted !== null) schedule.listed(seconds(), facts.lastDuration);
              emulated.add(new URL(context.url, location.href).pathname);
              response.data = withBlockingReload(response.data);
            }
            callbacks.onSuccess(response, stats, original, details);
          },
        });
      }, wait * 1000);
    }

    private request(): PlaylistLoader {
      return new Hls.DefaultConfig.loader(this.config) as unknown as PlaylistLoader;
    }
  };
}

/** Paths of playlists whose origin doesn't hold reloads. */
const emulated = new Set<string>();

function seconds(): number {
  return performance.now() / 1000;
}
