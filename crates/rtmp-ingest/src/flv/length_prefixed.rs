//! NAL units behind their lengths (ISO/IEC 14496-15 §5.3.4.2).

/// The NAL units of an access unit; `None` if there is none, or a length points past the end.
///
/// Empty units are passed over: decoders ignore them.
pub(super) fn split(access_unit: &[u8], length_size: usize) -> Option<Vec<&[u8]>> {
    let mut units = Vec::new();
    let mut rest = access_unit;
    while !rest.is_empty() {
        let (length, after) = rest.split_at_checked(length_size)?;
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let (unit, after) = after.split_at_checked(length)?;
        if !unit.is_empty() {
            units.push(unit);
        }
        rest = after;
    }
    (!units.is_empty()).then_some(units)
}
