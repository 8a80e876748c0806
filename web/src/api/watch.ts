import { Backoff } from "../backoff";
import type { ReportMessage, WatchMessage } from "./types";

/** A socket that has been open for this long starts its back-off anew, ms. */
const SETTLED_MS = 10_000;

export interface WatchEvents {
  message(message: WatchMessage): void;
  /** The socket is gone; it comes back by itself. */
  lost(): void;
}

/** The watch socket of one stream. While it lives, its viewer counts. */
export class WatchSocket {
  private socket: WebSocket | null = null;
  private timer = 0;
  private openedAt = 0;
  private readonly backoff = new Backoff(500, 10_000);

  constructor(
    private readonly url: string,
    private readonly events: WatchEvents,
  ) {
    this.open();
    window.addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.hurry();
    });
  }

  /** Tells the server something, as long as there is a connection. */
  send(message: ReportMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private open(): void {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => (this.openedAt = performance.now());
    socket.onmessage = (event) => {
      const message = parseWatchMessage(event.data);
      if (message) this.events.message(message);
    };
    socket.onclose = () => {
      if (this.openedAt > 0 && performance.now() - this.openedAt > SETTLED_MS) this.backoff.reset();
      this.openedAt = 0;
      this.socket = null;
      this.events.lost();
      this.timer = window.setTimeout(() => this.open(), this.backoff.next());
    };
  }

  /** Tries again now rather than after the back-off. */
  private hurry(): void {
    if (this.socket) return;
    this.backoff.reset();
    this.open();
  }
}

export function parseWatchMessage(data: unknown): WatchMessage | null {
  if (typeof data !== "string") return null;
  try {
    const value = JSON.parse(data) as Partial<WatchMessage> | null;
    if (value?.type !== "status" || typeof value.status !== "string") return null;
    return {
      type: "status",
      status: value.status,
      isLiveNow: value.isLiveNow === true,
      reconnecting: value.reconnecting === true,
      viewers: typeof value.viewers === "number" ? value.viewers : 0,
      rewind: typeof value.rewind?.from === "string" ? { from: value.rewind.from, window: value.rewind.window ?? null } : null,
    };
  } catch {
    return null;
  }
}
