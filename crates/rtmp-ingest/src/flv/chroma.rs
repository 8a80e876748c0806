//! Chroma formats, as H.264 and H.265 number them (ITU-T H.264 Table 6-1, H.265 Table 6-1), and how pictures are cropped
//! by them.

use super::ConfigFault;
use super::bits::Bits;

/// The last there is.
pub(super) const CHROMA_444: u32 = 3;
/// What H.264's older profiles have without saying so.
pub(super) const CHROMA_420: u32 = 1;
const CHROMA_422: u32 = 2;

/// Reads how many pixels are cut off in width and in height, if any are. A frame has so many `fields`.
pub(super) fn cropping(bits: &mut Bits<'_>, chroma: u32, fields: u32) -> Result<(u32, u32), ConfigFault> {
    if !bits.flag()? {
        return Ok((0, 0));
    }
    let unit_width = if matches!(chroma, CHROMA_420 | CHROMA_422) { 2 } else { 1 };
    let unit_height = if chroma == CHROMA_420 { 2 * fields } else { fields };
    let width = bits.golomb()?.saturating_add(bits.golomb()?).saturating_mul(unit_width);
    let height = bits.golomb()?.saturating_add(bits.golomb()?).saturating_mul(unit_height);
    Ok((width, height))
}
