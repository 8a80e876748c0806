use std::time::SystemTime;

use media::MediaEvent;

use crate::{Error, MediaSequence, Output, SegmenterOptions};

/// Cuts one rendition into segments and parts.
#[derive(Debug)]
pub struct Segmenter {
    _options: SegmenterOptions,
}

impl Segmenter {
    /// A segmenter whose first segment is `first`. `epoch` is the wall time of [`media::Timestamp::ZERO`].
    pub fn new(options: SegmenterOptions, _first: MediaSequence, _epoch: SystemTime) -> Self {
        Self { _options: options }
    }

    /// Takes the next event.
    pub fn push(&mut self, _event: MediaEvent, _out: &mut dyn FnMut(Output)) -> Result<(), Error> {
        Ok(())
    }

    /// Ends the stream: the last, short segment.
    pub fn finish(self, _out: &mut dyn FnMut(Output)) {}

    /// The next key frame starts a new segment, marked as a discontinuity.
    pub fn mark_discontinuity(&mut self) {}
}
