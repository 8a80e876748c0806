import { afterEach, expect, it, vi } from "vitest";
import { isFullscreen, togglePictureInPicture } from "./fullscreen";

afterEach(() => vi.unstubAllGlobals());

it("sees full screen also where there is that of a video alone", () => {
  const video = {} as HTMLVideoElement;
  vi.stubGlobal("document", {});
  expect(isFullscreen(video)).toBe(false);
  expect(isFullscreen(Object.assign(video, { webkitDisplayingFullscreen: true }))).toBe(true);
  vi.stubGlobal("document", { fullscreenElement: null });
  expect(isFullscreen({} as HTMLVideoElement)).toBe(false);
  vi.stubGlobal("document", { fullscreenElement: {} });
  expect(isFullscreen({} as HTMLVideoElement)).toBe(true);
});

it("leaves browsers alone that have no picture in picture for pages", () => {
  vi.stubGlobal("document", {});
  expect(() => togglePictureInPicture({} as HTMLVideoElement)).not.toThrow();
});
