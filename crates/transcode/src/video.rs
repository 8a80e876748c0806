use ffmpeg_next::codec::Id;
use ffmpeg_next::error::ENOMEM;
use ffmpeg_next::{decoder, frame, picture};
use media::{MediaDuration, MediaEvent, Packet, Timestamp, VideoCodec, VideoConfig};

use crate::canvas::{output_colors, shape};
use crate::ffi::{self, Decoder, VideoFormat};
use crate::fit::fit;
use crate::grid::KeyframeGrid;
use crate::pace::Pace;
use crate::rate::nominal_rate;
use crate::relief::{Thinning, since};
use crate::rendition::Rendition;
use crate::rhythm::{Place, place};
use crate::skip::{DecodeSkip, SkipCount};
use crate::still::Still;
use crate::{Error, Relief, Slate, VideoOptions, VideoStats};

/// Media time for which a damaged picture is covered by the last good one while a keyframe is
/// awaited; then damage is shown rather than nothing.
const PATIENCE: MediaDuration = MediaDuration::from_secs(4);

/// The picture's way through: decode, scale, encode.
pub(crate) struct VideoTrack {
    options: VideoOptions,
    config: Option<VideoConfig>,
    decoder: Option<Decoder>,
    reception: Reception,
    pace: Pace,
    relief: Relief,
    thinning: Thinning,
    hurry: bool,
    skip_count: SkipCount,
    grid: KeyframeGrid,
    /// Pictures before this belong to nothing that is shown.
    floor: Timestamp,
    rendition: Option<Rendition>,
    stats: VideoStats,
}

/// What the decoder can make of the packets that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reception {
    /// Nothing before a keyframe.
    AwaitsKeyframe,
    /// The same, since only keyframes are decoded, or were until now.
    SkipsToKeyframe,
    /// All is well.
    Clean,
    /// Since this time pictures refer to something lost; a keyframe ends it.
    Damaged(Timestamp),
    /// A keyframe has been awaited for too long: anything is shown until one comes.
    Tolerant,
}

impl VideoTrack {
    pub(crate) fn new(options: VideoOptions) -> Self {
        Self {
            config: None,
            decoder: None,
            reception: Reception::AwaitsKeyframe,
            pace: Pace::new(options.max_frame_rate),
            relief: Relief::default(),
            thinning: Thinning::default(),
            hurry: false,
            skip_count: SkipCount::default(),
            grid: KeyframeGrid::new(options.keyframe_interval),
            floor: Timestamp::ZERO,
            rendition: None,
            stats: VideoStats::default(),
            options,
        }
    }

    /// The session is over: nothing of it is carried into the next, except the last picture.
    pub(crate) fn end_session(&mut self) {
        self.config = None;
        self.decoder = None;
        self.skip_count = SkipCount::default();
        self.reception = Reception::AwaitsKeyframe;
        self.pace.restart();
    }

    /// Cuts the work down, or up again.
    pub(crate) fn relieve(&mut self, relief: Relief) {
        self.relief = relief;
    }

    /// Leaves out nearly all pictures, or no longer.
    pub(crate) fn hurry(&mut self, hurry: bool) {
        self.hurry = hurry;
    }

    /// A session begins at `floor` of output time.
    pub(crate) fn start_session(&mut self, floor: Timestamp) {
        self.floor = floor;
    }

    /// The packets that follow are coded so.
    pub(crate) fn configure(
        &mut self,
        config: VideoConfig,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        if let (Some(current), Some(_)) = (&self.config, &self.decoder)
            && (current.codec, &current.extradata) == (config.codec, &config.extradata)
        {
            return Ok(());
        }
        self.drain_decoder(out)?;
        let id = match config.codec {
            VideoCodec::H264 => Id::H264,
            VideoCodec::Hevc => Id::HEVC,
            VideoCodec::Av1 => Id::AV1,
            VideoCodec::Vp9 => Id::VP9,
        };
        let codec = decoder::find(id).ok_or(Error::NoVideoDecoder { codec: config.codec })?;
        self.decoder = match Decoder::open(codec, &config.extradata) {
            Ok(decoder) => Some(decoder),
            Err(source) => {
                refuse_out_of_memory("open a video decoder", source)?;
                tracing::warn!(codec = ?config.codec, %source, "the publisher's video configuration is damaged");
                self.stats.decode_errors += 1;
                None
            }
        };
        self.config = Some(config);
        self.reception = Reception::AwaitsKeyframe;
        Ok(())
    }

