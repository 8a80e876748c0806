//! H.265: the configuration record and access units (ISO/IEC 14496-15 §8.3.3, ITU-T H.265 §7.3).

use super::bits::{Bits, without_emulation_prevention};
use super::chroma::{CHROMA_444, cropping};
use super::length_prefixed::visit_units;
use super::{ConfigFault, check_dimensions};

const NAL_SPS: u8 = 33;
const IRAP: std::ops::RangeInclusive<u8> = 16..=23;

/// What a configuration record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HevcConfig {
    pub(super) length_size: usize,
    /// 0 if the record has no SPS.
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Reads an `hvcC`: each parameter set must be whole, and each SPS within the limit.
pub(super) fn read_config(record: &[u8], max_dimension: u32) -> Result<HevcConfig, ConfigFault> {
    let (header, mut rest) = record.split_first_chunk::<23>().ok_or(ConfigFault::Truncated)?;
    if header[0] != 1 {
        return Err(ConfigFault::Invalid("version"));
    }
    let mut config = HevcConfig { length_size: usize::from(header[21] & 3) + 1, width: 0, height: 0 };
    if config.length_size == 3 {
        return Err(ConfigFault::Invalid("NAL unit length size"));
    }
    for _ in 0..header[22] {
        let (array, after) = rest.split_first_chunk::<3>().ok_or(ConfigFault::Truncated)?;
        rest = after;
        for _ in 0..u16::from_be_bytes([array[1], array[2]]) {
            let (length, after) = rest.split_first_chunk().ok_or(ConfigFault::Truncated)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (unit, after) = after.split_at_checked(length).ok_or(ConfigFault::Truncated)?;
            rest = after;
            match nal_type(unit) {
                None => return Err(ConfigFault::Invalid("parameter set")),
                Some(NAL_SPS) => (config.width, config.height) = read_sps(unit, max_dimension)?,
                Some(_) => {}
            }
        }
    }
    Ok(config)
}

/// Whether an access unit is an IRAP picture, where decoding can start (§3.69). `None` if it is
/// corrupt, or brings an SPS that a record could not.
pub(super) fn check_access_unit(access_unit: &[u8], length_size: usize, max_dimension: u32) -> Option<bool> {
    let mut is_irap = false;
    visit_units(access_unit, length_size, |unit| {
        let nal_type = nal_type(unit)?;
        is_irap |= IRAP.contains(&nal_type);
        if nal_type == NAL_SPS {
            read_sps(unit, max_dimension).ok()?;
        }
        Some(())
    })?;
    Some(is_irap)
}

fn nal_type(unit: &[u8]) -> Option<u8> {
    let header = unit.first_chunk::<2>()?;
    Some(header[0] >> 1 & 0x3F)
}

/// Reads the picture's size from a sequence parameter set (§7.3.2.2).
fn read_sps(unit: &[u8], max_dimension: u32) -> Result<(u32, u32), ConfigFault> {
    const PROFILE_BITS: usize = 88;
    const LEVEL_BITS: usize = 8;
    let payload = without_emulation_prevention(&unit[2..]);
    let mut bits = Bits::new(&payload);
    bits.skip(4);
    let sub_layers = bits.read(3)?;
    bits.skip(1 + PROFILE_BITS + LEVEL_BITS);
    if sub_layers > 0 {
        let mut skipped = 0;
        for index in 0..8 {
            let (has_profile, has_level) = (bits.flag()?, bits.flag()?);
            if index < sub_layers {
                skipped += usize::from(has_profile) * PROFILE_BITS + usize::from(has_level) * LEVEL_BITS;
            }
        }
        bits.skip(skipped);
    }
    bits.golomb()?; // its id
    let chroma = bits.golomb()?;
    if chroma > CHROMA_444 {
        return Err(ConfigFault::Invalid("chroma format"));
    }
    if chroma == CHROMA_444 {
        bits.skip(1);
    }
    let (width, height) = (bits.golomb()?, bits.golomb()?);
    let (cropped_width, cropped_height) = cropping(&mut bits, chroma, 1)?;
    // Decoders allocate the whole picture, not the part that is shown.
    check_dimensions(width, height, max_dimension)?;
    Ok((width.saturating_sub(cropped_width), height.saturating_sub(cropped_height)))
}
