/** As much of a video element as tests need. Like a real one it tells of plays and pauses afterwards. */
export class FakeVideo extends EventTarget {
  readonly NETWORK_EMPTY = 0;
  networkState = 0;
  readyState = 0;
  paused = true;
  ended = false;
  seeking = false;
  currentTime = 0;
  playbackRate = 1;
  readonly error = null;
  readonly buffered = { length: 0 };
  readonly seekable = { length: 0 };
  /** The browser wants a gesture. */
  blocks = false;
  /** How often it was given a source. */
  sources = 0;

  get element(): HTMLVideoElement {
    return this as unknown as HTMLVideoElement;
  }

  set src(_url: string) {
    this.load();
    this.networkState = 2;
    this.sources += 1;
  }

  removeAttribute(): void {}

  load(): void {
    // What had a source is paused by this, without an event.
    if (this.networkState !== 0) this.paused = true;
    this.networkState = 0;
    this.readyState = 0;
    this.currentTime = 0;
    this.ended = false;
  }

  async play(): Promise<void> {
    if (this.blocks) throw new DOMException("no gesture", "NotAllowedError");
    if (this.paused) this.tell("play");
    this.paused = false;
  }

  pause(): void {
    if (!this.paused) this.tell("pause");
    this.paused = true;
  }

  private tell(event: string): void {
    queueMicrotask(() => this.dispatchEvent(new Event(event)));
  }
}
