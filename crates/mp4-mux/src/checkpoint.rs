//! What a writer knows, without media: kept elsewhere, another writer goes on with it.

use std::time::SystemTime;

use bytes::{Buf, Bytes};
use media::Track as Kind;
use mp4_atom::{Codec, Decode, Encode, Stsd};

use crate::Writer;
use crate::avc::{Framing, ParameterSets};
use crate::sample_log::SampleLog;
use crate::track::Track;
use crate::varint::{put, put_bytes, put_time, take, take_bytes, take_time};
use crate::writer::Video;

/// A moment at which a writer had no media in hand.
#[derive(Debug)]
pub struct Mark {
    head: Vec<u8>,
    /// How much was in each track's log that isn't in a checkpoint yet.
    video: usize,
    audio: usize,
}

/// Checkpoints that don't fit each other, or that no writer made.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoints cannot be read")]
pub struct Unreadable;

impl Writer {
    /// This moment, right after a [`flush`](Self::flush).
    pub fn mark(&self) -> Mark {
        let (mut head, video) = (Vec::new(), self.video.as_ref());
        put(&mut head, self.written);
        put(&mut head, video.is_some().into());
        if let Some(video) = video {
            put(&mut head, video.framing.length_size() as u64);
            put(&mut head, video.needs_keyframe.into());
            put_track(&mut head, &video.track);
        }
        put(&mut head, self.audio.is_some().into());
        if let Some(audio) = &self.audio {
            put_track(&mut head, audio);
        }
        let uncut = |track: Option<&Track>| track.map_or(0, |track| track.log.uncut());
        Mark { head, video: uncut(video.map(|video| &video.track)), audio: uncut(self.audio.as_ref()) }
    }

    /// What is new between the last mark of which there is a checkpoint, and that one. All of them, in order, make a
    /// writer that goes on from there.
    pub fn checkpoint(&mut self, mark: Mark) -> Vec<u8> {
        let cut =
            |track: Option<&mut Track>, length| track.map_or(Bytes::new(), |track| track.log.cut(length));
        let video = cut(self.video.as_mut().map(|video| &mut video.track), mark.video);
        let audio = cut(self.audio.as_mut(), mark.audio);
        let mut out = Vec::with_capacity(mark.head.len() + video.len() + audio.len() + 12);
        for piece in [&mark.head[..], &video, &audio] {
            put_bytes(&mut out, piece);
        }
        out
    }

    /// A writer of a file that was begun at `created`, as it was at the last checkpoint's mark.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], if these aren't all checkpoints of one writer.
    pub fn restore(created: SystemTime, checkpoints: Vec<Bytes>) -> Result<Self, Unreadable> {
        let (mut last, mut video, mut audio) = (Bytes::new(), Vec::new(), Vec::new());
        for mut checkpoint in checkpoints {
            let mut piece = || take_piece(&mut checkpoint).ok_or(Unreadable);
            last = piece()?;
            video.push(piece()?);
            audio.push(piece()?);
        }
        read(created, &last, video, audio).ok_or(Unreadable)
    }
}

fn read(created: SystemTime, mut head: &[u8], video: Vec<Bytes>, audio: Vec<Bytes>) -> Option<Writer> {
    let head = &mut head;
    let mut writer = Writer::new(created);
    writer.written = take(head)?;
    if take(head)? != 0 {
        let framing = Framing::of_length_size(usize::try_from(take(head)?).ok()?);
        let needs_keyframe = take(head)? != 0;
        let track = take_track(head, Kind::Video, video)?;
        let sets = parameter_sets(&track);
        writer.video = Some(Video { track, framing, sets, needs_keyframe });
    }
    if take(head)? != 0 {
        writer.audio = Some(take_track(head, Kind::Audio, audio)?);
    }
    let tracks = writer.video.iter().map(|video| &video.track).chain(&writer.audio);
    let bytes = tracks.clone().try_fold(0_u64, |bytes, track| bytes.checked_add(track.log.end().bytes))?;
    let is_whole = bytes == writer.written && tracks.clone().all(|track| track.log.end().chunk_samples == 0);
    is_whole.then_some(writer)
}

/// The sets that a track's description in force was made of.
fn parameter_sets(track: &Track) -> ParameterSets {
    match track.descriptions.get((track.description as usize).wrapping_sub(1)) {
        Some(Codec::Avc1(avc1)) => ParameterSets {
            sps: avc1.avcc.sequence_parameter_sets.clone(),
            pps: avc1.avcc.picture_parameter_sets.clone(),
        },
        _ => ParameterSets::default(),
    }
}

fn put_track(out: &mut Vec<u8>, track: &Track) {
    put(out, track.timescale.into());
    for time in [track.first, track.last] {
        put_time(out, time);
    }
    put(out, track.description.into());
    let mut descriptions = Vec::new();
    // What can't be written is missed when it is read.
    let _ = Stsd { codecs: track.descriptions.clone() }.encode(&mut descriptions);
    put_bytes(out, &descriptions);
}

fn take_track(from: &mut &[u8], kind: Kind, log: Vec<Bytes>) -> Option<Track> {
    let mut track = Track::new(kind, u32::try_from(take(from)?).ok().filter(|rate| *rate > 0)?);
    for time in [&mut track.first, &mut track.last] {
        *time = take_time(from)?;
    }
    track.description = u32::try_from(take(from)?).ok()?;
    let mut descriptions = take_bytes(from)?;
    track.descriptions = Stsd::decode(&mut descriptions).ok()?.codecs;
    let known = track.descriptions.len() as u32;
    track.log = SampleLog::restore(log, known)?;
    (track.description <= known && track.first.is_some() == track.log.end().at.is_some()).then_some(track)
}

fn take_piece(from: &mut Bytes) -> Option<Bytes> {
    let mut rest = &from[..];
    let piece = from.slice_ref(take_bytes(&mut rest)?);
    from.advance(from.len() - rest.len());
    Some(piece)
}
