use media::{MediaDuration, Packet, Timestamp};

use crate::Error;
use crate::aac::Aac;

/// Frames to a PES packet. One each would waste half a transport packet a frame, 1.5 % of the whole
/// at 2.5 Mb/s; beyond four there is little left to gain.
const MOST_FRAMES: usize = 4;
/// Time to a PES packet: without video it carries the clock, which is due every 100 ms.
const LONGEST: MediaDuration = MediaDuration::from_millis(100);
/// How far a frame may be from where the one before ended and still follow it in a PES packet, which
/// has one timestamp for all. Timestamps of whole milliseconds need as much.
const JITTER: MediaDuration = MediaDuration::from_millis(2);

/// Audio frames that will be one PES packet.
///
/// This costs no latency: whatever is in hand is written before the part or the segment ends, and
/// before that nobody sees it.
#[derive(Debug, Default)]
pub(crate) struct AudioQueue {
    adts: Vec<u8>,
    frames: usize,
    start: Timestamp,
    end: Timestamp,
}

impl AudioQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// When the first frame starts and the last one ends; both are stale while nothing is queued.
    pub(crate) fn start(&self) -> Timestamp {
        self.start
    }

    pub(crate) fn end(&self) -> Timestamp {
        self.end
    }

    pub(crate) fn adts(&self) -> &[u8] {
        &self.adts
    }

    /// Whether the frame can't join those in hand.
    pub(crate) fn is_broken_by(&self, packet: &Packet) -> bool {
        !self.is_empty() && (packet.pts - self.end).abs() > JITTER
    }

    /// Whether one more frame would be too much, or `factor` times as many where it must wait.
    pub(crate) fn is_full(&self, frame: MediaDuration, factor: usize) -> bool {
        let longest = MediaDuration::from_ticks(LONGEST.ticks() * factor as i64);
        self.frames >= MOST_FRAMES * factor || self.end + frame - self.start > longest
    }

    pub(crate) fn push(&mut self, packet: &Packet, aac: &Aac) -> Result<(), Error> {
        aac.write(packet, &mut self.adts)?;
        if self.is_empty() {
            self.start = packet.pts;
        }
        self.frames += 1;
        self.end = packet.pts + aac.frame_duration();
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.adts.clear();
        self.frames = 0;
    }
}
