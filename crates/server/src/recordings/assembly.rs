//! Kept segments to the parts of a file.

use std::time::SystemTime;

use bytes::{Buf, Bytes, BytesMut};
use hls_mux::{MediaSequence, ReadError, SegmentReader};
use media::{MediaDuration, MediaEvent, Packet, Timestamp, Track};
use mp4_mux::Writer;

use self::checkpoint::{Moment, Sealed};

mod checkpoint;

/// Bytes of a part. Some stores want all parts but the last to be of one size, of 5 MiB or more.
pub(super) const PART: usize = 8 << 20;
/// A file of which there is no more than this is stored whole: it needs no room kept free for its index.
const WHOLE: usize = 2 * PART;
/// The parts that are kept free for the index: thirty hours of 30 pictures a second fit.
const INDEX_PARTS: u32 = 4;
const INDEX_ROOM: usize = INDEX_PARTS as usize * PART;
/// What the index may have beside its tables, and what another segment adds to these.
const INDEX_MARGIN: usize = 1 << 20;
/// The highest number that a part may have.
const LAST_PART: u32 = 10_000;
/// No segment is longer, in bytes: what the object store hands out is all that an assembly can be given.
const LONGEST_SEGMENT: usize = uploader::GET_LIMIT;

/// Makes a file of segments, in their order. The same segments make the same parts, so that a file
/// whose recorder died is gone on with from the segment of its last checkpoint.
pub(super) struct Assembly {
    reader: SegmentReader,
    writer: Writer,
    /// From the segments' time to the file's.
    shift: MediaDuration,
    /// Where in the file's time the next segment begins; `None` before the first.
    position: Option<Timestamp>,
    /// A discontinuity has come since the last segment that was read: the next one that can be is of another timeline.
    seam: bool,
    /// Media that is in no part yet.
    pending: BytesMut,
    parts: u32,
    left_out: u64,
    has_video: bool,
    has_audio: bool,
    /// How it was before the last segment, until there is a checkpoint of that.
    resumable: Option<Moment>,
    /// What the next segment makes that is in a part already.
    sealed: Option<Sealed>,
}

/// Why a segment is not in the file, or why there is no file.
#[derive(Debug, thiserror::Error)]
pub(super) enum AssemblyError {
    #[error(transparent)]
    Segment(#[from] ReadError),
    #[error("the index cannot be made: {0}")]
    Index(#[from] mp4_mux::Error),
    /// Parts that are stored were made of something else.
    #[error("the segments are not what they were when their parts were stored")]
    Changed,
    #[error("what is kept of how far the file was cannot be read")]
    Checkpoint,
}

/// A piece of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its place among the parts of the upload.
    pub(super) number: u32,
    pub(super) data: Bytes,
}

/// The file when all its media is known.
pub(super) enum File {
    /// Nothing to play was in the segments.
    Empty,
    /// Small enough to be stored in one piece.
    Whole(Bytes),
    /// The pieces that are left to store. The index is the last to be made and the first to be read, where it fits.
    Parts { pieces: Vec<Piece>, index_is_last: bool },
}

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) bytes: u64,
    pub(super) duration: MediaDuration,
}

impl Assembly {
    /// A file of a broadcast that was begun at `created`.
    pub(super) fn new(created: SystemTime) -> Self {
        Self {
            reader: SegmentReader::new(),
            writer: Writer::new(created),
            shift: MediaDuration::ZERO,
            position: None,
            seam: false,
            pending: BytesMut::new(),
            parts: 0,
            left_out: 0,
            has_video: false,
            has_audio: false,
            resumable: None,
            sealed: None,
        }
    }

