use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use media::{MediaDuration, Packet, Timestamp, Track};

use crate::aac::Aac;
use crate::audio_queue::AudioQueue;
use crate::part::{PartContext, PartCutter};
use crate::ts::{self, Muxer, Timing, Tracks};
use crate::{Error, MediaSequence, Output, Segment};

/// First guess at a segment's size; later ones go by the segment before.
const FIRST_CAPACITY: usize = 64 << 10;
/// How far audio gets ahead of pictures before it ends parts and segments in their place.
pub(crate) const VIDEO_STALL: MediaDuration = MediaDuration::from_millis(500);
/// How far pictures get ahead of queued audio before it is written, so that it comes before its time.
const LATEST: MediaDuration = MediaDuration::from_millis(200);
/// How many times longer audio waits for a picture, where it would be a part of its own else.
const PATIENCE: usize = 3;

/// Writes segments and their parts; where they end is decided by the [`Segmenter`](crate::Segmenter).
#[derive(Debug)]
pub(crate) struct SegmentWriter {
    muxer: Muxer,
    audio: AudioQueue,
    epoch: SystemTime,
    part_target: Option<MediaDuration>,
    next: MediaSequence,
    buffer: BytesMut,
    open: Option<Open>,
}

/// The segment in hand.
#[derive(Debug)]
struct Open {
    opening: Opening,
    sequence: MediaSequence,
    /// Where what is written so far ends.
    end: Timestamp,
    /// The same, of pictures alone.
    video_end: Timestamp,
    parts: Option<PartCutter>,
}

/// How a segment starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) start: Timestamp,
    pub(crate) tracks: Tracks,
    pub(crate) discontinuity: bool,
    pub(crate) independent: bool,
}

/// A picture to write.
pub(crate) struct Picture<'a> {
    pub(crate) timing: Timing,
    /// Its place in the track's progress; see `VideoTrack::reorder`.
    pub(crate) at: Timestamp,
    pub(crate) duration: MediaDuration,
    pub(crate) is_idr: bool,
    pub(crate) data: &'a [u8],
}

impl SegmentWriter {
    pub(crate) fn new(first: MediaSequence, epoch: SystemTime, part_target: Option<MediaDuration>) -> Self {
        Self {
            muxer: Muxer::new(),
            audio: AudioQueue::default(),
            epoch,
            part_target,
            next: first,
            buffer: BytesMut::with_capacity(FIRST_CAPACITY),
            open: None,
        }
    }

    /// How the segment in hand started.
    pub(crate) fn opening(&self) -> Option<&Opening> {
        self.open.as_ref().map(|open| &open.opening)
    }

    /// Where what is written or queued of the segment in hand ends.
    pub(crate) fn written_until(&self) -> Option<Timestamp> {
        let end = self.open.as_ref()?.end;
        Some(if self.audio.is_empty() { end } else { end.max(self.audio.end()) })
    }

    /// Bytes of the segment in hand if an access unit of `length` were added.
    pub(crate) fn size_with(&self, length: usize) -> usize {
        self.buffer.len() + ts::written_size(self.audio.adts().len()) + ts::written_size(length)
    }

    /// Starts a segment. None may be open.
    pub(crate) fn begin(&mut self, opening: Opening) -> Result<(), Error> {
        let sequence = self.next;
        self.next = sequence.next();
        let Opening { start, tracks, discontinuity, independent } = opening;
        let parts = self.part_target.map(|target| PartCutter::new(target, sequence, start, independent));
        self.open = Some(Open { opening, sequence, end: start, video_end: start, parts });
        Ok(self.muxer.start_segment(tracks, discontinuity, &mut self.buffer)?)
    }

