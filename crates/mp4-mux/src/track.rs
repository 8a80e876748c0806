use bytes::BytesMut;
use media::{MediaDuration, Packet, Timestamp, Track as Kind};
use mp4_atom::Codec;

use crate::Error;
use crate::sample_log::SampleLog;
use crate::samples::Sample;

/// The tracks take turns in the file after so much media, so that a player finds both together.
const CHUNK: MediaDuration = MediaDuration::from_secs(1);
/// … or after so many bytes.
const CHUNK_BYTES: usize = 1 << 20;
/// Sample descriptions at most: an encoder that changes its format all the time isn't followed.
const DESCRIPTIONS: usize = 256;

/// One track of the file.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) kind: Kind,
    /// Units of its samples' times in a second.
    pub(crate) timescale: u32,
    pub(crate) descriptions: Vec<Codec>,
    pub(crate) log: SampleLog,
    /// When its first sample is decoded.
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
    /// The sample description in force, from 1.
    pub(crate) description: u32,
    chunk: BytesMut,
    chunk_start: Timestamp,
}

impl Track {
    pub(crate) fn new(kind: Kind, timescale: u32) -> Self {
        Self {
            kind,
            timescale,
            descriptions: Vec::new(),
            log: SampleLog::default(),
            first: None,
            last: None,
            description: 0,
            chunk: BytesMut::new(),
            chunk_start: Timestamp::ZERO,
        }
    }

    pub(crate) fn is_described(&self) -> bool {
        self.description > 0
    }

    /// The samples that follow are coded so. What is in hand goes to `out` first, at `written`.
    pub(crate) fn describe(
        &mut self,
        codec: Codec,
        written: &mut u64,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        let known = self.descriptions.iter().position(|known| *known == codec);
        let index = known.unwrap_or(self.descriptions.len());
        if index >= DESCRIPTIONS {
            return Err(Error::Descriptions(self.kind));
        }
        if known.is_none() {
            self.descriptions.push(codec);
        }
        let description = index as u32 + 1;
        if description != self.description {
            self.flush(written, out);
            self.description = description;
        }
        Ok(())
    }

    /// Checks that the packet can follow those before.
    pub(crate) fn check(&self, packet: &Packet) -> Result<(), Error> {
        if let Some(last) = self.last.filter(|last| packet.dts <= *last) {
            let behind = last - packet.dts;
            return Err(Error::Backwards { track: self.kind, dts: packet.dts, behind });
        }
        let too_far = |_| Error::Gap {
            track: self.kind,
            gap: self.last.map_or(MediaDuration::ZERO, |last| packet.dts - last),
        };
        self.log.check(self.position(packet.dts)).map_err(too_far)
    }

    /// Adds the packet, whose bytes `write` appends. It must have been checked.
    pub(crate) fn push(&mut self, packet: &Packet, write: impl FnOnce(&mut BytesMut)) {
        let at = self.position(packet.dts);
        self.first.get_or_insert(packet.dts);
        self.last = Some(packet.dts);
        let before = self.chunk.len();
        write(&mut self.chunk);
        if before == 0 {
            self.chunk_start = packet.dts;
        }
        self.log.push(Sample {
            at,
            offset: (packet.pts - packet.dts).to_samples(self.timescale),
            size: (self.chunk.len() - before) as u32,
            is_sync: packet.is_keyframe,
        });
    }

    /// Whether the chunk in hand is long enough, if its last sample is as long as the one before.
    pub(crate) fn is_due(&self) -> bool {
        let step = MediaDuration::from_samples(self.log.end().step.into(), self.timescale);
        let length = self.last.map_or(MediaDuration::ZERO, |last| last - self.chunk_start + step);
        !self.chunk.is_empty() && (length >= CHUNK || self.chunk.len() >= CHUNK_BYTES)
    }

    /// Writes the chunk in hand.
    pub(crate) fn flush(&mut self, written: &mut u64, out: &mut BytesMut) {
        if self.log.end().chunk_samples == 0 {
            return;
        }
        self.log.push_chunk(*written, self.description);
        out.extend_from_slice(&self.chunk);
        *written += self.chunk.len() as u64;
        self.chunk.clear();
    }

    fn position(&self, dts: Timestamp) -> u64 {
        let since = dts - self.first.unwrap_or(dts);
        u64::try_from(since.to_samples(self.timescale)).unwrap_or(0)
    }
}
