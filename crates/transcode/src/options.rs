use std::ops::RangeInclusive;

use media::{FrameRate, MediaDuration};

use crate::Error;
use crate::encode::{self, Variant};
use crate::ffi::{Colors, VideoFormat};

/// What a broadcast is turned into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The picture.
    pub video: VideoOptions,
    /// The sound.
    pub audio: AudioOptions,
}

/// How pictures are encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoOptions {
    /// libav's name of an H.264 encoder.
    pub encoder: String,
    /// The encoder's speed preset; not passed on if empty.
    pub preset: String,
    /// The encoder's tuning; `zerolatency` keeps it from holding frames back. Not passed on
    /// if empty.
    pub tune: String,
    /// Target rate in bits a second.
    pub bitrate: u32,
    /// Ceiling of the rate that the buffer model allows, in bits a second.
    pub max_bitrate: u32,
    /// Size of the buffer model (VBV), in bits.
    pub buffer_size: u32,
    /// Width of the box that the picture is fitted into, in pixels.
    pub width: u32,
    /// Height of the box that the picture is fitted into, in pixels.
    pub height: u32,
    /// Distance of keyframes in output media time; segments start on them.
    pub keyframe_interval: MediaDuration,
    /// Pictures a second above which input is thinned.
    pub max_frame_rate: u32,
    /// Encoder threads of one stream.
    pub threads: usize,
}

/// How sound is encoded: always AAC-LC in stereo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioOptions {
    /// Target rate in bits a second.
    pub bitrate: u32,
    /// Samples in a second.
    pub sample_rate: u32,
}

impl Default for VideoOptions {
    fn default() -> Self {
        Self {
            encoder: "libx264".into(),
            preset: "veryfast".into(),
            tune: "zerolatency".into(),
            bitrate: 2_500_000,
            max_bitrate: 3_000_000,
            buffer_size: 6_000_000,
            width: 1280,
            height: 720,
            keyframe_interval: MediaDuration::from_secs(2),
            max_frame_rate: 60,
            threads: 1,
        }
    }
}

impl Default for AudioOptions {
    fn default() -> Self {
        Self { bitrate: 128_000, sample_rate: 48_000 }
    }
}

impl Options {
    /// Opens the encoders once and closes them, so that an unknown encoder, preset or rate is told
    /// at start-up rather than when the first publisher arrives.
    pub fn check(&self) -> Result<(), Error> {
        self.video.check_ranges()?;
        self.audio.check_ranges()?;
        let unspecified = Colors::UNSPECIFIED;
        let format = VideoFormat {
            width: self.video.width & !1,
            height: self.video.height & !1,
            frame_rate: FrameRate { num: self.video.max_frame_rate.min(30), den: 1 },
            colors: Colors {
                matrix: unspecified,
                primaries: unspecified,
                transfer: unspecified,
                full_range: false,
            },
        };
        encode::open_video(
            &self.video,
            &Variant { preset: &self.video.preset, share: 1.0, level: None },
            &format,
        )?;
        encode::open_audio(&self.audio)?;
        Ok(())
    }
}

/// x264's presets that a machine short of time is helped by, each faster than the one before.
const FAST_PRESETS: [&str; 3] = ["veryfast", "superfast", "ultrafast"];

impl VideoOptions {
    /// Presets to take instead, step by step, while the machine can't keep up; none for an encoder whose
    /// presets aren't known.
    pub fn faster_presets(&self) -> &'static [&'static str] {
        if self.encoder != "libx264" || self.preset.is_empty() {
            return &[];
        }
        let own = FAST_PRESETS.iter().position(|preset| *preset == self.preset);
        &FAST_PRESETS[own.map_or(0, |own| own + 1)..]
    }

    /// The preset after so many steps, or after the last.
    pub(crate) fn preset_after(&self, steps: usize) -> &str {
        let faster = self.faster_presets();
        match steps.min(faster.len()) {
            0 => &self.preset,
            steps => faster[steps - 1],
        }
    }

    fn check_ranges(&self) -> Result<(), Error> {
        let interval = self.keyframe_interval.as_millis();
        in_range("video.width", self.width, 16..=7680, "must be 16 to 7680 pixels")?;
        in_range("video.height", self.height, 16..=4320, "must be 16 to 4320 pixels")?;
        in_range("video.bitrate", self.bitrate, 10_000..=200_000_000, "must be 10 kb/s to 200 Mb/s")?;
        in_range(
            "video.max_bitrate",
            self.max_bitrate,
            self.bitrate..=400_000_000,
            "must not be below the bitrate",
        )?;
        in_range("video.buffer_size", self.buffer_size, 10_000..=800_000_000, "must be 10 kb to 800 Mb")?;
        in_range("video.keyframe_interval", interval, 100..=60_000, "must be 0.1 to 60 seconds")?;
        in_range("video.max_frame_rate", self.max_frame_rate, 1..=240, "must be 1 to 240 pictures a second")?;
        in_range("video.threads", self.threads, 1..=64, "must be 1 to 64")
    }
}

impl AudioOptions {
    fn check_ranges(&self) -> Result<(), Error> {
        in_range("audio.bitrate", self.bitrate, 16_000..=512_000, "must be 16 to 512 kb/s")?;
        in_range("audio.sample_rate", self.sample_rate, 8_000..=96_000, "must be 8000 to 96000 Hz")
    }
}

fn in_range<T: PartialOrd>(
    option: &'static str,
    value: T,
    range: RangeInclusive<T>,
    reason: &'static str,
) -> Result<(), Error> {
    if range.contains(&value) { Ok(()) } else { Err(Error::InvalidOption { option, reason }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_open() {
        Options::default().check().unwrap();
    }

    #[test]
    fn faster_presets_go_on_from_the_own_one() {
        let faster = |preset: &str| {
            let options = VideoOptions { preset: preset.into(), ..VideoOptions::default() };
            options.faster_presets().join(" ")
        };
        assert_eq!(faster("medium"), "veryfast superfast ultrafast");
        assert_eq!(faster("veryfast"), "superfast ultrafast");
        assert_eq!(faster("ultrafast"), "");
        let hardware = VideoOptions { encoder: "h264_nvenc".into(), ..VideoOptions::default() };
        assert!(hardware.faster_presets().is_empty());
        assert_eq!(VideoOptions::default().preset_after(9), "ultrafast");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let video = |change: fn(&mut VideoOptions)| {
            let mut options = Options::default();
            change(&mut options.video);
            options.check().unwrap_err().to_string()
        };
        assert!(video(|video| video.encoder = "libx265000".into()).contains("`libx265000`"));
        assert!(video(|video| video.encoder = "mpeg4".into()).contains("does not produce H.264"));
        assert!(video(|video| video.encoder = "a\0b".into()).contains("unknown encoder"));
        assert!(video(|video| video.preset = "warp".into()).contains("preset `warp`"));
        assert!(video(|video| video.tune = "speedy".into()).contains("tune `speedy`"));
        assert!(video(|video| video.max_bitrate = 1).contains("`video.max_bitrate`"));
        assert!(
            video(|video| video.keyframe_interval = MediaDuration::ZERO)
                .contains("`video.keyframe_interval`")
        );
        let mut options = Options::default();
        options.audio.sample_rate = 12_345;
        assert!(options.check().unwrap_err().to_string().contains("12345 Hz"));
    }
}
