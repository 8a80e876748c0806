//! H.264 sequence parameter sets (ITU-T H.264 §7.3.2.1.1, Annex E): the picture's size and rate.
//!
//! Only these are read, and only what can't be a picture is refused. Encoders write a level that is too low for
//! the picture, or a bad end of their VUI, and decoders don't mind.

use media::FrameRate;

use super::bits::{Bits, without_emulation_prevention};
use super::chroma::{CHROMA_420, CHROMA_444, cropping};
use super::{ConfigFault, check_dimensions};

/// The profiles whose sets tell the chroma format, the depths and scaling lists.
const PROFILES_WITH_CHROMA: [u32; 13] = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];
const MAX_BIT_DEPTH_ABOVE_8: u32 = 6;
const MAX_POC_CYCLE: u32 = 255;
const EXTENDED_ASPECT_RATIO: u32 = 255;
const MAX_FRAME_RATE: u64 = 1000;

/// What a sequence parameter set says of the pictures.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sps {
    /// In pixels, cropped.
    pub(super) width: u32,
    /// In pixels, cropped.
    pub(super) height: u32,
    pub(super) frame_rate: Option<FrameRate>,
}

/// Reads a NAL unit of type 7.
pub(super) fn read(unit: &[u8], max_dimension: u32) -> Result<Sps, ConfigFault> {
    let payload = without_emulation_prevention(unit.get(1..).ok_or(ConfigFault::Truncated)?);
    let mut bits = Bits::new(&payload);
    let profile = bits.read(8)?;
    bits.skip(8 + 8); // constraints, level
    bits.golomb()?; // its id
    let chroma = if PROFILES_WITH_CHROMA.contains(&profile) { sampling(&mut bits)? } else { CHROMA_420 };
    bits.golomb()?; // log2_max_frame_num
    picture_order(&mut bits)?;
    bits.golomb()?; // max_num_ref_frames
    bits.skip(1);
    let (width_in_mbs, height_in_units) = (bits.golomb()?, bits.golomb()?);
    let frames_only = bits.flag()?;
    let fields = if frames_only { 1 } else { 2 };
    bits.skip(if frames_only { 1 } else { 2 });
    let width = width_in_mbs.saturating_add(1).saturating_mul(16);
    let height = height_in_units.saturating_add(1).saturating_mul(16 * fields);
    // Decoders allocate the whole picture, not the part that is shown.
    check_dimensions(width, height, max_dimension)?;
    let (cropped_width, cropped_height) = cropping(&mut bits, chroma, fields)?;
    let (Some(width), Some(height)) = (shown(width, cropped_width), shown(height, cropped_height)) else {
        return Err(ConfigFault::Invalid("cropping"));
    };
    // A rate that can't be read is found out from the pictures' times.
    let frame_rate = if bits.flag()? { frame_rate(&mut bits).unwrap_or_default() } else { None };
    Ok(Sps { width, height, frame_rate })
}

fn shown(coded: u32, cropped: u32) -> Option<u32> {
    coded.checked_sub(cropped).filter(|side| *side > 0)
}