    /// Takes the next access unit, its timestamps in output time.
    pub(crate) fn push(&mut self, packet: &Packet, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        self.stats.packets += 1;
        if packet.is_keyframe && matches!(self.reception, Reception::Damaged(_) | Reception::Tolerant) {
            self.drain_decoder(out)?;
        }
        self.reception = match self.reception {
            _ if packet.is_keyframe => Reception::Clean,
            Reception::Damaged(since) if packet.dts - since > PATIENCE => Reception::Tolerant,
            unchanged => unchanged,
        };
        let skip = self.relief.decode_skip;
        let is_begun = !matches!(self.reception, Reception::AwaitsKeyframe | Reception::SkipsToKeyframe);
        let only_keyframes = skip == DecodeSkip::NonKey && is_begun;
        if only_keyframes && !(packet.is_keyframe && self.skip_count.admits_keyframe(packet.dts)) {
            self.drain_decoder(out)?;
            self.reception = Reception::SkipsToKeyframe;
        }
        if self.reception == Reception::SkipsToKeyframe {
            self.stats.skipped += 1;
            return self.stand_in(packet.dts, out);
        }
        let waits = matches!(self.reception, Reception::AwaitsKeyframe | Reception::Damaged(_));
        let Some(decoder) = self.decoder.as_mut().filter(|_| !waits) else {
            self.stats.undecodable += 1;
            return Ok(());
        };
        decoder.skip(skip);
        match decoder.send(&packet.data, packet.pts.ticks(), packet.dts.ticks()) {
            Ok(()) => self.skip_count.sent(),
            Err(source) => self.damage(source, packet.dts)?,
        }
        self.receive(packet.dts, out)?;
        if skip == DecodeSkip::NonKey {
            // It isn't held back to be put in order: what would come before it doesn't come.
            self.drain_decoder(out)?;
            self.reception = Reception::SkipsToKeyframe;
        }
        self.stats.skipped += self.skip_count.take(skip);
        Ok(())
    }

    /// Where pictures aren't decoded, the last one is shown again as seldom as can be: so that its track doesn't count as
    /// stalled, and keyframes stay where they are. `dts` is before every picture to come.
    fn stand_in(&mut self, dts: Timestamp, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Some(last) = self.rendition.as_ref().map(Rendition::last).filter(|last| dts > *last) else {
            return Ok(());
        };
        if !self.thinning.admit_hurried(dts - last) && !self.grid.has_reached(dts) {
            return Ok(());
        }
        self.repeat(dts, out)
    }

    /// A packet that comes before anything could be decoded.
    pub(crate) fn count_undecodable(&mut self) {
        self.stats.packets += 1;
        self.stats.undecodable += 1;
    }

