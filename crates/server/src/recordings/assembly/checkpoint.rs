//! How far a file was when its last part was stored: what goes into the catalog along with the part.
//!
//! Such a checkpoint is of the moment before the segment that filled the part, when nothing was in hand. It has no media:
//! that segment is read again, and what is in the part already is passed over.

use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use hls_mux::{MediaSequence, ReaderState, SegmentReader};
use media::{AudioCodec, AudioConfig, MediaDuration};
use mp4_mux::Writer;
use mp4_mux::varint::{put, put_bytes, put_signed, put_time, take, take_bytes, take_signed, take_time};

use super::{Assembly, AssemblyError, Piece};

/// Of another format there is nothing to go on with.
pub(super) const VERSION: u64 = 2;

/// How an assembly was before a segment.
pub(super) struct Moment {
    sequence: MediaSequence,
    state: Vec<u8>,
    writer: mp4_mux::Mark,
    written: u64,
    sealed: flate2::Crc,
}

/// The front of what a segment makes, which is in a stored part.
pub(super) struct Sealed {
    pub(super) bytes: usize,
    digest: u32,
}

impl Moment {
    /// A part that begins at `start` in the media is full.
    pub(super) fn seal(&mut self, start: u64, piece: &Piece) {
        let earlier = self.written.saturating_sub(start) as usize;
        self.sealed.update(piece.data.get(earlier..).unwrap_or_default());
    }
}

impl Sealed {
    pub(super) fn is_front_of(&self, media: &[u8]) -> bool {
        let mut crc = flate2::Crc::new();
        media.get(..self.bytes).is_some_and(|front| {
            crc.update(front);
            crc.sum() == self.digest
        })
    }
}

impl Assembly {
    /// This moment, before the segment of that number.
    pub(super) fn moment(&self, sequence: MediaSequence) -> Moment {
        let mut state = Vec::new();
        put(&mut state, self.left_out);
        put_signed(&mut state, self.shift.ticks());
        put_time(&mut state, self.position);
        put(&mut state, self.seam.into());
        put(&mut state, self.has_video.into());
        put(&mut state, self.has_audio.into());
        let reader = self.reader.state();
        put_time(&mut state, reader.last);
        put(&mut state, reader.has_video.into());
        put(&mut state, reader.audio.is_some().into());
        if let Some(audio) = &reader.audio {
            put(&mut state, audio.sample_rate.into());
            put(&mut state, audio.channels.into());
            put_bytes(&mut state, &audio.extradata);
        }
        let (writer, written) = (self.writer.mark(), self.writer.written());
        Moment { sequence, state, writer, written, sealed: flate2::Crc::new() }
    }

    /// What is new since the last checkpoint.
    pub(super) fn checkpoint(&mut self) -> Option<Vec<u8>> {
        let Moment { sequence, state, writer, sealed, .. } = self.resumable.take()?;
        let mut out = Vec::new();
        put(&mut out, VERSION);
        put(&mut out, sequence.get());
        put(&mut out, self.parts.into());
        put(&mut out, sealed.amount().into());
        put(&mut out, sealed.sum().into());
        put_bytes(&mut out, &state);
        out.extend(self.writer.checkpoint(writer));
        Some(out)
    }

    /// A file that was begun at `created`, as its checkpoints, in their order, say; and the segment to go on with.
    pub(in crate::recordings) fn restore(
        created: SystemTime,
        checkpoints: Vec<Bytes>,
    ) -> Result<(Self, MediaSequence), AssemblyError> {
        let (mut last, mut writer) = (None, Vec::with_capacity(checkpoints.len()));
        for checkpoint in &checkpoints {
            let mut rest = &checkpoint[..];
            last = Some(take_head(&mut rest).ok_or(AssemblyError::Checkpoint)?);
            writer.push(checkpoint.slice_ref(rest));
        }
        let Head { sequence, parts, sealed, state } = last.ok_or(AssemblyError::Checkpoint)?;
        let writer = Writer::restore(created, writer).map_err(|_| AssemblyError::Checkpoint)?;
        let sealed = Some(sealed).filter(|sealed| sealed.bytes > 0);
        let assembly = read(&mut &state[..], writer, parts, sealed).ok_or(AssemblyError::Checkpoint)?;
        Ok((assembly, sequence))
    }
}

struct Head<'a> {
    sequence: MediaSequence,
    parts: u32,
    sealed: Sealed,
    state: &'a [u8],
}

fn take_head<'a>(from: &mut &'a [u8]) -> Option<Head<'a>> {
    if take(from)? != VERSION {
        return None;
    }
    let (sequence, parts) = (MediaSequence::new(take(from)?), take(from)?.try_into().ok()?);
    let sealed = Sealed { bytes: take(from)?.try_into().ok()?, digest: take(from)?.try_into().ok()? };
    Some(Head { sequence, parts, sealed, state: take_bytes(from)? })
}

fn read(from: &mut &[u8], writer: Writer, parts: u32, sealed: Option<Sealed>) -> Option<Assembly> {
    let left_out = take(from)?;
    let shift = MediaDuration::from_ticks(take_signed(from)?);
    let position = take_time(from)?;
    let seam = take(from)? != 0;
    let (has_video, has_audio) = (take(from)? != 0, take(from)? != 0);
    let mut reader = ReaderState { last: take_time(from)?, has_video: take(from)? != 0, audio: None };
    if take(from)? != 0 {
        let sample_rate = take(from)?.try_into().ok()?;
        let channels = take(from)?.try_into().ok()?;
        let extradata = Bytes::copy_from_slice(take_bytes(from)?);
        reader.audio = Some(AudioConfig { codec: AudioCodec::Aac, extradata, sample_rate, channels });
    }
    Some(Assembly {
        reader: SegmentReader::resume(reader),
        writer,
        shift,
        position,
        seam,
        pending: BytesMut::new(),
        parts,
        left_out,
        has_video,
        has_audio,
        resumable: None,
        sealed,
    })
}
