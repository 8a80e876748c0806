export interface Shortcuts {
  togglePlay(): void;
  toggleMute(): void;
  toggleFullscreen(): void;
  togglePictureInPicture(): void;
  goLive(): void;
  seekBy(seconds: number): void;
  toBeginning(): void;
  toEnd(): void;
  volumeBy(step: number): void;
}

const SEEK_S = 5;
const VOLUME_STEP = 0.1;
/** What sliders and lists do something with themselves. */
const VALUE_KEYS = /^(Arrow|Home$|End$)/;

/** The action of a key; null for keys that the player leaves alone. */
export function shortcut(key: string, actions: Shortcuts): (() => void) | null {
  switch (key) {
    case " ":
    case "k":
      return () => actions.togglePlay();
    case "m":
      return () => actions.toggleMute();
    case "f":
      return () => actions.toggleFullscreen();
    case "i":
      return () => actions.togglePictureInPicture();
    case "l":
      return () => actions.goLive();
    case "ArrowLeft":
      return () => actions.seekBy(-SEEK_S);
    case "ArrowRight":
      return () => actions.seekBy(SEEK_S);
    case "Home":
      return () => actions.toBeginning();
    case "End":
      return () => actions.toEnd();
    case "ArrowUp":
      return () => actions.volumeBy(VOLUME_STEP);
    case "ArrowDown":
      return () => actions.volumeBy(-VOLUME_STEP);
    default:
      return null;
  }
}

export function listen(actions: Shortcuts, used: () => void): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    // Controls keep the keys that they understand themselves.
    if (target.matches("select, input") && VALUE_KEYS.test(event.key)) return;
    if (target.matches("select, button") && event.key === " ") return;
    const action = shortcut(event.key.length === 1 ? event.key.toLowerCase() : event.key, actions);
    if (!action) return;
    event.preventDefault();
    // A key that is held goes on with what has steps, and doesn't flip back what it has flipped.
    if (event.repeat && !event.key.startsWith("Arrow")) return;
    action();
    used();
  });
}
