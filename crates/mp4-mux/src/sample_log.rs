//! A track's samples while the file grows: two to four bytes each, appended in their order, so that what
//! is new since some moment is a piece of it.

use bytes::Bytes;

use crate::samples::{Sample, SampleTable};
use crate::varint::{put, put_signed, take, take_signed};

/// What a record's first number says beside its value: that it ends a chunk; else that the sample is a sync sample, and
/// that it is as far from the one before as that was from its own, with the same offset.
const CHUNK: u64 = 1;
const SYNC: u64 = 2;
const SAME_TIMES: u64 = 4;

/// Bytes in the tables (ISO/IEC 14496-12 §8.6 and §8.7): a size or the number of a sync sample; a run of durations or of
/// offsets, as long as where a chunk is; a run of chunks.
const ENTRY: usize = 4;
const RUN: usize = 8;
const CHUNK_RUN: usize = 12;

#[derive(Debug, Default)]
pub(crate) struct SampleLog {
    blocks: Vec<Bytes>,
    tail: Vec<u8>,
    end: Place,
}

/// What was last: a record is told by what is different.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) samples: usize,
    /// When the last sample is decoded, and how long after the one before it.
    pub(crate) at: Option<u64>,
    pub(crate) step: u32,
    offset: i64,
    /// Bytes of all samples.
    pub(crate) bytes: u64,
    /// How many of them can be begun with.
    syncs: usize,
    /// Bytes of the tables of runs and chunks, at most.
    run_bytes: usize,
    /// Where the last chunk ends in the media, and what is in none yet.
    chunk_end: u64,
    chunk_bytes: u64,
    pub(crate) chunk_samples: u32,
}

#[derive(Debug)]
enum Record {
    Sample(Sample),
    /// The samples since the last chunk are one.
    Chunk {
        at: u64,
        samples: u32,
        description: u32,
    },
}

impl SampleLog {
    /// A log of what was cut off one, in order; `None` if that is none. Chunks are of the first `descriptions`
    /// descriptions.
    pub(crate) fn restore(blocks: Vec<Bytes>, descriptions: u32) -> Option<Self> {
        let mut end = Place::default();
        for block in &blocks {
            let mut rest = &block[..];
            while !rest.is_empty() {
                if let Record::Chunk { description, .. } = end.take(&mut rest)?
                    && !(1..=descriptions).contains(&description)
                {
                    return None;
                }
            }
        }
        Some(Self { blocks, tail: Vec::new(), end })
    }

    pub(crate) fn end(&self) -> &Place {
        &self.end
    }

    /// Whether a sample there can follow: `Err` has the distance if it is beyond what a table can say.
    pub(crate) fn check(&self, at: u64) -> Result<(), u64> {
        let distance = self.end.at.map_or(0, |last| at.saturating_sub(last));
        u32::try_from(distance).map(|_| ()).map_err(|_| distance)
    }

    /// Adds a sample, which must have been checked.
    pub(crate) fn push(&mut self, sample: Sample) {
        self.end.put(&Record::Sample(sample), &mut self.tail);
    }

    /// The samples since the last chunk are one at `at`, from the media's first byte on.
    pub(crate) fn push_chunk(&mut self, at: u64, description: u32) {
        let samples = self.end.chunk_samples;
        self.end.put(&Record::Chunk { at, samples, description }, &mut self.tail);
    }

    /// How long it is since it was last cut.
    pub(crate) fn uncut(&self) -> usize {
        self.tail.len()
    }

    /// The first `length` bytes since it was last cut.
    pub(crate) fn cut(&mut self, length: usize) -> Bytes {
        let rest = self.tail.split_off(length);
        let block = Bytes::from(std::mem::replace(&mut self.tail, rest));
        self.blocks.push(block.clone());
        block
    }

    /// The table of all samples.
    pub(crate) fn into_table(self) -> SampleTable {
        let mut table = SampleTable::with_capacity(self.end.samples);
        let mut place = Place::default();
        for block in self.blocks.into_iter().chain([self.tail.into()]) {
            let mut rest = &block[..];
            while let Some(record) = place.take(&mut rest) {
                match record {
                    Record::Sample(sample) => table.push(sample),
                    Record::Chunk { at, samples, description } => table.push_chunk(at, samples, description),
                }
            }
        }
        table
    }
}

