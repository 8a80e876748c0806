use ffmpeg_next::picture;
use media::{MediaDuration, MediaEvent, Timestamp};

use crate::canvas::{output_colors, shape};
use crate::error::libav;
use crate::ffi::{self, VideoFormat};
use crate::fit::fit;
use crate::grid::KeyframeGrid;
use crate::pace::Pace;
use crate::rate::nominal_rate;
use crate::reception::{Decoded, Outcome};
use crate::relief::{Thinning, since};
use crate::rendition::Rendition;
use crate::rhythm::{self, Place, place};
use crate::skip::DecodeSkip;
use crate::still::Still;
use crate::{Error, Relief, Slate, VideoOptions, VideoStats};

/// Which pictures viewers see, and when: at even distances, no more than the machine can encode, and the last one again
/// where none comes.
pub(crate) struct Presentation {
    options: VideoOptions,
    pace: Pace,
    relief: Relief,
    thinning: Thinning,
    hurry: bool,
    grid: KeyframeGrid,
    /// Pictures before this belong to nothing that is shown.
    floor: Timestamp,
    rendition: Option<Rendition>,
}

impl Presentation {
    pub(crate) fn new(options: VideoOptions) -> Self {
        Self {
            pace: Pace::new(options.max_frame_rate),
            relief: Relief::default(),
            thinning: Thinning::default(),
            hurry: false,
            grid: KeyframeGrid::new(options.keyframe_interval),
            floor: Timestamp::ZERO,
            rendition: None,
            options,
        }
    }

    /// The pictures that follow are another session's.
    pub(crate) fn end_session(&mut self) {
        self.pace.restart();
    }

    /// A session begins at `floor` of output time.
    pub(crate) fn start_session(&mut self, floor: Timestamp) {
        self.floor = floor;
    }

    /// Cuts the work down, or up again.
    pub(crate) fn relieve(&mut self, relief: Relief) {
        self.relief = relief;
    }

    /// What isn't even to be decoded.
    pub(crate) fn decode_skip(&self) -> DecodeSkip {
        self.relief.decode_skip
    }

    /// Leaves out nearly all pictures, or no longer.
    pub(crate) fn hurry(&mut self, hurry: bool) {
        self.hurry = hurry;
    }

