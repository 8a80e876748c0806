//! A track's sample table (ISO/IEC 14496-12 §8.6 and §8.7), run lengths where values repeat.

use mp4_atom::{
    Co64, Ctts, CttsEntry, Stbl, Stsc, StscEntry, Stsd, Stss, Stsz, StszSamples, Stts, SttsEntry,
};

#[derive(Debug, Default)]
pub(crate) struct SampleTable {
    sizes: Vec<u32>,
    durations: Vec<SttsEntry>,
    offsets: Vec<CttsEntry>,
    sync: Vec<u32>,
    chunks: Vec<u64>,
    runs: Vec<StscEntry>,
    /// Where the last sample is, and how long the one before it was, in the track's timescale.
    last: Option<u64>,
    last_duration: u32,
}

/// One sample, in the track's timescale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When it is decoded, from the track's first one on.
    pub(crate) at: u64,
    /// Presentation minus decoding time.
    pub(crate) offset: i64,
    pub(crate) size: u32,
    pub(crate) is_sync: bool,
}

impl SampleTable {
    /// An empty table with room for so many samples.
    pub(crate) fn with_capacity(samples: usize) -> Self {
        Self { sizes: Vec::with_capacity(samples), ..Self::default() }
    }

    /// Adds a sample. It decides how long the one before it lasts.
    pub(crate) fn push(&mut self, sample: Sample) {
        if let Some(last) = self.last {
            self.last_duration = u32::try_from(sample.at.saturating_sub(last)).unwrap_or(u32::MAX);
            self.push_duration(self.last_duration);
        }
        self.last = Some(sample.at);
        match self.offsets.last_mut() {
            Some(run) if run.sample_offset == sample.offset => run.sample_count += 1,
            _ => self.offsets.push(CttsEntry { sample_count: 1, sample_offset: sample.offset }),
        }
        self.sizes.push(sample.size);
        if sample.is_sync {
            self.sync.push(self.sizes.len() as u32);
        }
    }

    /// The last `samples` samples are a chunk at `at`, from the media's first byte on.
    pub(crate) fn push_chunk(&mut self, at: u64, samples: u32, description: u32) {
        self.chunks.push(at);
        let same =
            |run: &StscEntry| (run.samples_per_chunk, run.sample_description_index) == (samples, description);
        if !self.runs.last().is_some_and(same) {
            self.runs.push(StscEntry {
                first_chunk: self.chunks.len() as u32,
                samples_per_chunk: samples,
                sample_description_index: description,
            });
        }
    }

    /// Ends the table: the last sample lasts as long as the one before it, or `fallback` if it is the
    /// only one. Returns how long all of them last.
    pub(crate) fn finish(&mut self, fallback: u32) -> u64 {
        let Some(last) = self.last.take() else { return 0 };
        let duration = if self.last_duration == 0 { fallback } else { self.last_duration };
        self.push_duration(duration);
        last + u64::from(duration)
    }

    /// Presentation minus decoding time of the first sample.
    pub(crate) fn first_offset(&self) -> i64 {
        self.offsets.first().map_or(0, |run| run.sample_offset)
    }

    /// The boxes; chunks are `base` bytes further on than the media's first byte.
    pub(crate) fn boxes(&self, stsd: Stsd, base: u64) -> Stbl {
        let is_reordered = self.offsets.iter().any(|run| run.sample_offset != 0);
        let is_all_sync = self.sync.len() == self.sizes.len();
        Stbl {
            stsd,
            stts: Stts { entries: self.durations.clone() },
            ctts: is_reordered.then(|| Ctts { entries: self.offsets.clone() }),
            stss: (!is_all_sync).then(|| Stss { entries: self.sync.clone() }),
            stsc: Stsc { entries: self.runs.clone() },
            stsz: Stsz { samples: StszSamples::Different { sizes: self.sizes.clone() } },
            co64: Some(Co64 { entries: self.chunks.iter().map(|at| at + base).collect() }),
            ..Stbl::default()
        }
    }

    fn push_duration(&mut self, duration: u32) {
        match self.durations.last_mut() {
            Some(run) if run.sample_delta == duration => run.sample_count += 1,
            _ => self.durations.push(SttsEntry { sample_count: 1, sample_delta: duration }),
        }
    }
}
