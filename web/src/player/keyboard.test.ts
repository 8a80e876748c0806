import { expect, it, vi, type Mock } from "vitest";
import { shortcut, type Shortcuts } from "./keyboard";

const actions = (): { [K in keyof Shortcuts]: Mock<Shortcuts[K]> } => ({
  togglePlay: vi.fn(), toggleMute: vi.fn(), toggleFullscreen: vi.fn(), togglePictureInPicture: vi.fn(),
  goLive: vi.fn(), toBeginning: vi.fn(), toEnd: vi.fn(), seekBy: vi.fn(), volumeBy: vi.fn(),
});

it("gives each key its action", () => {
  const cases: [string, keyof Shortcuts, unknown[]][] = [
    [" ", "togglePlay", []], ["k", "togglePlay", []], ["m", "toggleMute", []], ["f", "toggleFullscreen", []],
    ["i", "togglePictureInPicture", []], ["l", "goLive", []], ["Home", "toBeginning", []], ["End", "toEnd", []],
    ["ArrowLeft", "seekBy", [-5]], ["ArrowRight", "seekBy", [5]],
    ["ArrowUp", "volumeBy", [0.1]], ["ArrowDown", "volumeBy", [-0.1]],
  ];
  for (const [key, name, args] of cases) {
    const made = actions();
    shortcut(key, made)?.();
    expect(made[name]).toHaveBeenCalledExactlyOnceWith(...args);
  }
});

it("leaves other keys to the browser", () => {
  for (const key of ["Tab", "Enter", "Escape", "a", "F5"]) expect(shortcut(key, actions())).toBeNull();
});
