use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use media::{MediaDuration, Timestamp};

/// A media sequence number: a segment's place in its stream (RFC 8216 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaSequence(u64);

/// What a segmenter makes, in the order in which a player may ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The next piece of the segment in hand. Only where the options ask for parts.
    Part(Part),
    /// A whole segment; its last part, if there are parts, came just before.
    Segment(Segment),
}

/// A Media Segment (RFC 8216 §3): an MPEG transport stream that starts with PAT and PMT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its place in the stream.
    pub sequence: MediaSequence,
    /// Presentation time of its first picture, or of its first audio frame where there is no video.
    pub start: Timestamp,
    /// Time until the next segment starts, or until its own last frame ends where nothing follows.
    pub duration: MediaDuration,
    /// Wall time of `start`, by the media clock.
    pub program_date_time: SystemTime,
    /// Whether timestamps, tracks or formats differ from those of the segment before
    /// (`EXT-X-DISCONTINUITY`).
    pub discontinuity: bool,
    /// Whether it can be decoded without the segment before: it starts with an IDR picture, or has
    /// no video. False only where no key frame came before the bounds were reached.
    pub independent: bool,
    /// The transport stream.
    pub data: Bytes,
    /// Its parts, as published before; their bytes are slices of `data`.
    pub parts: Vec<Part>,
}

/// A Partial Segment (RFC 8216bis §3): whole transport stream packets from the middle of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The segment that it belongs to.
    pub sequence: MediaSequence,
    /// Its place in that segment, from 0.
    pub index: u32,
    /// Where it starts; parts follow each other without a gap.
    pub start: Timestamp,
    /// How long it lasts; never more than the options' part target.
    pub duration: MediaDuration,
    /// The longest that a part of this stream lasts (`PART-TARGET`).
    pub target: MediaDuration,
    /// Wall time of `start`, by the media clock.
    pub program_date_time: SystemTime,
    /// Whether it is the first of a segment that is a discontinuity.
    pub discontinuity: bool,
    /// Whether it starts with an IDR picture, or has no video.
    pub independent: bool,
    /// Whether it is known to be its segment's last: the segment comes right after it.
    pub is_last: bool,
    /// Offset of its first byte in the segment.
    pub offset: u64,
    /// The bytes of the segment from `offset` on.
    pub data: Bytes,
}

/// The object name of a segment, beside its playlist: `segment_000.ts`, `segment_1234.ts`.
pub fn segment_name(sequence: MediaSequence) -> String {
    format!("segment_{:03}.ts", sequence.0)
}

/// The number of the segment that has this name, if one has.
pub fn segment_sequence(name: &str) -> Option<MediaSequence> {
    let number = name.strip_prefix("segment_")?.strip_suffix(".ts")?;
    let sequence = MediaSequence(number.parse().ok()?);
    // Nothing has two names.
    (segment_name(sequence) == name).then_some(sequence)
}

/// The object name of a part, beside its segment's: `segment_012.part_3.ts`.
pub fn part_name(sequence: MediaSequence, index: u32) -> String {
    format!("segment_{:03}.part_{index}.ts", sequence.0)
}

impl MediaSequence {
    /// The number itself.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// That of the following segment.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for MediaSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Segment {
    /// Mean bit rate in bits a second, transport stream overhead included.
    pub fn bit_rate(&self) -> u64 {
        let ticks = u64::try_from(self.duration.ticks()).unwrap_or(0).max(1);
        (self.data.len() as u64).saturating_mul(8 * media::TICKS_PER_SECOND as u64) / ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_three_digits_at_least() {
        assert_eq!(segment_name(MediaSequence::default()), "segment_000.ts");
        assert_eq!(segment_name(MediaSequence::new(42)), "segment_042.ts");
        assert_eq!(segment_name(MediaSequence::new(1234)), "segment_1234.ts");
        assert_eq!(part_name(MediaSequence::new(7), 12), "segment_007.part_12.ts");
    }
}
