import { afterEach, expect, it, vi, type Mock } from "vitest";
import { listen, shortcut, type Shortcuts } from "./keyboard";

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

afterEach(() => vi.unstubAllGlobals());

/** Presses keys while an element of this kind has the focus; answers the names of the actions. */
function pressed(focus: string, ...keys: { key: string; repeat?: boolean }[]): string[] {
  const page = Object.assign(new EventTarget(), { matches: (kinds: string) => kinds.split(", ").includes(focus) });
  vi.stubGlobal("document", page);
  const made = actions();
  listen(made, () => undefined);
  for (const key of keys) page.dispatchEvent(Object.assign(new Event("keydown"), key));
  return Object.entries(made).flatMap(([name, action]) => action.mock.calls.map(() => name));
}

it("leaves to a control what that does something with itself", () => {
  const keys = ["ArrowLeft", "Home", "End", " ", "m"].map((key) => ({ key }));
  expect(pressed("input", ...keys)).toEqual(["togglePlay", "toggleMute"]);
  expect(pressed("select", ...keys)).toEqual(["toggleMute"]);
  expect(pressed("button", ...keys)).toEqual(["toggleMute", "toBeginning", "toEnd", "seekBy"]);
});

it("doesn't flip back and forth while a key is held", () => {
  const held = (key: string) => [{ key }, { key, repeat: true }, { key, repeat: true }];
  expect(pressed("body", ...held("f"), ...held(" "), ...held("i"))).toEqual(["togglePlay", "toggleFullscreen", "togglePictureInPicture"]);
  expect(pressed("body", ...held("ArrowUp"))).toEqual(["volumeBy", "volumeBy", "volumeBy"]);
});
