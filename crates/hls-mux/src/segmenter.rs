use std::time::SystemTime;

use bytes::Bytes;
use media::{
    AudioCodec, AudioConfig, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec, VideoConfig,
};

use crate::keyframes::KeyframeRule;
use crate::playlist::codecs::join;
use crate::start::Start;
use crate::track::{AudioTrack, VideoTrack};
use crate::ts::{Timing, Tracks};
use crate::writer::{Opening, Picture, SegmentWriter, VIDEO_STALL};
use crate::{Error, MediaSequence, Output, SegmenterOptions, h264};

/// Cuts one rendition into segments and parts.
///
/// H.264 comes as Annex B or length-prefixed, as its configuration says; AAC as raw frames. A segment
/// starts at an IDR picture, or at any audio frame where there is no video, and ends the moment that
/// its successor's first packet is pushed. Where no key frame comes in time, the bounds of the
/// options end it; its successor is then not [independent](crate::Segment::independent).
///
/// A change of format, and a track that appears or has been silent for a target duration, take
/// effect with the next key frame, which then starts a segment marked as a discontinuity. Packets of
/// a track that the segment in hand doesn't name are dropped until then, and counted.
#[derive(Debug)]
pub struct Segmenter {
    options: SegmenterOptions,
    longest: MediaDuration,
    writer: SegmentWriter,
    rule: KeyframeRule,
    /// Until the first segment begins: what comes before it.
    start: Option<Start>,
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    /// The next segment is a discontinuity.
    discontinuity: bool,
    /// The next key frame starts a segment, however early.
    cut_at_next_key: bool,
    dropped: u64,
    /// The access unit in hand; kept for its memory.
    unit: Vec<u8>,
}

impl Segmenter {
    /// A segmenter whose first segment is `first`. `epoch` is the wall time of [`Timestamp::ZERO`].
    pub fn new(options: SegmenterOptions, first: MediaSequence, epoch: SystemTime) -> Self {
        let longest = options.longest_segment();
        Self {
            longest,
            writer: SegmentWriter::new(first, epoch, options.part_target),
            rule: KeyframeRule::new(options.target_duration, longest),
            start: Some(Start::new(options.track_wait, options.max_segment_bytes)),
            video: None,
            audio: None,
            discontinuity: false,
            cut_at_next_key: false,
            dropped: 0,
            unit: Vec::new(),
            options,
        }
    }

    /// Takes the next event; `out` gets what is complete with it, before this returns.
    ///
    /// # Errors
    ///
    /// If the event is unusable. It is then left out, and the next may be pushed.
    pub fn push(&mut self, event: MediaEvent, out: &mut dyn FnMut(Output)) -> Result<(), Error> {
        match event {
            MediaEvent::Video(config) => self.set_video(config),
            MediaEvent::Audio(config) => self.set_audio(config),
            MediaEvent::Packet(packet) => self.push_packet(packet, out),
        }
    }

    /// Ends the stream: `out` gets the last segment, which may be short.
    pub fn finish(mut self, out: &mut dyn FnMut(Output)) {
        // What can't be written any more is left out; what is written comes out all the same.
        let _ = self.begin(out);
        if let Some(end) = self.end_before(Timestamp::from_ticks(i64::MAX)) {
            let _ = self.writer.end(end, true, out);
        }
    }

    /// The next key frame starts a segment that is marked as a discontinuity.
    pub fn mark_discontinuity(&mut self) {
        self.discontinuity = true;
        self.cut_at_next_key = true;
    }

    /// The formats for `CODECS`, as [`codecs_string`](crate::playlist::codecs_string) names them, with
    /// parameter sets that come in band. Empty until they are known.
    pub fn codecs(&self) -> String {
        let video = self.video.as_ref().and_then(|video| h264::codec_string(video.h264.sps().first()?));
        join(video, self.audio.as_ref().map(|audio| audio.aac.codec_string()))
    }

    /// How many packets were left out because nothing could be done with them where they came:
    /// before the first key frame, or before the segment that names their track.
    pub fn dropped_packets(&self) -> u64 {
        self.dropped
    }