/// Reads the chroma format, and skips what is about samples. Planes that are coded apart are cropped as monochrome.
fn sampling(bits: &mut Bits<'_>) -> Result<u32, ConfigFault> {
    let chroma = bits.golomb()?;
    if chroma > CHROMA_444 {
        return Err(ConfigFault::Invalid("chroma format"));
    }
    let is_separate = chroma == CHROMA_444 && bits.flag()?;
    for _luma_then_chroma in 0..2 {
        if bits.golomb()? > MAX_BIT_DEPTH_ABOVE_8 {
            return Err(ConfigFault::Invalid("bit depth"));
        }
    }
    bits.skip(1);
    if bits.flag()? {
        for list in 0..if chroma == CHROMA_444 { 12 } else { 8 } {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok(if is_separate { 0 } else { chroma })
}

/// §7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut Bits<'_>, size: usize) -> Result<(), ConfigFault> {
    let mut scale = 8;
    for _ in 0..size {
        scale = (scale + bits.signed_golomb()?).rem_euclid(256);
        // The rest is as the last.
        if scale == 0 {
            break;
        }
    }
    Ok(())
}

fn picture_order(bits: &mut Bits<'_>) -> Result<(), ConfigFault> {
    match bits.golomb()? {
        0 => _ = bits.golomb()?,
        1 => {
            bits.skip(1);
            bits.golomb()?;
            bits.golomb()?;
            let cycle = bits.golomb()?;
            if cycle > MAX_POC_CYCLE {
                return Err(ConfigFault::Invalid("picture order"));
            }
            for _ in 0..cycle {
                bits.golomb()?;
            }
        }
        2 => {}
        _ => return Err(ConfigFault::Invalid("picture order")),
    }
    Ok(())
}

/// The rate of the video usability information (§E.1.1).
fn frame_rate(bits: &mut Bits<'_>) -> Result<Option<FrameRate>, ConfigFault> {
    if bits.flag()? && bits.read(8)? == EXTENDED_ASPECT_RATIO {
        bits.skip(32);
    }
    if bits.flag()? {
        bits.skip(1); // overscan
    }
    if bits.flag()? {
        bits.skip(4); // format and range
        if bits.flag()? {
            bits.skip(24); // colours
        }
    }
    if bits.flag()? {
        bits.golomb()?;
        bits.golomb()?; // places of the chroma samples
    }
    if !bits.flag()? {
        return Ok(None);
    }
    // A tick is a field's time (§E.2.1).
    let ticks = 2 * u64::from(bits.read(32)?);
    Ok(rate(u64::from(bits.read(32)?), ticks))
}

fn rate(num: u64, den: u64) -> Option<FrameRate> {
    if num == 0 || den == 0 || num / den > MAX_FRAME_RATE {
        return None;
    }
    let divisor = greatest_common_divisor(num, den);
    Some(FrameRate { num: (num / divisor).try_into().ok()?, den: (den / divisor).try_into().ok()? })
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u32 = 8192;
    /// 720p30 at level 3.0, whose pictures end at 720x576.
    const LOW_LEVEL: &[u8] =
        b"\x67\x42\xc0\x1e\xdb\x01\x40\x16\xec\x04\x40\0\0\x03\0\x40\0\0\x0f\x03\xc5\x8b\xb8";

    fn read_as(unit: &[u8]) -> (u32, u32, Option<(u32, u32)>) {
        let sps = read(unit, LIMIT).unwrap();
        (sps.width, sps.height, sps.frame_rate.map(|rate| (rate.num, rate.den)))
    }

    #[test]
    fn sizes_and_rates_are_those_that_ffprobe_finds() {
        // Written by x264; ffprobe says what is in them.
        assert_eq!(read_as(LOW_LEVEL), (1280, 720, Some((30, 1))));
        let cropped =
            b"\x67\x64\0\x20\xac\xd9\x40\x56\x06\x1e\x6a\xc0\x44\0\0\x0f\xa4\0\x03\xa9\x80\x3c\x60\xc6\x58";
        assert_eq!(read_as(cropped), (1366, 766, Some((30_000, 1001))));
        let interlaced = b"\x67\x64\0\x28\xac\xd9\x40\x78\x04\x4f\xde\x02\xd4\x04\x04\x05\0\0\x03\0\x01\0\0\x03\0\x32\x1f\x16\x2d\x96";
        assert_eq!(read_as(interlaced), (1920, 1080, Some((25, 1))));
        let high_422_10_bit =
            b"\x67\x7a\0\x20\xb6\xcd\x94\x05\0\x5d\xf8\xfc\x04\x40\0\0\x03\0\x40\0\0\x19\x03\xc6\x0c\x65\x80";
        assert_eq!(read_as(high_422_10_bit), (1280, 722, Some((50, 1))));
        let high_444 =
            b"\x67\xf4\0\x15\x91\x9b\x28\x2a\x33\xc7\xc5\xe0\x22\0\0\x03\0\x02\0\0\x03\0\xf0\x1e\x2c\x5b\x2c";
        assert_eq!(read_as(high_444), (322, 182, Some((60, 1))));
    }

    #[test]
    fn a_rate_that_cannot_be_read_costs_nothing() {
        assert_eq!(read_as(&LOW_LEVEL[..LOW_LEVEL.len() - 6]), (1280, 720, None));
        assert_eq!(read(&LOW_LEVEL[..7], LIMIT), Err(ConfigFault::Truncated));
    }

    #[test]
    fn pictures_are_limited_before_they_are_cropped() {
        assert_eq!(read(LOW_LEVEL, 1279), Err(ConfigFault::TooLarge { width: 1280, height: 720 }));
    }
}
