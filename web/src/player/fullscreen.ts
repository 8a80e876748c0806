/** iPhones have full screen of a video alone, and by these names. */
type IPhoneVideo = HTMLVideoElement & {
  readonly webkitDisplayingFullscreen?: boolean;
  webkitEnterFullscreen?(): void;
  webkitExitFullscreen?(): void;
};

/** Full screen of the whole player, or of the video alone where only that is possible. */
export function toggleFullscreen(player: HTMLElement, video: IPhoneVideo): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (document.fullscreenEnabled) void player.requestFullscreen().catch(() => undefined);
  else if (isFullscreen(video)) video.webkitExitFullscreen?.();
  else video.webkitEnterFullscreen?.();
}

export function isFullscreen(video: IPhoneVideo): boolean {
  // Where there is no full screen of a page, its element is undefined rather than null.
  return Boolean(document.fullscreenElement) || video.webkitDisplayingFullscreen === true;
}

export function canFullscreen(video: HTMLVideoElement): boolean {
  return document.fullscreenEnabled || "webkitEnterFullscreen" in video;
}

export function togglePictureInPicture(video: HTMLVideoElement): void {
  // Firefox has a button of its own, and nothing for pages.
  if (!document.pictureInPictureEnabled) return;
  const change = document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture();
  void change.catch(() => undefined);
}