    fn set_video(&mut self, config: VideoConfig) -> Result<(), Error> {
        if config.codec != VideoCodec::H264 {
            self.video = None;
            return Err(Error::UnsupportedVideo(config.codec));
        }
        let Some(video) = self.video.as_mut() else {
            self.video = Some(VideoTrack::new(config)?);
            return Ok(());
        };
        if video.config == config {
            return Ok(());
        }
        let rates = (video.config.frame_rate, config.frame_rate);
        let is_other_rate = matches!(rates, (Some(before), Some(now)) if before != now);
        if video.config.extradata != config.extradata {
            let new = VideoTrack::new(config)?;
            video.h264 = new.h264;
            video.config = new.config;
            video.needs_idr = true;
            self.forget(Track::Video);
        } else {
            video.config = config;
        }
        if is_other_rate && self.start.is_none() {
            self.mark_discontinuity();
        }
        Ok(())
    }

    fn set_audio(&mut self, config: AudioConfig) -> Result<(), Error> {
        if config.codec != AudioCodec::Aac {
            self.audio = None;
            return Err(Error::UnsupportedAudio(config.codec));
        }
        let Some(audio) = self.audio.as_mut() else {
            self.audio = Some(AudioTrack::new(config)?);
            return Ok(());
        };
        if audio.config == config {
            return Ok(());
        }
        let last_dts = audio.last_dts;
        let is_same = audio.aac == AudioTrack::new(config.clone())?.aac;
        let is_new = audio.is_new || !is_same;
        *audio = AudioTrack { is_new, last_dts, ..AudioTrack::new(config)? };
        if !is_same {
            self.forget(Track::Audio);
            self.writer.flush_audio()?;
            if self.start.is_none() {
                self.mark_discontinuity();
            }
        }
        Ok(())
    }

    fn forget(&mut self, track: Track) {
        self.dropped += self.start.as_mut().map_or(0, |start| start.forget(track) as u64);
    }

    fn push_packet(&mut self, packet: Packet, out: &mut dyn FnMut(Output)) -> Result<(), Error> {
        let (track, pts, length) = (packet.track, packet.pts, packet.data.len());
        match (track, &mut self.video, &mut self.audio) {
            (Track::Video, Some(video), _) => video.accept(&packet)?,
            (Track::Audio, _, Some(audio)) => audio.accept(&packet)?,
            _ => return Err(Error::NoConfig { track, pts }),
        }
        let limit = self.options.max_segment_bytes / 2;
        if length > limit {
            return Err(Error::TooLarge { track, pts, length, limit });
        }
        let Some(start) = &mut self.start else { return self.write(packet, out) };
        start.push(packet);
        if start.is_over() { self.begin(out) } else { Ok(()) }
    }

    /// Writes what was held back. The first thing that goes wrong is told; the rest is written.
    fn begin(&mut self, out: &mut dyn FnMut(Output)) -> Result<(), Error> {
        let Some(start) = &mut self.start else { return Ok(()) };
        let beginning = start.begin();
        self.dropped += beginning.dropped as u64;
        let mut result = Ok(());
        for packet in beginning.packets {
            let written = self.write(packet, out);
            result = result.and(written);
        }
        if self.writer.opening().is_some() {
            self.start = None;
        }
        result
    }

    fn write(&mut self, packet: Packet, out: &mut dyn FnMut(Output)) -> Result<(), Error> {
        match packet.track {
            Track::Video => self.write_video(&packet, out),
            Track::Audio => self.write_audio(&packet, out),
        }
    }

    fn write_video(&mut self, packet: &Packet, out: &mut dyn FnMut(Output)) -> Result<(), Error> {
        let Some(video) = &mut self.video else { return Ok(()) };
        let is_idr = video.h264.rewrite(packet, &mut self.unit)?.is_idr;
        let has_video = self.writer.opening().is_some_and(|opening| opening.tracks.video);
        if !is_idr && (video.needs_idr || !has_video) {
            self.dropped += 1;
            return Ok(());
        }
        if is_idr {
            video.needs_idr = false;
            video.reorder = packet.pts - packet.dts;
            if take_format(&mut video.format, video.h264.sps()) {
                self.discontinuity = true;
                self.cut_at_next_key = true;
            }
        }
        let at = packet.dts + video.reorder;
        let duration = video.frame_duration();
        if is_idr {
            self.rule.observe(at);
        }
        let starts = match self.writer.opening() {
            None => true,
            Some(opening) => {
                let elapsed = at - opening.start;
                let wanted = !has_video || self.cut_at_next_key || self.rule.cuts(elapsed);
                // How long a picture lasts is a guess where they come irregularly: a key frame that is due cuts it short.
                let is_cut_short = self.rule.expects(at, opening.start + self.longest);
                let until = if is_cut_short { elapsed } else { elapsed + duration };
                is_idr && wanted || self.must_end(until, elapsed, self.unit.len())
            }
        };
        if starts {
            self.next_segment(at, true, is_idr, out)?;
        }
        let timing = Timing { pts: packet.pts, dts: packet.dts };
        self.writer.write_video(&Picture { timing, at, duration, is_idr, data: &self.unit }, out)
    }

