use bytes::BytesMut;
use media::{MediaDuration, Packet, Timestamp, Track as Kind};
use mp4_atom::Codec;

use crate::Error;
use crate::samples::{Sample, SampleTable};

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
    /// Units of its sample table in a second.
    pub(crate) timescale: u32,
    pub(crate) descriptions: Vec<Codec>,
    pub(crate) table: SampleTable,
    /// When its first sample is decoded.
    pub(crate) first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The sample description in force, from 1.
    description: u32,
    chunk: BytesMut,
    chunk_samples: u32,
    chunk_start: Timestamp,
}

impl Track {
    pub(crate) fn new(kind: Kind, timescale: u32) -> Self {
        Self {
            kind,
            timescale,
            descriptions: Vec::new(),
            table: SampleTable::default(),
            first: None,
            last: None,
            description: 0,
            chunk: BytesMut::new(),
            chunk_samples: 0,
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
        self.table.check(self.position(packet.dts)).map_err(too_far)
    }

    /// Adds the packet, whose bytes `write` appends. It must have been checked.
    pub(crate) fn push(&mut self, packet: &Packet, write: impl FnOnce(&mut BytesMut)) {
        let at = self.position(packet.dts);
        self.first.get_or_insert(packet.dts);
        self.last = Some(packet.dts);
        let before = self.chunk.len();
        write(&mut self.chunk);
        if self.chunk_samples == 0 {
            self.chunk_start = packet.dts;
        }
        self.chunk_samples += 1;
        self.table.push(Sample {
            at,
            offset: (packet.pts - packet.dts).to_samples(self.timescale),
            size: (self.chunk.len() - before) as u32,
            is_sync: packet.is_keyframe,
        });
    }

    /// Whether the chunk in hand is long enough.
    pub(crate) fn is_due(&self) -> bool {
        let length = self.last.map_or(MediaDuration::ZERO, |last| last - self.chunk_start);
        self.chunk_samples > 0 && (length >= CHUNK || self.chunk.len() >= CHUNK_BYTES)
    }

    /// Writes the chunk in hand.
    pub(crate) fn flush(&mut self, written: &mut u64, out: &mut BytesMut) {
        if self.chunk_samples == 0 {
            return;
        }
        self.table.push_chunk(*written, self.chunk_samples, self.description);
        out.extend_from_slice(&self.chunk);
        *written += self.chunk.len() as u64;
        self.chunk.clear();
        self.chunk_samples = 0;
    }

    fn position(&self, dts: Timestamp) -> u64 {
        let since = dts - self.first.unwrap_or(dts);
        u64::try_from(since.to_samples(self.timescale)).unwrap_or(0)
    }
}
