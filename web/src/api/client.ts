import type { CreatedStream, Delivery, Problem, Recording, StreamEvent, StreamKey, StreamList, StreamStatus, TestResult, ViewerHistory, Webhook, WebhookWishes, Wishes } from "./types";

const TIMEOUT_MS = 8_000;
/** The end of a broadcast is answered when the encoder is flushed and its last uploads are through, or were waited for; what changes the stream comes after. */
const CHANGE_TIMEOUT_MS = 60_000;
/** A test of a webhook takes as long as its server may take to answer. */
const TEST_TIMEOUT_MS = 65_000;

/** A call that the server answered with an error. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | null,
  ) {
    super(problem?.detail ?? problem?.title ?? `The server answered ${status}.`);
    this.name = "ApiError";
  }
}

/** A call that got no answer: the server is down, or the network is. */
export class Unreachable extends Error {
  constructor(options?: ErrorOptions) {
    super("Weir does not answer.", options);
    this.name = "Unreachable";
  }
}

/** Whether a text may be a token. Other characters couldn't be sent as they are: a header has none of them. */
export function isToken(text: string): boolean {
  return /^[\t\x20-\x7e]+$/.test(text);
}

/** The control API, called with one bearer token. */
export class Client {
  constructor(private readonly token: string) {}

  list(signal?: AbortSignal): Promise<StreamList> {
    return this.call("GET", "", undefined, signal);
  }

  status(videoId: string, signal?: AbortSignal): Promise<StreamStatus> {
    return this.call("GET", `/${encodeURIComponent(videoId)}/status`, undefined, signal);
  }

  create(wishes: Wishes): Promise<CreatedStream> {
    return this.call("POST", "/create", wishes);
  }

  change(videoId: string, wishes: Wishes): Promise<StreamStatus> {
    return this.call("PATCH", `/${encodeURIComponent(videoId)}`, wishes, undefined, CHANGE_TIMEOUT_MS);
  }

  /** Of the last broadcast, from its beginning. */
  viewerHistory(videoId: string, signal?: AbortSignal): Promise<ViewerHistory> {
    return this.call("GET", `/${encodeURIComponent(videoId)}/viewers/history`, undefined, signal);
  }

  start(videoId: string): Promise<StreamStatus> {
    return this.call("POST", `/${encodeURIComponent(videoId)}/start`, {}, undefined, CHANGE_TIMEOUT_MS);
  }

  stop(videoId: string): Promise<StreamStatus> {
    return this.call("POST", `/${encodeURIComponent(videoId)}/stop`, {}, undefined, CHANGE_TIMEOUT_MS);
  }

  remove(videoId: string): Promise<void> {
    return this.call("DELETE", `/${encodeURIComponent(videoId)}`, undefined, undefined, CHANGE_TIMEOUT_MS);
  }

  key(videoId: string): Promise<StreamKey> {
    return this.call("GET", `/${encodeURIComponent(videoId)}/key`);
  }

  rotateKey(videoId: string): Promise<StreamKey> {
    return this.call("POST", `/${encodeURIComponent(videoId)}/key`, {}, undefined, CHANGE_TIMEOUT_MS);
  }

  /** What is left of a stream's broadcasts, newest first. */
  recordings(videoId: string): Promise<{ recordings: Recording[] }> {
    return this.call("GET", `/${encodeURIComponent(videoId)}/recordings`);
  }

  removeRecording(videoId: string, number: number): Promise<void> {
    return this.call("DELETE", `/${encodeURIComponent(videoId)}/recordings/${number}`);
  }

  /** What happened to a stream, newest first. */
  events(videoId: string, signal?: AbortSignal): Promise<{ events: StreamEvent[] }> {
    return this.call("GET", `/${encodeURIComponent(videoId)}/events`, undefined, signal);
  }

  /** What happens to a stream after the event `last`: server-sent events, until the answer ends. */
  async eventStream(videoId: string, last: number, signal: AbortSignal): Promise<ReadableStream<BufferSource>> {
    // EventSource, which browsers have for this, sends no token.
    const headers = { Authorization: `Bearer ${this.token}`, Accept: "text/event-stream", "Last-Event-ID": String(last) };
    const response = await fetch(`/api/events?videoId=${encodeURIComponent(videoId)}`, { headers, cache: "no-store", signal });
    if (!response.ok || !response.body) throw new ApiError(response.status, parseProblem(await response.text()));
    return response.body;
  }

  webhooks(signal?: AbortSignal): Promise<{ webhooks: Webhook[] }> {
    return this.request("GET", "/api/webhooks", undefined, signal);
  }

  createWebhook(wishes: WebhookWishes): Promise<Webhook & { secret: string }> {
    return this.request("POST", "/api/webhooks", wishes);
  }

  changeWebhook(webhookId: string, wishes: Partial<WebhookWishes>): Promise<Webhook> {
    return this.request("PATCH", `/api/webhooks/${encodeURIComponent(webhookId)}`, wishes);
  }

  removeWebhook(webhookId: string): Promise<void> {
    return this.request("DELETE", `/api/webhooks/${encodeURIComponent(webhookId)}`);
  }

  rotateSecret(webhookId: string): Promise<{ secret: string }> {
    return this.request("POST", `/api/webhooks/${encodeURIComponent(webhookId)}/secret`);
  }

  testWebhook(webhookId: string): Promise<TestResult> {
    return this.request("POST", `/api/webhooks/${encodeURIComponent(webhookId)}/test`, undefined, undefined, TEST_TIMEOUT_MS);
  }

  /** The newest attempts, newest first. */
  deliveries(webhookId: string): Promise<{ deliveries: Delivery[] }> {
    return this.request("GET", `/api/webhooks/${encodeURIComponent(webhookId)}/deliveries`);
  }

  private call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal, timeoutMs?: number): Promise<T> {
    return this.request(method, `/api/live${path}`, body, signal, timeoutMs);
  }

  private async request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal, timeoutMs = TIMEOUT_MS): Promise<T> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}`, Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response: Response;
    let text: string;
    try {
      response = await fetch(path, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        cache: "no-store",
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      text = await response.text();
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new Unreachable({ cause });
    }
    // A proxy in front of a server that is down answers in its place.
    if (response.status === 502 || response.status === 504) throw new Unreachable();
    if (!response.ok) throw new ApiError(response.status, parseProblem(text));
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }
}

function parseProblem(text: string): Problem | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "title" in value ? (value as Problem) : null;
  } catch {
    return null;
  }
}
