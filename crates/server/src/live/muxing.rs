//! From what the transcoder makes to segments.

use std::sync::Arc;
use std::time::SystemTime;

use hls_mux::{MediaSequence, Output, Part, Segment, Segmenter, SegmenterOptions};
use media::{MediaEvent, VideoConfig};
use transcode::Still;

use super::pulse::Pulse;

/// What comes of an encoder, in order, on its thread.
pub(super) trait Outlet: Send + 'static {
    /// The rendition is, from here on, encoded so.
    fn config(&mut self, config: &MediaEvent);
    /// The next part of the segment in hand is complete.
    fn part(&mut self, part: Part);
    /// The next segment is complete; its parts came before. The `last` is followed by nothing.
    fn segment(&mut self, segment: Arc<Segment>, last: bool);
    /// What viewers see now.
    fn still(&mut self, still: Still);
}

/// Where what is encoded goes.
pub(super) struct Muxing<O> {
    options: SegmenterOptions,
    first: MediaSequence,
    resumes: bool,
    /// When what output begins with arrived: the origin of programme time.
    epoch: Option<SystemTime>,
    /// Made with the first that is encoded: the picture rate decides how long parts are.
    segmenter: Option<Segmenter>,
    outlet: O,
    pulse: Arc<Pulse>,
    /// Events that could not be muxed.
    refused: u64,
}

impl<O: Outlet> Muxing<O> {
    /// Numbers segments from `first`; with `resumes`, they come after what another process made.
    pub(super) fn new(
        options: SegmenterOptions,
        first: MediaSequence,
        resumes: bool,
        outlet: O,
        pulse: Arc<Pulse>,
    ) -> Self {
        Self { options, first, resumes, epoch: None, segmenter: None, outlet, pulse, refused: 0 }
    }

    /// Something was encoded.
    pub(super) fn has_begun(&self) -> bool {
        self.segmenter.is_some()
    }

    /// A picture of what viewers see.
    pub(super) fn still(&mut self, still: Still) {
        self.outlet.still(still);
    }

    /// The last segment.
    pub(super) fn finish(self) {
        let Self { segmenter, mut outlet, .. } = self;
        let Some(segmenter) = segmenter else { return };
        let mut last = None;
        segmenter.finish(&mut |output| {
            if let Some(before) = last.replace(output) {
                emit(before, false, &mut outlet);
            }
        });
        if let Some(output) = last {
            emit(output, true, &mut outlet);
        }
    }

    /// Time counts from `then` on, unless something was encoded before.
    pub(super) fn begin(&mut self, then: SystemTime) {
        if !self.has_begun() {
            self.epoch = Some(then);
        }
    }

    /// Muxes what the transcoder made. What can't be muxed is left out: the rest is still worth seeing.
    pub(super) fn take(&mut self, made: MediaEvent) {
        if !self.pulse.beat() {
            return;
        }
        if !matches!(made, MediaEvent::Packet(_)) {
            self.outlet.config(&made);
        }
        let Some(epoch) = self.epoch else { return };
        let segmenter = self.segmenter.get_or_insert_with(|| {
            let mut options = self.options.clone();
            if let MediaEvent::Video(VideoConfig { frame_rate: Some(rate), .. }) = &made {
                options.part_target =
                    options.part_target.map(|wanted| SegmenterOptions::part_target(wanted, *rate));
            }
            let mut segmenter = Segmenter::new(options, self.first, epoch);
            if self.resumes {
                segmenter.mark_discontinuity();
            }
            segmenter
        });
        if let Err(error) = segmenter.push(made, &mut |output| emit(output, false, &mut self.outlet)) {
            metrics::counter!("weir_mux_errors_total").increment(1);
            if self.refused == 0 {
                tracing::error!(%error, "something encoded cannot be muxed, and is left out; told once");
            }
            self.refused += 1;
        }
    }
}

fn emit(output: Output, last: bool, outlet: &mut impl Outlet) {
    match output {
        Output::Part(part) => outlet.part(part),
        Output::Segment(segment) => outlet.segment(Arc::new(segment), last),
    }
}
