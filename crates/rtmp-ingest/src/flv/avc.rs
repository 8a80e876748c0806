//! H.264: the configuration record and access units (ISO/IEC 14496-15 §5.3, ITU-T H.264 §7.3).

use media::FrameRate;

use super::length_prefixed::visit_units;
use super::{ConfigFault, sps};

const NAL_IDR: u8 = 5;
const NAL_SEI: u8 = 6;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const SEI_RECOVERY_POINT: u8 = 6;

/// What a configuration record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AvcConfig {
    pub(super) length_size: usize,
    /// 0 if the record has no SPS.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frame_rate: Option<FrameRate>,
}

/// Reads an `avcC`: each parameter set must be whole, and each SPS within the limit.
pub(super) fn read_config(record: &[u8], max_dimension: u32) -> Result<AvcConfig, ConfigFault> {
    let (header, mut rest) = record.split_first_chunk::<6>().ok_or(ConfigFault::Truncated)?;
    if header[0] != 1 {
        return Err(ConfigFault::Invalid("version"));
    }
    let mut config =
        AvcConfig { length_size: usize::from(header[4] & 3) + 1, width: 0, height: 0, frame_rate: None };
    if config.length_size == 3 {
        return Err(ConfigFault::Invalid("NAL unit length size"));
    }
    for index in 0..header[5] & 0x1F {
        let sps = sps::read(parameter_set(&mut rest, NAL_SPS)?, max_dimension)?;
        if index == 0 {
            (config.width, config.height, config.frame_rate) = (sps.width, sps.height, sps.frame_rate);
        }
    }
    let (&pps_count, mut rest) = rest.split_first().ok_or(ConfigFault::Truncated)?;
    for _ in 0..pps_count {
        parameter_set(&mut rest, NAL_PPS)?;
    }
    Ok(config)
}

fn parameter_set<'a>(rest: &mut &'a [u8], nal_type: u8) -> Result<&'a [u8], ConfigFault> {
    let (length, after) = rest.split_first_chunk().ok_or(ConfigFault::Truncated)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (set, after) = after.split_at_checked(length).ok_or(ConfigFault::Truncated)?;
    *rest = after;
    match set.first() {
        Some(header) if header & 0x1F == nal_type => Ok(set),
        _ => Err(ConfigFault::Invalid("parameter set")),
    }
}

/// Whether decoding can start at an access unit: at an IDR picture, or at a recovery point that the
/// publisher calls a keyframe. `None` if it is corrupt, or brings an SPS that a record could not.
pub(super) fn check_access_unit(
    access_unit: &[u8],
    length_size: usize,
    max_dimension: u32,
    is_claimed: bool,
) -> Option<bool> {
    let (mut has_idr, mut has_recovery_point) = (false, false);
    visit_units(access_unit, length_size, |unit| {
        match unit[0] & 0x1F {
            NAL_IDR => has_idr = true,
            NAL_SEI => has_recovery_point |= has_sei(&unit[1..], SEI_RECOVERY_POINT),
            NAL_SPS => _ = sps::read(unit, max_dimension).ok()?,
            _ => {}
        }
        Some(())
    })?;
    Some(has_idr || is_claimed && has_recovery_point)
}

/// Whether an SEI NAL unit has a message of a type below 255 (§7.3.2.3.1).
fn has_sei(mut messages: &[u8], wanted: u8) -> bool {
    // Emulation prevention can only lengthen what is skipped; a miss costs a start point, no more.
    while let [payload_type, rest @ ..] = messages {
        if *payload_type == wanted {
            return true;
        }
        let more = rest.iter().take_while(|byte| **byte == 0xFF).count();
        let Some(last) = rest.get(more) else { return false };
        messages = rest.get(more + 1 + more * 255 + usize::from(*last)..).unwrap_or_default();
    }
    false
}
