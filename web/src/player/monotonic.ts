/** Seconds since the page was opened, on a clock that nobody sets. */
export function monotonicSeconds(): number {
  return performance.now() / 1000;
}