    fn write_audio(&mut self, packet: &Packet, out: &mut dyn FnMut(Output)) -> Result<(), Error> {
        let Some(audio) = &self.audio else { return Ok(()) };
        let frame = audio.aac.frame_duration();
        let next = match self.writer.opening() {
            None => Some(packet.pts),
            Some(opening) if opening.tracks.video => {
                let bound = opening.start + self.longest;
                let is_jump = packet.pts - bound > self.longest;
                (packet.pts >= bound + VIDEO_STALL).then_some(if is_jump { packet.pts } else { bound })
            }
            Some(opening) => {
                let elapsed = packet.pts - opening.start;
                let ends = self.cut_at_next_key || elapsed >= self.options.target_duration;
                (ends || self.must_end(elapsed + frame, elapsed, packet.data.len())).then_some(packet.pts)
            }
        };
        if let Some(at) = next {
            let video = self.is_live(Track::Video, packet.dts) && self.has_video();
            self.next_segment(at, video, false, out)?;
        }
        let is_named = self.writer.opening().is_some_and(|opening| opening.tracks.audio);
        match &self.audio {
            Some(audio) if is_named && !audio.is_new => self.writer.write_audio(packet, &audio.aac, out),
            _ => {
                self.dropped += 1;
                self.cut_at_next_key = true;
                Ok(())
            }
        }
    }

    /// Whether the segment in hand must end before a frame that ends `until` after its start.
    fn must_end(&self, until: MediaDuration, elapsed: MediaDuration, length: usize) -> bool {
        let size = self.writer.size_with(length);
        elapsed > MediaDuration::ZERO && (until > self.longest || size > self.options.max_segment_bytes)
    }

    /// Ends the segment in hand and starts the next at `at`.
    fn next_segment(
        &mut self,
        at: Timestamp,
        video: bool,
        is_idr: bool,
        out: &mut dyn FnMut(Output),
    ) -> Result<(), Error> {
        let tracks = Tracks { video, audio: self.is_live(Track::Audio, at) };
        let before = self.writer.opening().map(|opening| opening.tracks);
        let end = self.end_before(at);
        let at = end.map_or(at, |end| end.max(at));
        // Segments that don't follow each other directly, and other tracks, break the timeline.
        self.discontinuity |= before.is_some_and(|before| before != tracks);
        self.discontinuity |= end.is_some_and(|end| end != at);
        if let Some(end) = end {
            self.writer.end(end, false, out)?;
        }
        self.cut_at_next_key = false;
        let discontinuity = std::mem::take(&mut self.discontinuity);
        if let Some(audio) = &mut self.audio {
            audio.is_new = false;
        }
        self.writer.begin(Opening { start: at, tracks, discontinuity, independent: is_idr || !video })
    }

    /// Where the segment in hand ends if the next starts at `at`: there, unless that is too far.
    fn end_before(&self, at: Timestamp) -> Option<Timestamp> {
        let start = self.writer.opening()?.start;
        let earliest = start + MediaDuration::from_ticks(1);
        let bound = start + self.longest;
        let end = if at <= bound { at } else { self.writer.written_until()?.min(bound) };
        Some(end.max(earliest))
    }

    fn has_video(&self) -> bool {
        self.writer.opening().is_some_and(|opening| opening.tracks.video)
    }

    /// Whether a track has packets.
    fn is_live(&self, track: Track, at: Timestamp) -> bool {
        let last = match track {
            Track::Video => self.video.as_ref().and_then(|video| video.last_dts),
            Track::Audio => self.audio.as_ref().and_then(|audio| audio.last_dts),
        };
        last.is_some_and(|last| at - last < self.options.target_duration)
    }
}

/// Remembers the format. Whether there was another before.
fn take_format(format: &mut Vec<Bytes>, sps: &[Bytes]) -> bool {
    if format == sps {
        return false;
    }
    let is_change = !format.is_empty();
    format.clear();
    format.extend_from_slice(sps);
    is_change
}
