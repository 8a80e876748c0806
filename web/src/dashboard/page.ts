import type { Client } from "../api/client";

/** One page of the dashboard, from the moment that it is shown until it is left. */
export interface Page {
  readonly element: HTMLElement;
  leave(): void;
}

/** What a page may ask of the application around it. */
export interface App {
  readonly client: Client;
  /** Something that was asked for once failed: says so, or goes back to signing in when the token isn't accepted. */
  failed(error: unknown): void;
  /** A question that is asked again and again was answered. */
  answered(): void;
  /** It was not: that is said for as long as it lasts. */
  missed(error: unknown): void;
  say(message: string): void;
  /** Shows the current page anew, as if it had just been opened. */
  renew(): void;
}
