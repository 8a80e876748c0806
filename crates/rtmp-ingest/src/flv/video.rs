//! Video configurations of all codecs; H.264 has a module of its own.

use bytes::Bytes;
use media::{VideoCodec, VideoConfig};

use super::{ConfigFault, Framing, avc, length_prefixed};

/// Reads a decoder configuration record.
pub(super) fn read_config(
    codec: VideoCodec,
    record: &Bytes,
    max_dimension: u32,
) -> Result<(VideoConfig, Framing), ConfigFault> {
    let extradata = record.clone();
    let unknown = VideoConfig { codec, extradata, width: 0, height: 0, frame_rate: None };
    match codec {
        VideoCodec::H264 => {
            let avc = avc::read_config(record, max_dimension)?;
            let (width, height, frame_rate) = (avc.width, avc.height, avc.frame_rate);
            let framing = Framing::Avc { length_size: avc.length_size };
            Ok((VideoConfig { width, height, frame_rate, ..unknown }, framing))
        }
        VideoCodec::Hevc => {
            let length_size = read_hvcc(record)?;
            Ok((unknown, Framing::Hevc { length_size }))
        }
        VideoCodec::Av1 => {
            check_av1c(record)?;
            Ok((unknown, Framing::Opaque))
        }
        VideoCodec::Vp9 => Ok((vp9(record.clone()), Framing::Opaque)),
    }
}

/// A VP9 track, whose frames say all that a decoder needs.
pub(super) fn vp9(extradata: Bytes) -> VideoConfig {
    VideoConfig { codec: VideoCodec::Vp9, extradata, width: 0, height: 0, frame_rate: None }
}

/// Walks an `hvcC` (ISO/IEC 14496-15 §8.3.3.1.2); the size of its NAL unit lengths.
fn read_hvcc(record: &[u8]) -> Result<usize, ConfigFault> {
    let (header, mut rest) = record.split_first_chunk::<23>().ok_or(ConfigFault::Truncated)?;
    if header[0] != 1 {
        return Err(ConfigFault::Invalid("version"));
    }
    let length_size = usize::from(header[21] & 3) + 1;
    if length_size == 3 {
        return Err(ConfigFault::Invalid("NAL unit length size"));
    }
    for _ in 0..header[22] {
        let (array, after) = rest.split_first_chunk::<3>().ok_or(ConfigFault::Truncated)?;
        rest = after;
        for _ in 0..u16::from_be_bytes([array[1], array[2]]) {
            let (length, after) = rest.split_first_chunk().ok_or(ConfigFault::Truncated)?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length < 2 {
                return Err(ConfigFault::Invalid("parameter set"));
            }
            rest = after.get(length..).ok_or(ConfigFault::Truncated)?;
        }
    }
    Ok(length_size)
}

/// Checks the fixed part of an `av1C` (AV1 ISOBMFF binding §2.3.3).
fn check_av1c(record: &[u8]) -> Result<(), ConfigFault> {
    const MARKER_AND_VERSION: u8 = 0x81;
    match record.first_chunk::<4>() {
        None => Err(ConfigFault::Truncated),
        Some([MARKER_AND_VERSION, ..]) => Ok(()),
        Some(_) => Err(ConfigFault::Invalid("version")),
    }
}

/// Whether an H.265 access unit is an IRAP picture (ITU-T H.265 §7.4.2.2); `None` if it is corrupt.
pub(super) fn check_hevc_access_unit(access_unit: &[u8], length_size: usize) -> Option<bool> {
    let units = length_prefixed::split(access_unit, length_size)?;
    Some(units.iter().any(|unit| (16..=23).contains(&(unit[0] >> 1 & 0x3F))))
}
