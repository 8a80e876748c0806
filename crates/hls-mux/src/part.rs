use std::time::SystemTime;

use bytes::Bytes;
use media::{MediaDuration, Timestamp};

use crate::{MediaSequence, Part};

/// Timestamps of whole milliseconds make a part of equal pictures a little longer or shorter.
/// What that adds is left to the next part.
const JITTER: MediaDuration = MediaDuration::from_millis(2);
/// Too little to be worth a part of its own.
const SLIVER: MediaDuration = MediaDuration::from_millis(10);

/// Cuts one segment into parts.
///
/// Each part starts where the one before was said to end, so that their durations add up to the
/// segment's whatever was estimated on the way.
#[derive(Debug)]
pub(crate) struct PartCutter {
    target: MediaDuration,
    sequence: MediaSequence,
    start: Timestamp,
    offset: usize,
    independent: bool,
    /// Those that are out, without their bytes.
    closed: Vec<Part>,
}

/// What a part takes from its segment and its stream.
pub(crate) struct PartContext {
    /// Wall time of the part's start.
    pub(crate) program_date_time: SystemTime,
    /// The segment is a discontinuity.
    pub(crate) discontinuity: bool,
    /// The segment ends with it.
    pub(crate) is_last: bool,
    /// There is no video.
    pub(crate) always_independent: bool,
}

impl PartCutter {
    pub(crate) fn new(
        target: MediaDuration,
        sequence: MediaSequence,
        start: Timestamp,
        independent: bool,
    ) -> Self {
        Self { target, sequence, start, offset: 0, independent, closed: Vec::new() }
    }

    pub(crate) fn start(&self) -> Timestamp {
        self.start
    }

    /// Whether nothing is in the part in hand, in a segment of `length` bytes.
    pub(crate) fn is_empty(&self, length: usize) -> bool {
        length <= self.offset
    }

    /// Whether a frame more, after what ends at `end`, would be too much.
    pub(crate) fn is_full(&self, end: Timestamp, frame: MediaDuration) -> bool {
        end + frame - self.start > self.target + JITTER
    }

    /// Whether a part from here to `end` is worth it.
    pub(crate) fn is_sliver(&self, end: Timestamp) -> bool {
        end - self.start <= SLIVER
    }

    /// The next bytes are an IDR picture.
    pub(crate) fn mark_idr(&mut self, length: usize) {
        self.independent |= self.is_empty(length);
    }

    /// Ends the part in hand at `end`, or at the target if that is earlier.
    pub(crate) fn close(&mut self, end: Timestamp, segment: &[u8], context: PartContext) -> Part {
        let end = end.min(self.start + self.target).max(self.start + MediaDuration::from_ticks(1));
        let part = Part {
            sequence: self.sequence,
            index: self.closed.len() as u32,
            start: self.start,
            duration: end - self.start,
            target: self.target,
            program_date_time: context.program_date_time,
            discontinuity: context.discontinuity && self.closed.is_empty(),
            independent: self.independent,
            is_last: context.is_last,
            offset: self.offset as u64,
            data: Bytes::copy_from_slice(&segment[self.offset..]),
        };
        self.closed.push(Part { data: Bytes::new(), ..part.clone() });
        self.start = end;
        self.offset = segment.len();
        self.independent = context.always_independent;
        part
    }

    /// The parts, with their bytes as slices of the segment: it is in memory once.
    pub(crate) fn into_parts(mut self, segment: &Bytes) -> Vec<Part> {
        let mut end = segment.len();
        for part in self.closed.iter_mut().rev() {
            let offset = part.offset as usize;
            part.data = segment.slice(offset..end);
            end = offset;
        }
        self.closed
    }
}