impl Place {
    /// Bytes that the tables of all samples have at most.
    pub(crate) fn table_bytes(&self) -> usize {
        let syncs = if self.syncs == self.samples { 0 } else { self.syncs };
        (self.samples + syncs) * ENTRY + self.run_bytes
    }

    fn put(&mut self, record: &Record, out: &mut Vec<u8>) {
        match record {
            Record::Sample(sample) => {
                let step = self.at.map_or(0, |last| sample.at.saturating_sub(last));
                let same = (step, sample.offset) == (self.step.into(), self.offset);
                let flags = if sample.is_sync { SYNC } else { 0 } | if same { SAME_TIMES } else { 0 };
                put(out, u64::from(sample.size) << 3 | flags);
                if !same {
                    put(out, step);
                    put_signed(out, sample.offset);
                }
            }
            Record::Chunk { at, description, .. } => {
                put(out, u64::from(*description) << 1 | CHUNK);
                put(out, at - self.chunk_end);
            }
        }
        self.pass(record);
    }

    fn take(&mut self, from: &mut &[u8]) -> Option<Record> {
        let head = take(from)?;
        let record = if head & CHUNK != 0 {
            let (description, before) = (u32::try_from(head >> 1).ok()?, take(from)?);
            let at = self.chunk_end.checked_add(before)?;
            at.checked_add(self.chunk_bytes)?;
            Record::Chunk { at, samples: self.chunk_samples, description }
        } else {
            let (step, offset) = match head & SAME_TIMES {
                0 => (take(from)?, take_signed(from)?),
                _ => (self.step.into(), self.offset),
            };
            u32::try_from(step).ok()?;
            let at = self.at.map_or(Some(0), |last| last.checked_add(step))?;
            let size = u32::try_from(head >> 3).ok()?;
            Record::Sample(Sample { at, offset, size, is_sync: head & SYNC != 0 })
        };
        self.pass(&record);
        Some(record)
    }

    fn pass(&mut self, record: &Record) {
        match record {
            Record::Sample(sample) => {
                let step = self.at.map_or(0, |last| sample.at.saturating_sub(last));
                let step = u32::try_from(step).unwrap_or(u32::MAX);
                let is_run = |continues: bool| if continues && self.samples > 1 { 0 } else { RUN };
                self.run_bytes += is_run(step == self.step) + is_run(sample.offset == self.offset);
                self.syncs += usize::from(sample.is_sync);
                self.step = step;
                (self.at, self.offset) = (Some(sample.at), sample.offset);
                self.samples += 1;
                self.chunk_samples += 1;
                self.chunk_bytes += u64::from(sample.size);
                self.bytes += u64::from(sample.size);
            }
            Record::Chunk { at, .. } => {
                self.run_bytes += RUN + CHUNK_RUN;
                self.chunk_end = at + self.chunk_bytes;
                (self.chunk_bytes, self.chunk_samples) = (0, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Encode, Stsd};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_tables_are_no_longer_than_was_told(
            samples in prop::collection::vec((0..3_u64, 0..3_i64, any::<bool>(), 0..20_u8), 1..200),
            all_are_sync: bool,
        ) {
            let (mut log, mut at) = (SampleLog::default(), 0);
            for (step, offset, is_sync, chunk) in samples {
                at += step;
                log.push(Sample { at, offset, size: 10, is_sync: is_sync || all_are_sync });
                if chunk == 0 {
                    let end = log.end();
                    log.push_chunk(end.bytes - 10 * u64::from(end.chunk_samples), 1);
                }
            }
            let told = log.end().table_bytes();
            let mut table = log.into_table();
            table.finish(1);
            let mut boxes = Vec::new();
            table.boxes(Stsd::default(), 0).encode(&mut boxes).unwrap();
            // The boxes' headers are always there.
            prop_assert!(boxes.len() <= told + 200, "{} of {told}", boxes.len());
        }
    }
}
