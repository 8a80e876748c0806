//! NAL units behind their lengths (ISO/IEC 14496-15 §5.3.4.2).

/// Visits each NAL unit of an access unit, until `visit` says `None`. `None` also if there is no unit, or a length points
/// past the end.
///
/// Empty units are passed over: decoders ignore them.
pub(super) fn visit_units(
    access_unit: &[u8],
    length_size: usize,
    mut visit: impl FnMut(&[u8]) -> Option<()>,
) -> Option<()> {
    let (mut rest, mut is_empty) = (access_unit, true);
    while !rest.is_empty() {
        let (length, after) = rest.split_at_checked(length_size)?;
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let (unit, after) = after.split_at_checked(length)?;
        if !unit.is_empty() {
            visit(unit)?;
            is_empty = false;
        }
        rest = after;
    }
    (!is_empty).then_some(())
}