    /// Ends the segment in hand at `end`; what is queued stays for the next where it belongs there.
    pub(crate) fn end(
        &mut self,
        end: Timestamp,
        is_last: bool,
        out: &mut dyn FnMut(Output),
    ) -> Result<(), Error> {
        let parts = self.open.as_ref().and_then(|open| open.parts.as_ref());
        // Audio that came since the last part would be a sliver of a part by itself.
        let is_sliver = parts.is_some_and(|parts| parts.is_empty(self.buffer.len()) && parts.is_sliver(end));
        if is_last || self.audio.start() < end && !is_sliver {
            self.flush_audio()?;
        }
        self.close_parts_until(end, out)?;
        let parts = self.open.as_ref().and_then(|open| open.parts.as_ref());
        if parts.is_some_and(|parts| !parts.is_empty(self.buffer.len()) || !parts.is_sliver(end)) {
            self.close_part(end, true, out)?;
        }
        let Some(Open { opening, sequence, parts, .. }) = self.open.take() else { return Ok(()) };
        let capacity = self.buffer.len() + self.buffer.len() / 8;
        let data = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(capacity)).freeze();
        out(Output::Segment(Segment {
            sequence,
            start: opening.start,
            duration: end - opening.start,
            program_date_time: wall_time(self.epoch, opening.start),
            discontinuity: opening.discontinuity,
            independent: opening.independent,
            parts: parts.map(|parts| parts.into_parts(&data)).unwrap_or_default(),
            data,
        }));
        Ok(())
    }

    /// Writes a picture at once.
    pub(crate) fn write_video(
        &mut self,
        picture: &Picture<'_>,
        out: &mut dyn FnMut(Output),
    ) -> Result<(), Error> {
        let Picture { timing, at, duration, is_idr, data } = *picture;
        self.close_parts_before(at, duration, out)?;
        if timing.dts - self.audio.start() > LATEST {
            self.flush_audio()?;
        }
        let length = self.buffer.len();
        let Some(open) = &mut self.open else { return Ok(()) };
        if let (true, Some(parts)) = (is_idr, &mut open.parts) {
            parts.mark_idr(length);
        }
        open.video_end = at + duration;
        open.end = open.end.max(open.video_end);
        self.muxer.write(Track::Video, timing, is_idr, data, &mut self.buffer)?;
        self.close_full_part(at + duration, duration, out)
    }

    /// Queues an audio frame; it is written with others, by the end of the part at the latest.
    pub(crate) fn write_audio(
        &mut self,
        packet: &Packet,
        aac: &Aac,
        out: &mut dyn FnMut(Output),
    ) -> Result<(), Error> {
        if self.audio.is_broken_by(packet) {
            self.flush_audio()?;
        }
        let frame = aac.frame_duration();
        let has_video = self.opening().is_some_and(|opening| opening.tracks.video);
        if !has_video {
            self.close_parts_before(packet.pts, frame, out)?;
        }
        self.audio.push(packet, aac)?;
        let waits = has_video && self.open_part().is_some_and(|parts| parts.is_empty(self.buffer.len()));
        if self.audio.is_full(frame, if waits { PATIENCE } else { 1 }) {
            self.flush_audio()?;
        }
        if has_video {
            self.close_stalled_parts(packet.pts, out)
        } else {
            self.close_full_part(packet.pts + frame, frame, out)
        }
    }

    /// Writes what audio is queued.
    pub(crate) fn flush_audio(&mut self) -> Result<(), Error> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if self.audio.is_empty() {
            return Ok(());
        }
        open.end = open.end.max(self.audio.end());
        let timing = Timing { pts: self.audio.start(), dts: self.audio.start() };
        let is_random_access = !open.opening.tracks.video;
        self.muxer.write(Track::Audio, timing, is_random_access, self.audio.adts(), &mut self.buffer)?;
        self.audio.clear();
        Ok(())
    }

    fn open_part(&self) -> Option<&PartCutter> {
        self.open.as_ref()?.parts.as_ref()
    }

    /// Ends the part in hand if nothing more fits. That is known before the next frame is there.
    fn close_full_part(
        &mut self,
        end: Timestamp,
        frame: MediaDuration,
        out: &mut dyn FnMut(Output),
    ) -> Result<(), Error> {
        if self.open_part().is_some_and(|parts| parts.is_full(end, frame)) {
            self.close_part(end, false, out)?;
        }
        Ok(())
    }

    /// Ends the parts that a frame at `at` comes too late for.
    fn close_parts_before(
        &mut self,
        at: Timestamp,
        frame: MediaDuration,
        out: &mut dyn FnMut(Output),
    ) -> Result<(), Error> {
        while self.open_part().is_some_and(|parts| parts.is_full(at, frame) && !parts.is_sliver(at)) {
            self.close_part(at, false, out)?;
        }
        Ok(())
    }

    fn close_parts_until(&mut self, end: Timestamp, out: &mut dyn FnMut(Output)) -> Result<(), Error> {
        self.close_parts_before(end, MediaDuration::ZERO, out)
    }

    /// Ends parts by the audio's progress where there are no pictures.
    fn close_stalled_parts(&mut self, at: Timestamp, out: &mut dyn FnMut(Output)) -> Result<(), Error> {
        let until = at - VIDEO_STALL;
        if self.open.as_ref().is_some_and(|open| until > open.video_end) {
            self.close_parts_until(until, out)?;
        }
        Ok(())
    }

    /// Ends the part in hand. One in which nothing happened holds the clock.
    fn close_part(
        &mut self,
        end: Timestamp,
        is_last: bool,
        out: &mut dyn FnMut(Output),
    ) -> Result<(), Error> {
        self.flush_audio()?;
        let Some(open) = &mut self.open else { return Ok(()) };
        let Some(parts) = &mut open.parts else { return Ok(()) };
        if parts.is_empty(self.buffer.len()) {
            self.muxer.write_clock(parts.start(), &mut self.buffer)?;
        }
        let context = PartContext {
            program_date_time: wall_time(self.epoch, parts.start()),
            discontinuity: open.opening.discontinuity,
            is_last,
            always_independent: !open.opening.tracks.video,
        };
        out(Output::Part(parts.close(end, &self.buffer, context)));
        Ok(())
    }
}

fn wall_time(epoch: SystemTime, at: Timestamp) -> SystemTime {
    let since: Duration = at.since_origin().abs().to_std();
    let wall = if at < Timestamp::ZERO { epoch.checked_sub(since) } else { epoch.checked_add(since) };
    wall.unwrap_or(epoch)
}