    /// Adds the segment of that number, the next. One after a discontinuity is shown right behind the one before it.
    pub(super) fn push(
        &mut self,
        sequence: MediaSequence,
        data: &[u8],
        duration: MediaDuration,
        discontinuity: bool,
    ) -> Result<(), AssemblyError> {
        self.resumable = Some(self.moment(sequence));
        self.seam |= discontinuity;
        if self.seam {
            self.reader.restart();
        }
        let events = self.reader.read(data)?;
        let Some(start) = start(&events) else {
            self.pass(duration, false);
            return Ok(());
        };
        let position = self.position.unwrap_or(start);
        if std::mem::take(&mut self.seam) || self.position.is_none() {
            self.shift = position - start;
        }
        for event in events {
            self.has_video |= matches!(event, MediaEvent::Video(_));
            self.has_audio |= matches!(event, MediaEvent::Audio(_));
            let event = match event {
                MediaEvent::Packet(packet) => MediaEvent::Packet(Packet {
                    pts: packet.pts + self.shift,
                    dts: packet.dts + self.shift,
                    ..packet
                }),
                config => config,
            };
            // A frame of sound that overlaps a seam has no place in the file.
            if self.writer.push(&event, &mut self.pending).is_err() {
                self.left_out += 1;
            }
        }
        self.position = Some(position + duration);
        // With nothing in hand between segments, all that a checkpoint has to keep is where things are.
        self.writer.flush(&mut self.pending);
        match self.sealed.take() {
            Some(sealed) if !sealed.is_front_of(&self.pending) => Err(AssemblyError::Changed),
            Some(sealed) => {
                self.pending.advance(sealed.bytes);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Passes over a segment that isn't there: the picture stands still for so long. A discontinuity before it is one
    /// before whatever follows it.
    pub(super) fn pass(&mut self, duration: MediaDuration, discontinuity: bool) {
        self.seam |= discontinuity;
        if let Some(position) = &mut self.position {
            *position += duration;
        }
    }

    /// The next part, once it is full; and, with the last that is, what [`restore`](Self::restore) goes on with when
    /// that is stored.
    pub(super) fn part(&mut self) -> Option<(Piece, Option<Vec<u8>>)> {
        let enough = if self.parts == 0 { WHOLE } else { PART };
        if self.pending.len() < enough {
            return None;
        }
        let start = u64::from(self.parts) * PART as u64;
        let piece = self.take(PART);
        if let Some(moment) = &mut self.resumable {
            moment.seal(start, &piece);
        }
        let is_last = self.pending.len() < PART;
        let checkpoint = if is_last { self.checkpoint() } else { None };
        Some((piece, checkpoint))
    }

    /// Whether the upload may have no room for another segment: the end of the file must fit, too.
    pub(super) fn is_full(&self) -> bool {
        // Of the segment that is read anew, a part is stored already.
        if self.sealed.is_some() {
            return false;
        }
        let media = self.pending.len() + LONGEST_SEGMENT;
        let end = parts_of_end(media, self.writer.index_bytes() + INDEX_MARGIN);
        INDEX_PARTS + self.parts + end > LAST_PART
    }

    /// The codecs of its tracks, a comma between them.
    pub(super) fn codecs(&self) -> &'static str {
        match (self.has_video, self.has_audio) {
            (true, true) => "h264,aac",
            (true, false) => "h264",
            (false, true) => "aac",
            (false, false) => "",
        }
    }

    /// Access units that had no place in the file.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The rest of the file.
    pub(super) fn finish(mut self) -> Result<(File, Summary), AssemblyError> {
        if self.sealed.is_some() {
            return Err(AssemblyError::Changed);
        }
        let movie = std::mem::replace(&mut self.writer, Writer::new(SystemTime::UNIX_EPOCH))
            .finish(&mut self.pending);
        let summary =
            |extra: usize| Summary { bytes: movie.media_bytes() + extra as u64, duration: movie.duration() };
        if movie.is_empty() {
            return Ok((File::Empty, summary(0)));
        }
        if self.parts == 0
            && let Some(front) = movie.front(1, usize::MAX)?
        {
            let summary = summary(front.len());
            let mut whole = BytesMut::from(front);
            whole.unsplit(self.pending);
            return Ok((File::Whole(whole.freeze()), summary));
        }
        let (front, index_is_last) = match movie.front(PART, INDEX_ROOM)? {
            Some(front) => (front, false),
            None => (movie.bare_front(PART)?, true),
        };
        let tail = if index_is_last { movie.tail(front.len())? } else { Bytes::new() };
        self.pending.extend_from_slice(&tail);
        let extra = front.len() + tail.len();
        let mut pieces = Vec::new();
        while self.pending.len() > PART {
            pieces.push(self.take(PART));
        }
        if !self.pending.is_empty() {
            let rest = self.pending.len();
            pieces.push(self.take(rest));
        }
        // The front goes last: with it everything else is there.
        for (number, at) in (1..).zip((0..front.len()).step_by(PART)) {
            pieces.push(Piece { number, data: front.slice(at..front.len().min(at + PART)) });
        }
        Ok((File::Parts { pieces, index_is_last }, summary(extra)))
    }

    fn take(&mut self, length: usize) -> Piece {
        self.parts += 1;
        // Both are copied out, into as much memory as they need: one buffer that was split would grow by doubling, and last
        // as long as the longer of the two.
        let rest = BytesMut::from(&self.pending[length..]);
        let whole = std::mem::replace(&mut self.pending, rest);
        Piece { number: INDEX_PARTS + self.parts, data: Bytes::copy_from_slice(&whole[..length]) }
    }
}

/// The parts that so much media and an index of that length need, beside those that are kept free for an index.
fn parts_of_end(media: usize, index: usize) -> u32 {
    let behind = if index > INDEX_ROOM { index } else { 0 };
    u32::try_from((media + behind).div_ceil(PART)).unwrap_or(u32::MAX)
}

/// When a segment's picture begins, or its sound where there is no picture.
fn start(events: &[MediaEvent]) -> Option<Timestamp> {
    let first = |track| {
        let times = events.iter().filter_map(move |event| match event {
            MediaEvent::Packet(packet) if packet.track == track => Some(packet.pts),
            _ => None,
        });
        times.min()
    };
    first(Track::Video).or_else(|| first(Track::Audio))
}

#[cfg(test)]
pub(super) mod tests;
