//! VP9: the size that a keyframe begins with (VP9 bitstream specification §6.2).

use super::bits::Bits;
use super::{ConfigFault, check_dimensions};

const SYNC_CODE: u32 = 0x49_83_42;
const COLOR_SPACE_RGB: u32 = 7;

/// Whether a frame is one, and within the limit if it is a keyframe. Other frames take their size
/// from a keyframe, or are refused by a decoder that limits its pictures.
pub(super) fn is_plausible(frame: &[u8], max_dimension: u32) -> bool {
    match keyframe_dimensions(frame) {
        Ok(Some((width, height))) => check_dimensions(width, height, max_dimension).is_ok(),
        Ok(None) => true,
        Err(_) => false,
    }
}

fn keyframe_dimensions(frame: &[u8]) -> Result<Option<(u32, u32)>, ConfigFault> {
    let mut bits = Bits::new(frame);
    if bits.read(2)? != 2 {
        return Err(ConfigFault::Invalid("frame marker"));
    }
    let profile = bits.read(1)? | bits.read(1)? << 1;
    if profile == 3 {
        bits.skip(1);
    }
    let (shows_existing, is_inter) = (bits.flag()?, bits.flag()?);
    if shows_existing || is_inter {
        return Ok(None);
    }
    bits.skip(2);
    if bits.read(24)? != SYNC_CODE {
        return Err(ConfigFault::Invalid("sync code"));
    }
    if profile >= 2 {
        bits.skip(1);
    }
    let is_rgb = bits.read(3)? == COLOR_SPACE_RGB;
    // A range, and in profiles 1 and 3 the subsampling and a reserved bit.
    bits.skip(usize::from(!is_rgb));
    if profile & 1 == 1 {
        bits.skip(if is_rgb { 1 } else { 3 });
    }
    Ok(Some((bits.read(16)? + 1, bits.read(16)? + 1)))
}
