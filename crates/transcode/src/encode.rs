use ffmpeg_next::codec::Id;
use ffmpeg_next::encoder;

use crate::ffi::{AudioEncoder, OpenError, Rates, VideoEncoder, VideoFormat};
use crate::{AudioOptions, Error, VideoOptions};

/// The least and the most of its nominal bits that a picture gets.
const SHARES: (f64, f64) = (0.25, 4.0);

/// In what the encoders of one broadcast may differ.
pub(crate) struct Variant<'a> {
    pub(crate) preset: &'a str,
    /// How many times the bits of its nominal share each picture gets: encoders share them out by the nominal rate.
    pub(crate) share: f64,
    /// `level_idc` (ITU-T H.264 Annex A), where an encoder before has stated one.
    pub(crate) level: Option<u8>,
}

/// Opens a video encoder as the options ask for it.
pub(crate) fn open_video(
    options: &VideoOptions,
    variant: &Variant<'_>,
    format: &VideoFormat,
) -> Result<VideoEncoder, Error> {
    let Variant { preset, share, level } = *variant;
    let share = share.clamp(SHARES.0, SHARES.1);
    let name = || options.encoder.clone();
    let is_plain = !options.encoder.contains('\0');
    let codec = is_plain.then(|| encoder::find_by_name(&options.encoder)).flatten();
    let codec = codec.ok_or_else(|| Error::UnknownEncoder { name: name() })?;
    if codec.id() != Id::H264 {
        return Err(Error::NotH264 { name: name() });
    }
    // Each access unit begins with a delimiter, and a forced keyframe is one to cut at (IDR).
    let mut private = vec![("aud", "1"), ("forced-idr", "1")];
    for (key, value) in [("preset", preset), ("tune", options.tune.as_str())] {
        if !value.is_empty() {
            private.push((key, value));
        }
    }
    if options.encoder == "libx264" {
        // No keyframes besides those of the grid; captions would survive only an unscaled picture.
        private.extend([("sc_threshold", "0"), ("a53cc", "0")]);
        // Without it ultrafast has another profile than the other presets, and a stream that changes to it midway is
        // no longer what it said that it is.
        if preset == "ultrafast" {
            private.push(("x264-params", "8x8dct=1"));
        }
    }
    let rates = Rates {
        bitrate: (f64::from(options.bitrate) * share) as u32,
        max_bitrate: (f64::from(options.max_bitrate) * share) as u32,
        buffer_size: options.buffer_size,
        keyframe_limit: keyframe_limit(options),
        threads: options.threads,
        level,
    };
    VideoEncoder::open(codec, format, &rates, &private).map_err(|error| match error {
        OpenError::UnknownOption(option) => Error::UnknownEncoderOption { name: name(), option },
        OpenError::Libav(source) => {
            let (VideoOptions { tune, bitrate, .. }, VideoFormat { width, height, .. }) = (options, format);
            let settings = format!("preset `{preset}`, tune `{tune}`, {width}x{height}, {bitrate} b/s");
            Error::OpenEncoder { name: name(), settings, source }
        }
    })
}

/// Opens the audio encoder that the options ask for.
pub(crate) fn open_audio(options: &AudioOptions) -> Result<AudioEncoder, Error> {
    let AudioOptions { bitrate, sample_rate } = *options;
    AudioEncoder::open(bitrate, sample_rate).map_err(|source| {
        let settings = format!("{sample_rate} Hz, {bitrate} b/s");
        Error::OpenEncoder { name: "aac".into(), settings, source }
    })
}

/// A distance of keyframes, in pictures, that the grid always comes before.
fn keyframe_limit(options: &VideoOptions) -> u32 {
    let seconds = options.keyframe_interval.as_millis() / 1000 + 1;
    let pictures = seconds.saturating_mul(2 * i64::from(options.max_frame_rate));
    u32::try_from(pictures).unwrap_or(u32::MAX).clamp(600, 100_000)
}
