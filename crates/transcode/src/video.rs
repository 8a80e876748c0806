use media::{MediaEvent, Packet, Timestamp, VideoConfig};

use crate::presentation::Presentation;
use crate::reception::Reception;
use crate::still::Still;
use crate::{Error, Relief, Slate, VideoOptions, VideoStats};

/// The picture's way through: decode, scale, encode.
pub(crate) struct VideoTrack {
    reception: Reception,
    presentation: Presentation,
    stats: VideoStats,
}

impl VideoTrack {
    pub(crate) fn new(options: VideoOptions) -> Self {
        Self {
            reception: Reception::default(),
            presentation: Presentation::new(options),
            stats: VideoStats::default(),
        }
    }

    /// The session is over: nothing of it is carried into the next, except the last picture.
    pub(crate) fn end_session(&mut self) {
        self.reception = Reception::default();
        self.presentation.end_session();
    }

    /// A session begins at `floor` of output time.
    pub(crate) fn start_session(&mut self, floor: Timestamp) {
        self.presentation.start_session(floor);
    }

    /// Cuts the work down, or up again.
    pub(crate) fn relieve(&mut self, relief: Relief) {
        self.presentation.relieve(relief);
    }

    /// Leaves out nearly all pictures, or no longer.
    pub(crate) fn hurry(&mut self, hurry: bool) {
        self.presentation.hurry(hurry);
    }

    /// The packets that follow are coded so.
    pub(crate) fn configure(
        &mut self,
        config: VideoConfig,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        let Self { reception, presentation, stats } = self;
        reception.configure(config, stats, &mut |picture, stats| presentation.show(picture, stats, out))
    }

    /// Takes the next access unit, its timestamps in output time.
    pub(crate) fn push(&mut self, packet: &Packet, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Self { reception, presentation, stats } = self;
        let skip = presentation.decode_skip();
        let is_left_out = reception
            .push(packet, skip, stats, &mut |picture, stats| presentation.show(picture, stats, out))?;
        if is_left_out {
            presentation.stand_in(packet.dts, stats, out)?;
        }
        Ok(())
    }

    /// A packet that comes before anything could be decoded.
    pub(crate) fn count_undecodable(&mut self) {
        self.stats.packets += 1;
        self.stats.undecodable += 1;
    }

    /// Shows the last picture again, as often as the rate asks, up to `until`.
    pub(crate) fn repeat_until(
        &mut self,
        until: Timestamp,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        self.presentation.repeat_until(until, &mut self.stats, out)
    }

    /// Has `slate` shown again, and not the last picture.
    pub(crate) fn show_slate(&mut self, slate: &Slate) -> Result<(), Error> {
        self.presentation.show_slate(slate)
    }

    /// Leaves a hole up to `to`: the gap is too long to be filled.
    pub(crate) fn skip_to(&mut self, to: Timestamp) {
        self.presentation.skip_to(to);
    }

    /// The end of the last picture; `None` before there is one.
    pub(crate) fn position(&self) -> Option<Timestamp> {
        self.presentation.position()
    }

    /// The picture that is shown, fitted into the box as a JPEG; `None` before there is one.
    pub(crate) fn still(&mut self, width: u32, height: u32) -> Result<Option<Still>, Error> {
        self.presentation.still(width, height)
    }

    /// How many pictures have been decoded.
    pub(crate) fn decoded(&self) -> u64 {
        self.stats.decoded
    }

    /// What has been done so far.
    pub(crate) fn stats(&self) -> VideoStats {
        let preset = self.presentation.preset().to_owned();
        VideoStats { input_frame_rate: self.presentation.input_rate(), preset, ..self.stats.clone() }
    }

    /// Hands out what decoder and encoder still hold.
    pub(crate) fn finish(mut self, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Self { reception, presentation, stats } = &mut self;
        reception.drain(stats, &mut |picture, stats| presentation.show(picture, stats, out))?;
        self.presentation.finish(&mut self.stats, out)
    }
}
