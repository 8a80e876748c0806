use std::collections::VecDeque;

use ffmpeg_next::{frame, picture};
use media::{MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec, VideoConfig};

use crate::canvas::Canvas;
use crate::encode::{self, Variant};
use crate::error::libav;
use crate::ffi::{self, Coded, VideoEncoder, VideoFormat};
use crate::still::{Still, StillMaker};
use crate::{Error, VideoOptions, VideoStats, annexb};

/// So far the picture rate may be from what the encoder's bit rate is set for: another begins without what this one has
/// learned.
const RATE_TOLERANCE: f64 = 0.2;
/// Keyframes for which the highest rate is reckoned with: one that goes up and down is to change the encoder once.
const RATES: usize = 5;

/// The encoded video, from the first picture of a broadcast to its last.
pub(crate) struct Rendition {
    encoder: VideoEncoder,
    format: VideoFormat,
    /// The encoder's.
    preset: String,
    /// Pictures a second that the encoder's bit rate is set for.
    rate: f64,
    /// Pictures a second at the last keyframes.
    rates: VecDeque<f64>,
    /// What is shown, in the encoder's size.
    canvas: Canvas,
    /// Complete, and announced, once the encoder has given its parameter sets.
    config: VideoConfig,
    last: Timestamp,
    /// The time between the last two pictures, once there are two.
    interval: Option<MediaDuration>,
    /// Made with the first still that is asked for.
    stills: Option<StillMaker>,
}

impl Rendition {
    /// Begins, with a picture at `first` to come.
    pub(crate) fn open(
        options: &VideoOptions,
        preset: &str,
        format: VideoFormat,
        first: Timestamp,
    ) -> Result<Self, Error> {
        let VideoFormat { width, height, frame_rate, colors } = format;
        let encoder = encode::open_video(options, &Variant { preset, share: 1.0, level: None }, &format)?;
        let canvas = Canvas::new(width, height, colors).map_err(libav("allocate the output picture"))?;
        let extradata = bytes::Bytes::new();
        let (rate, rates) = (frame_rate.as_f64(), VecDeque::with_capacity(RATES + 1));
        let frame_rate = Some(frame_rate);
        let config = VideoConfig { codec: VideoCodec::H264, extradata, width, height, frame_rate };
        let preset = preset.to_owned();
        let (interval, stills) = (None, None);
        Ok(Self { encoder, format, preset, rate, rates, canvas, config, last: first, interval, stills })
    }

    /// When the last picture is shown.
    pub(crate) fn last(&self) -> Timestamp {
        self.last
    }

    /// The time between the last two pictures; `None` before there are two.
    pub(crate) fn interval(&self) -> Option<MediaDuration> {
        self.interval
    }

    /// What the encoder works with.
    pub(crate) fn preset(&self) -> &str {
        &self.preset
    }

    /// Leaves a hole after the last picture, as if there had been one at `last`.
    pub(crate) fn skip_to(&mut self, last: Timestamp) {
        self.last = self.last.max(last);
    }

    /// What is to be encoded from now on, of any size.
    pub(crate) fn show(&mut self, picture: frame::Video) -> Result<(), ffmpeg_next::Error> {
        self.canvas.show(picture)
    }

    /// The picture that is shown, fitted into the box as a JPEG.
    pub(crate) fn still(&mut self, width: u32, height: u32) -> Result<Still, Error> {
        let matrix = self.canvas.matrix();
        let picture = self.canvas.picture();
        let stills = match &mut self.stills {
            Some(stills) => stills,
            none => none.insert(
                StillMaker::new(picture, matrix, width, height).map_err(libav("prepare for stills"))?,
            ),
        };
        stills.make(picture).map_err(libav("make a still"))
    }

    /// Encodes the picture that is shown.
    pub(crate) fn encode(
        &mut self,
        pts: Timestamp,
        is_keyframe: bool,
        stats: &mut VideoStats,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        let picture = self.canvas.picture();
        picture.set_pts(Some(pts.ticks()));
        picture.set_kind(if is_keyframe { picture::Type::I } else { picture::Type::None });
        self.interval = Some(pts - self.last).filter(|interval| *interval > MediaDuration::ZERO);
        self.last = pts;
        stats.encoded += 1;
        let config = &mut self.config;
        self.encoder
            .encode(picture, &mut |coded| emit(coded, config, stats, out))
            .map_err(libav("encode a picture"))
    }

    /// Goes on with another encoder if another preset is wanted, or where `rate` pictures a second come, if that is known,
    /// and the bit rate is set for others. The next picture must be a keyframe: nothing refers to what came before, and the parameter
    /// sets come in band.
    pub(crate) fn change_encoder(
        &mut self,
        options: &VideoOptions,
        wanted: &str,
        rate: Option<f64>,
        stats: &mut VideoStats,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        self.rates.extend(rate);
        if self.rates.len() > RATES {
            self.rates.pop_front();
        }
        let rate = self.rates.iter().copied().reduce(f64::max).unwrap_or(self.rate);
        if self.preset == wanted && (rate / self.rate - 1.0).abs() < RATE_TOLERANCE {
            return Ok(());
        }
        let share = self.format.frame_rate.as_f64() / rate;
        let level = annexb::level(&self.config.extradata);
        let variant = Variant { preset: wanted, share, level };
        let encoder = match encode::open_video(options, &variant, &self.format) {
            Ok(encoder) => encoder,
            // There is one that works; some devices have no room for another beside it.
            Err(error) if self.preset == wanted => {
                tracing::warn!(%error, "the bit rate is not adapted to the picture rate");
                self.rate = rate;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let former = std::mem::replace(&mut self.encoder, encoder);
        wanted.clone_into(&mut self.preset);
        self.rate = rate;
        let config = &mut self.config;
        former
            .finish(&mut |coded| emit(coded, config, stats, out))
            .map_err(libav("finish the video encoder before another"))?;
        ffi::release();
        Ok(())
    }

    /// Hands out what the encoder still holds.
    pub(crate) fn finish(self, stats: &mut VideoStats, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Self { encoder, mut config, .. } = self;
        encoder
            .finish(&mut |coded| emit(coded, &mut config, stats, out))
            .map_err(libav("finish the video encoder"))
    }
}

fn emit(coded: Coded, config: &mut VideoConfig, stats: &mut VideoStats, out: &mut dyn FnMut(MediaEvent)) {
    if config.extradata.is_empty() {
        config.extradata = annexb::parameter_sets(&coded.data);
        out(MediaEvent::Video(config.clone()));
    }
    stats.keyframes += u64::from(coded.is_keyframe);
    stats.bytes += coded.data.len() as u64;
    let pts = Timestamp::from_ticks(coded.pts);
    out(MediaEvent::Packet(Packet {
        track: Track::Video,
        pts,
        dts: pts,
        is_keyframe: coded.is_keyframe,
        data: coded.data,
    }));
}
