//! AV1: the configuration record and temporal units (AV1 ISOBMFF binding §2.3.3, AV1 specification §5).

use super::bits::Bits;
use super::{ConfigFault, check_dimensions};

const MARKER_AND_VERSION: u8 = 0x81;
const OBU_SEQUENCE_HEADER: u8 = 1;

/// Reads an `av1C`: the picture's size, 0x0 where it holds no sequence header.
pub(super) fn read_config(record: &[u8], max_dimension: u32) -> Result<(u32, u32), ConfigFault> {
    let (header, obus) = record.split_first_chunk::<4>().ok_or(ConfigFault::Truncated)?;
    if header[0] != MARKER_AND_VERSION {
        return Err(ConfigFault::Invalid("version"));
    }
    walk(obus, max_dimension)
}

/// Whether a temporal unit is whole, and its sequence header, if it has one, within the limit.
pub(super) fn is_whole(temporal_unit: &[u8], max_dimension: u32) -> bool {
    walk(temporal_unit, max_dimension).is_ok()
}

/// Goes through open bitstream units (§5.3).
fn walk(mut rest: &[u8], max_dimension: u32) -> Result<(u32, u32), ConfigFault> {
    let mut dimensions = (0, 0);
    while let Some((&header, after)) = rest.split_first() {
        let (has_extension, has_size) = (header & 4 != 0, header & 2 != 0);
        rest = after.get(usize::from(has_extension)..).ok_or(ConfigFault::Truncated)?;
        let length = if has_size { leb128(&mut rest)? } else { rest.len() };
        let (payload, after) = rest.split_at_checked(length).ok_or(ConfigFault::Truncated)?;
        rest = after;
        if header >> 3 & 0xF == OBU_SEQUENCE_HEADER {
            let (width, height) = sequence_header(&mut Bits::new(payload))?;
            check_dimensions(width, height, max_dimension)?;
            dimensions = (width, height);
        }
    }
    Ok(dimensions)
}

fn leb128(rest: &mut &[u8]) -> Result<usize, ConfigFault> {
    let mut value = 0;
    for index in 0..4 {
        let (&byte, after) = rest.split_first().ok_or(ConfigFault::Truncated)?;
        *rest = after;
        value |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(ConfigFault::Invalid("OBU size")) // beyond any message
}

/// The largest width and height of a sequence (§5.5.1).
fn sequence_header(bits: &mut Bits<'_>) -> Result<(u32, u32), ConfigFault> {
    bits.skip(4); // profile, still picture
    let is_reduced = bits.flag()?;
    if is_reduced {
        bits.skip(5);
    } else {
        let delay_bits = timing(bits)?;
        let has_display_delay = bits.flag()?;
        for _ in 0..=bits.read(5)? {
            operating_point(bits, delay_bits, has_display_delay)?;
        }
    }
    let (width_bits, height_bits) = (bits.read(4)? + 1, bits.read(4)? + 1);
    Ok((bits.read(width_bits)? + 1, bits.read(height_bits)? + 1))
}

/// Passes over timing and decoder model; how long the model's delays are, if there is one.
fn timing(bits: &mut Bits<'_>) -> Result<Option<usize>, ConfigFault> {
    if !bits.flag()? {
        return Ok(None);
    }
    bits.skip(64);
    if bits.flag()? {
        bits.golomb()?;
    }
    if !bits.flag()? {
        return Ok(None);
    }
    let delay_bits = bits.read(5)? as usize + 1;
    bits.skip(32 + 5 + 5);
    Ok(Some(delay_bits))
}

fn operating_point(
    bits: &mut Bits<'_>,
    delay_bits: Option<usize>,
    has_display_delay: bool,
) -> Result<(), ConfigFault> {
    bits.skip(12);
    if bits.read(5)? > 7 {
        bits.skip(1);
    }
    if let Some(delay_bits) = delay_bits
        && bits.flag()?
    {
        bits.skip(2 * delay_bits + 1);
    }
    if has_display_delay && bits.flag()? {
        bits.skip(4);
    }
    Ok(())
}