    /// Shows the next picture, unless it comes too late or there are too many.
    pub(crate) fn show(
        &mut self,
        decoded: Decoded,
        stats: &mut VideoStats,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<Outcome, Error> {
        let last = self.last();
        let place = match last {
            Some(last) => place(decoded.pts, last, self.pace.shortest_interval(), self.repetition()),
            None => Some(Place { pts: decoded.pts, intervals: 1 }),
        };
        let place = place.filter(|_| decoded.pts >= self.floor);
        if decoded.is_damaged && place.is_some() {
            return Ok(Outcome::Unfit(ffmpeg_next::Error::InvalidData));
        }
        let Some(Place { pts, intervals }) = place.filter(|_| self.pace.admit(decoded.pts)) else {
            stats.dropped += 1;
            return Ok(Outcome::Taken);
        };
        // Keyframes stay where they are, so that segments keep their length.
        if !self.is_wanted(since(last, pts)) && !self.grid.has_reached(pts) {
            stats.skipped += 1;
            return Ok(Outcome::Taken);
        }
        if let Some(last) = last {
            self.replace_lost(last, pts - last, intervals, stats, out)?;
            self.lead_up(pts, stats, out)?;
        }
        if self.rendition.is_none() {
            self.open_rendition(&decoded, pts, stats)?;
        }
        let Some(rendition) = &mut self.rendition else { return Ok(Outcome::Taken) };
        let Decoded { mut picture, .. } = decoded;
        picture.set_kind(picture::Type::None);
        if let Err(source) = rendition.show(picture) {
            return Ok(Outcome::Unfit(source));
        }
        self.encode(pts, stats, out)?;
        Ok(Outcome::Taken)
    }

    /// Whether the machine can afford a picture so long after the last.
    fn is_wanted(&mut self, since_last: MediaDuration) -> bool {
        match (self.relief.decode_skip, self.hurry) {
            // There are few enough.
            (DecodeSkip::NonKey, _) => true,
            (_, true) => self.thinning.admit_hurried(since_last),
            (_, false) => self.thinning.admit(self.relief.one_picture_in, since_last),
        }
    }

    /// Where pictures aren't decoded, the last one is shown again as seldom as can be: so that its track doesn't count as
    /// stalled, and keyframes stay where they are. `dts` is before every picture to come.
    pub(crate) fn stand_in(
        &mut self,
        dts: Timestamp,
        stats: &mut VideoStats,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        let Some(last) = self.last().filter(|last| dts > *last) else { return Ok(()) };
        if !self.thinning.admit_hurried(dts - last) && !self.grid.has_reached(dts) {
            return Ok(());
        }
        self.repeat(dts, stats, out)
    }

    /// Shows the last picture again, as often as the rate asks, as long as the repetition is over by `until`: what is
    /// shown then isn't to cut it short.
    pub(crate) fn repeat_until(
        &mut self,
        until: Timestamp,
        stats: &mut VideoStats,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        let step = self.repetition();
        while let Some(next) = self.last().map(|last| last + step).filter(|next| *next + step <= until) {
            self.repeat(next, stats, out)?;
        }
        Ok(())
    }

    /// Shows the last picture again, at `last`, in place of those that the publisher has lost: at the end of each of so many
    /// equal `intervals` of `gap`, but for the last.
    fn replace_lost(
        &mut self,
        last: Timestamp,
        gap: MediaDuration,
        intervals: i64,
        stats: &mut VideoStats,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        if self.hurry || self.relief.decode_skip == DecodeSkip::NonKey {
            return Ok(());
        }
        for n in 1..intervals {
            self.repeat(last + MediaDuration::from_ticks(gap.ticks() * n / intervals), stats, out)?;
        }
        Ok(())
    }

    /// Shows the last picture again, at `pts`.
    fn repeat(
        &mut self,
        pts: Timestamp,
        stats: &mut VideoStats,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        self.lead_up(pts, stats, out)?;
        stats.repeated += 1;
        self.encode(pts, stats, out)
    }

    /// Shows the last picture again as often as it takes, so that none is shown for much longer than the one before it when
    /// the next is shown at `pts`.
    fn lead_up(
        &mut self,
        pts: Timestamp,
        stats: &mut VideoStats,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        let Some(rendition) = &self.rendition else { return Ok(()) };
        let (last, Some(before)) = (rendition.last(), rendition.interval()) else { return Ok(()) };
        for after in rhythm::lead_up(before, pts - last) {
            stats.repeated += 1;
            self.encode(last + after, stats, out)?;
        }
        Ok(())
    }

    /// The distance of pictures that are shown again.
    fn repetition(&self) -> MediaDuration {
        Thinning::repetition(self.relief.one_picture_in, self.pace.interval())
    }

    /// The first picture decides the size of all.
    fn open_rendition(
        &mut self,
        first: &Decoded,
        pts: Timestamp,
        stats: &mut VideoStats,
    ) -> Result<(), Error> {
        let (width, height) = fit(shape(&first.picture), self.options.width, self.options.height);
        let frame_rate = nominal_rate(first.stated_rate, first.hinted_rate, self.options.max_frame_rate);
        let colors = output_colors(ffi::colors(&first.picture));
        let format = VideoFormat { width, height, frame_rate, colors };
        let preset = self.options.preset_after(self.relief.faster);
        let rendition = Rendition::open(&self.options, preset, format, pts)?;
        self.pace.set_nominal(frame_rate);
        stats.output_size = Some((width, height));
        self.rendition = Some(rendition);
        Ok(())
    }

    /// Encodes the picture that is shown.
    fn encode(
        &mut self,
        pts: Timestamp,
        stats: &mut VideoStats,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        let Some(rendition) = &mut self.rendition else { return Ok(()) };
        let is_keyframe = self.grid.is_due(pts);
        if is_keyframe {
            let wanted = self.options.preset_after(self.relief.faster);
            rendition.change_encoder(&self.options, wanted, self.pace.shown_rate(), stats, out)?;
        }
        rendition.encode(pts, is_keyframe, stats, out)
    }

    /// Has `slate` shown again, and not the last picture.
    pub(crate) fn show_slate(&mut self, slate: &Slate) -> Result<(), Error> {
        let Some(rendition) = &mut self.rendition else { return Ok(()) };
        rendition.show(slate.picture()).map_err(libav("show the slate"))
    }

    /// Leaves a hole up to `to`: the gap is too long to be filled.
    pub(crate) fn skip_to(&mut self, to: Timestamp) {
        let interval = self.pace.interval();
        if let Some(rendition) = &mut self.rendition {
            rendition.skip_to(to - interval);
        }
    }

    /// When the last picture is shown; `None` before there is one.
    fn last(&self) -> Option<Timestamp> {
        self.rendition.as_ref().map(Rendition::last)
    }

    /// The end of the last picture; `None` before there is one.
    pub(crate) fn position(&self) -> Option<Timestamp> {
        self.last().map(|last| last + self.pace.interval())
    }

    /// The picture that is shown, fitted into the box as a JPEG; `None` before there is one.
    pub(crate) fn still(&mut self, width: u32, height: u32) -> Result<Option<Still>, Error> {
        self.rendition.as_mut().map(|rendition| rendition.still(width, height)).transpose()
    }

    /// Pictures a second that come in, once that is known.
    pub(crate) fn input_rate(&self) -> Option<f64> {
        self.pace.rate()
    }

    /// The encoder's preset in force; empty if it has none, or before there is a picture.
    pub(crate) fn preset(&self) -> &str {
        self.rendition.as_ref().map_or("", Rendition::preset)
    }

    /// Hands out what the encoder still holds.
    pub(crate) fn finish(self, stats: &mut VideoStats, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        match self.rendition {
            Some(rendition) => rendition.finish(stats, out),
            None => Ok(()),
        }
    }
}
