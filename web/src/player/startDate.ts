/** When a native source's position 0 was on air, ms since the epoch: Safari's own way to PROGRAM-DATE-TIME. */
export function startDate(video: HTMLVideoElement): number | null {
  const start = (video as HTMLVideoElement & { getStartDate?(): Date }).getStartDate?.().getTime();
  return start === undefined || Number.isNaN(start) ? null : start;
}