    /// Shows the last picture again, as often as the rate asks, as long as the repetition is over by `until`: what is
    /// shown then isn't to cut it short.
    pub(crate) fn repeat_until(
        &mut self,
        until: Timestamp,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        let step = self.repetition();
        while let Some(next) = self
            .rendition
            .as_ref()
            .map(|rendition| rendition.last() + step)
            .filter(|next| *next + step <= until)
        {
            self.repeat(next, out)?;
        }
        Ok(())
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

    /// The end of the last picture; `None` before there is one.
    pub(crate) fn position(&self) -> Option<Timestamp> {
        self.rendition.as_ref().map(|rendition| rendition.last() + self.pace.interval())
    }

    /// The picture that is shown, fitted into the box as a JPEG; `None` before there is one.
    pub(crate) fn still(&mut self, width: u32, height: u32) -> Result<Option<Still>, Error> {
        self.rendition.as_mut().map(|rendition| rendition.still(width, height)).transpose()
    }

    /// What has been done so far.
    pub(crate) fn stats(&self) -> VideoStats {
        let preset =
            self.rendition.as_ref().map(|rendition| rendition.preset().to_owned()).unwrap_or_default();
        VideoStats { input_frame_rate: self.pace.rate(), preset, ..self.stats.clone() }
    }

    /// Hands out what decoder and encoder still hold.
    pub(crate) fn finish(mut self, out: &mut dyn FnMut(MediaEvent)) -> Result<VideoStats, Error> {
        self.drain_decoder(out)?;
        if let Some(rendition) = self.rendition.take() {
            rendition.finish(&mut self.stats, out)?;
        }
        Ok(self.stats)
    }

    /// Takes out what the decoder holds and makes it ready for a keyframe.
    fn drain_decoder(&mut self, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        // It refuses only if it is at its end already.
        let _ = decoder.send_end();
        let at = self.rendition.as_ref().map_or(self.floor, Rendition::last);
        self.receive(at, out)?;
        if let Some(decoder) = &mut self.decoder {
            decoder.flush();
        }
        self.skip_count.flushed();
        Ok(())
    }

    /// Shows every picture that the decoder has ready; `at` is when its input was decoded.
    fn receive(&mut self, at: Timestamp, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        while let Some(decoder) = &mut self.decoder {
            let mut picture = frame::Video::empty();
            match decoder.receive(&mut picture) {
                Ok(()) => {
                    self.skip_count.received();
                    self.show(picture, at, out)?;
                }
                Err(error) if ffi::is_drained(error) => break,
                Err(error) => {
                    self.damage(error, at)?;
                    break;
                }
            }
        }
        Ok(())
    }

    fn show(
        &mut self,
        mut picture: frame::Video,
        at: Timestamp,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        self.stats.decoded += 1;
        self.stats.input_size = Some((picture.width(), picture.height()));
        let pts = picture.timestamp().or(picture.pts()).map_or(at, Timestamp::from_ticks);
        let last = self.rendition.as_ref().map(Rendition::last);
        let place = match last {
            Some(last) => place(pts, last, self.pace.shortest_interval(), self.repetition()),
            None => Some(Place { pts, intervals: 1 }),
        };
        let place = place.filter(|_| pts >= self.floor);
        let is_damaged = picture.is_corrupt() || picture.has_decode_errors();
        if is_damaged && place.is_some() && self.reception != Reception::Tolerant {
            return self.damage(ffmpeg_next::Error::InvalidData, at);
        }
        let Some(Place { pts, intervals }) = place.filter(|_| self.pace.admit(pts)) else {
            self.stats.dropped += 1;
            return Ok(());
        };
        let since_last = since(last, pts);
        // Keyframes stay where they are, so that segments keep their length.
        let is_shown = match (self.relief.decode_skip, self.hurry) {
            // There are few enough.
            (DecodeSkip::NonKey, _) => true,
            (_, true) => self.thinning.admit_hurried(since_last),
            (_, false) => self.thinning.admit(self.relief.one_picture_in, since_last),
        };
        if !is_shown && !self.grid.has_reached(pts) {
            self.stats.skipped += 1;
            return Ok(());
        }
        if let Some(last) = last {
            self.replace_lost(last, pts - last, intervals, out)?;
        }
        picture.set_kind(picture::Type::None);
        if self.rendition.is_none() {
            self.open_rendition(&picture, pts)?;
        }
        let Some(rendition) = &mut self.rendition else { return Ok(()) };
        if let Err(source) = rendition.show(picture) {
            return self.damage(source, at);
        }
        self.encode(pts, out)
    }

    /// Shows the last picture again, at `last`, in place of those that the publisher has lost: at the end of each of so many
    /// equal `intervals` of `gap`, but for the last.
    fn replace_lost(
        &mut self,
        last: Timestamp,
        gap: MediaDuration,
        intervals: i64,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        if self.hurry || self.relief.decode_skip == DecodeSkip::NonKey {
            return Ok(());
        }
        for n in 1..intervals {
            self.repeat(last + MediaDuration::from_ticks(gap.ticks() * n / intervals), out)?;
        }
        Ok(())
    }

    /// Shows the last picture again.
    fn repeat(&mut self, pts: Timestamp, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        self.stats.repeated += 1;
        self.encode(pts, out)
    }

    /// The distance of pictures that are shown again.
    fn repetition(&self) -> MediaDuration {
        Thinning::repetition(self.relief.one_picture_in, self.pace.interval())
    }

    /// The first picture decides the size of all.
    fn open_rendition(&mut self, picture: &frame::Video, pts: Timestamp) -> Result<(), Error> {
        let (width, height) = fit(shape(picture), self.options.width, self.options.height);
        let stated = self.decoder.as_ref().and_then(Decoder::frame_rate);
        let hinted = self.config.as_ref().and_then(|config| config.frame_rate);
        let frame_rate = nominal_rate(stated, hinted, self.options.max_frame_rate);
        let format = VideoFormat { width, height, frame_rate, colors: output_colors(ffi::colors(picture)) };
        let preset = self.options.preset_after(self.relief.faster);
        let rendition = Rendition::open(&self.options, preset, format, pts)?;
        self.pace.set_nominal(frame_rate);
        self.stats.output_size = Some((width, height));
        self.stats.output_frame_rate = Some(frame_rate);
        self.rendition = Some(rendition);
        Ok(())
    }

    /// Encodes the picture that is shown.
    fn encode(&mut self, pts: Timestamp, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Some(rendition) = &mut self.rendition else { return Ok(()) };
        let is_keyframe = self.grid.is_due(pts);
        if is_keyframe {
            let wanted = self.options.preset_after(self.relief.faster);
            rendition.change_preset(&self.options, wanted, &mut self.stats, out)?;
        }
        rendition.encode(pts, is_keyframe, &mut self.stats, out)
    }

    /// Something could not be decoded: counts it and waits for a keyframe.
    fn damage(&mut self, source: ffmpeg_next::Error, at: Timestamp) -> Result<(), Error> {
        refuse_out_of_memory("decode a picture", source)?;
        self.stats.decode_errors += 1;
        if self.reception == Reception::Clean {
            self.reception = Reception::Damaged(at);
        }
        Ok(())
    }
}

/// Names what libav was asked to do when it failed.
pub(crate) fn libav(operation: &'static str) -> impl Fn(ffmpeg_next::Error) -> Error {
    move |source| Error::Libav { operation, source }
}

/// Damaged input is survived; a machine without memory is not.
pub(crate) fn refuse_out_of_memory(operation: &'static str, source: ffmpeg_next::Error) -> Result<(), Error> {
    match source {
        ffmpeg_next::Error::Other { errno: ENOMEM } => Err(Error::Libav { operation, source }),
        _ => Ok(()),
    }
}
