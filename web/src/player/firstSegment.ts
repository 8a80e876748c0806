import Hls from "hls.js";
import type { HlsConfig } from "hls.js";

type BufferController = NonNullable<HlsConfig["bufferController"]>;
type Tracker = ConstructorParameters<BufferController>[1];
type Arguments = Parameters<Tracker["detectEvictedFragments"]>;

// Optional in the types, for builds without Media Source; the light build, which vite.config.ts aliases, has one.
const Base = Hls.DefaultConfig.bufferController as BufferController;
/** Above 0, and below the next segment's number. */
const JUST_ABOVE_ZERO = Number.MIN_VALUE;

/**
 * hls.js takes parts that it has just appended for evicted where they are of segment 0, as it takes that number for
 * none (`sn || -1` in its fragment tracker, 1.7.4): it loads the segment's parts again and again until another
 * segment is listed. Who watches from a stream's first second on would see the picture stand still.
 */
export class FirstSegmentBuffer extends Base {
  constructor(...[hls, tracker]: ConstructorParameters<BufferController>) {
    super(hls, tracker);
    const detect = tracker.detectEvictedFragments.bind(tracker);
    tracker.detectEvictedFragments = (...given: Arguments) => detect(...withTrueNumber(given));
  }
}

function withTrueNumber(given: Arguments): Arguments {
  const part = given[4];
  if (part?.fragment.sn === 0) given[4] = Object.create(part, { fragment: { value: { sn: JUST_ABOVE_ZERO } } });
  return given;
}
