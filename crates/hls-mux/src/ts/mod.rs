//! The MPEG-2 transport stream (ISO/IEC 13818-1), written by the `mpeg2ts` crate packet by packet.
//!
//! This module decides what that crate leaves open: how access units become PES packets and those
//! transport packets, continuity counters, the clock reference, and program tables.

mod clock;
mod packet;
mod pes;
mod psi;

use bytes::BytesMut;
use media::{Timestamp, Track};

use self::clock::Clock;
use self::packet::{Adaptation, Pid, write_clock, write_section};
use self::pes::{PesUnit, write_pes};

pub(crate) use self::pes::{Timing, media_time, written_size};

/// Tracks that a segment's program map names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tracks {
    pub(crate) video: bool,
    pub(crate) audio: bool,
}

/// The track that a packet identifier carries.
pub(crate) fn track_of(pid: u16) -> Option<Track> {
    match pid {
        Pid::VIDEO => Some(Track::Video),
        Pid::AUDIO => Some(Track::Audio),
        _ => None,
    }
}

/// Writes one program. Counters and clock run on over all segments.
#[derive(Debug)]
pub(crate) struct Muxer {
    pat: Pid,
    pmt: Pid,
    video: Pid,
    audio: Pid,
    tracks: Tracks,
    pmt_version: u8,
    clock: Clock,
}

impl Muxer {
    pub(crate) fn new() -> Self {
        Self {
            pat: Pid::new(Pid::PAT),
            pmt: Pid::new(Pid::PMT),
            video: Pid::new(Pid::VIDEO),
            audio: Pid::new(Pid::AUDIO),
            tracks: Tracks::default(),
            pmt_version: 0,
            clock: Clock::default(),
        }
    }

    /// Starts a segment: PAT and PMT. With `discontinuity` the clock starts anew.
    pub(crate) fn start_segment(
        &mut self,
        tracks: Tracks,
        discontinuity: bool,
        out: &mut BytesMut,
    ) -> Result<(), mpeg2ts::Error> {
        if tracks != self.tracks {
            self.pmt_version = if self.tracks == Tracks::default() { 0 } else { (self.pmt_version + 1) % 32 };
            self.tracks = tracks;
        }
        if discontinuity {
            self.clock.restart();
        }
        write_section(&mut self.pat, psi::pat()?, out)?;
        write_section(&mut self.pmt, psi::pmt(tracks, self.pmt_version)?, out)
    }

    /// Writes access units of one track as one PES packet, and the clock where it is due.
    pub(crate) fn write(
        &mut self,
        track: Track,
        timing: Timing,
        is_random_access: bool,
        data: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), mpeg2ts::Error> {
        let carries_clock = track == self.clock_track();
        while let Some(due) = self.clock.due(timing.dts, carries_clock) {
            self.write_clock_at(due, out)?;
        }
        let reference = if carries_clock { self.clock.tick(timing.dts) } else { None };
        let pid = match track {
            Track::Video => &mut self.video,
            Track::Audio => &mut self.audio,
        };
        write_pes(pid, PesUnit { track, timing, is_random_access, reference, data }, out)
    }

    /// Writes packets with nothing but the clock: what fills a part in which nothing happens.
    pub(crate) fn write_clock(&mut self, at: Timestamp, out: &mut BytesMut) -> Result<(), mpeg2ts::Error> {
        while let Some(due) = self.clock.due(at, true) {
            self.write_clock_at(due, out)?;
        }
        self.write_clock_at(Clock::reference_at(at), out)
    }

    fn write_clock_at(&mut self, reference: Timestamp, out: &mut BytesMut) -> Result<(), mpeg2ts::Error> {
        let reference = self.clock.set(reference);
        let pid = match self.clock_track() {
            Track::Video => &self.video,
            Track::Audio => &self.audio,
        };
        write_clock(pid, Adaptation { reference: Some(reference), is_random_access: false }, out)
    }

    fn clock_track(&self) -> Track {
        if self.tracks.video { Track::Video } else { Track::Audio }
    }
}
