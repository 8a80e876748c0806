type IPhoneVideo = HTMLVideoElement & { webkitEnterFullscreen?(): void };

/** Full screen of the whole player, or of the video alone where only that is possible. */
export function toggleFullscreen(player: HTMLElement, video: HTMLVideoElement): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (document.fullscreenEnabled) void player.requestFullscreen().catch(() => undefined);
  else (video as IPhoneVideo).webkitEnterFullscreen?.();
}

export function canFullscreen(video: HTMLVideoElement): boolean {
  return document.fullscreenEnabled || "webkitEnterFullscreen" in video;
}

export function togglePictureInPicture(video: HTMLVideoElement): void {
  const change = document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture();
  void change.catch(() => undefined);
}
