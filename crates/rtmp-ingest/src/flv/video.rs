//! What the video codecs have in common: a configuration, and a check of each access unit.

use bytes::Bytes;
use media::{VideoCodec, VideoConfig};

use super::{ConfigFault, Framing, av1, avc, hevc, vp9};

/// Reads a decoder configuration record.
pub(super) fn read_config(
    codec: VideoCodec,
    record: &Bytes,
    max_dimension: u32,
) -> Result<(VideoConfig, Framing), ConfigFault> {
    let mut config = VideoConfig { extradata: record.clone(), ..unknown(codec) };
    let framing = match codec {
        VideoCodec::H264 => {
            let avc = avc::read_config(record, max_dimension)?;
            (config.width, config.height, config.frame_rate) = (avc.width, avc.height, avc.frame_rate);
            Framing::LengthPrefixed { length_size: avc.length_size }
        }
        VideoCodec::Hevc => {
            let hevc = hevc::read_config(record, max_dimension)?;
            (config.width, config.height) = (hevc.width, hevc.height);
            Framing::LengthPrefixed { length_size: hevc.length_size }
        }
        VideoCodec::Av1 => {
            (config.width, config.height) = av1::read_config(record, max_dimension)?;
            Framing::Plain
        }
        VideoCodec::Vp9 => Framing::Plain,
    };
    Ok((config, framing))
}

/// A track of which only the codec is known.
pub(super) fn unknown(codec: VideoCodec) -> VideoConfig {
    VideoConfig { codec, extradata: Bytes::new(), width: 0, height: 0, frame_rate: None }
}

/// Whether decoding can start at an access unit; `None` if it is corrupt or too large.
pub(super) fn check_access_unit(
    codec: VideoCodec,
    access_unit: &[u8],
    framing: Framing,
    max_dimension: u32,
    is_claimed: bool,
) -> Option<bool> {
    match (codec, framing) {
        (VideoCodec::H264, Framing::LengthPrefixed { length_size }) => {
            avc::check_access_unit(access_unit, length_size, max_dimension, is_claimed)
        }
        (VideoCodec::Hevc, Framing::LengthPrefixed { length_size }) => {
            hevc::check_access_unit(access_unit, length_size, max_dimension)
        }
        (VideoCodec::Av1, _) => av1::is_whole(access_unit, max_dimension).then_some(is_claimed),
        (VideoCodec::Vp9, _) => vp9::is_plausible(access_unit, max_dimension).then_some(is_claimed),
        (VideoCodec::H264 | VideoCodec::Hevc, Framing::Plain) => None,
    }
}
