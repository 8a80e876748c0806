use bytes::{BufMut, Bytes, BytesMut};

/// nal_unit_type of a sequence and of a picture parameter set (ITU-T H.264 Table 7-1).
const SPS: u8 = 7;
const PPS: u8 = 8;

/// The parameter sets in an access unit, as a byte stream of their own with four-byte start codes
/// (ITU-T H.264 Annex B); empty if there are none.
pub(crate) fn parameter_sets(access_unit: &[u8]) -> Bytes {
    let mut sets = BytesMut::new();
    for unit in nal_units(access_unit) {
        if unit.first().is_some_and(|header| matches!(header & 0x1f, SPS | PPS)) {
            sets.put_slice(&[0, 0, 0, 1]);
            sets.put_slice(unit);
        }
    }
    sets.freeze()
}

/// The `level_idc` of the first sequence parameter set in a byte stream (§7.3.2.1.1).
pub(crate) fn level(stream: &[u8]) -> Option<u8> {
    let sps = nal_units(stream).find(|unit| unit.first().is_some_and(|header| header & 0x1f == SPS))?;
    sps.get(3).copied()
}

/// The NAL units of a byte stream, without start codes and trailing zeros.
fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let stream = rest?;
        let end = find_start_code(stream).unwrap_or(stream.len());
        rest = after_start_code(&stream[end..]);
        let length = stream[..end].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Some(&stream[..length])
    })
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    find_start_code(stream).map(|at| &stream[at + 3..])
}

fn find_start_code(stream: &[u8]) -> Option<usize> {
    stream.windows(3).position(|window| window == [0, 0, 1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_them_behind_either_start_code() {
        let unit = [0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 1, 0x65, 4];
        assert_eq!(parameter_sets(&unit).as_ref(), [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3]);
        assert_eq!(level(&unit), None, "it is cut short");
        assert_eq!(level(&[0, 0, 1, 0x67, 0x64, 0, 31, 0xac]), Some(31));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(0u8..4, 0..200)) {
            let units: usize = nal_units(&bytes).map(<[u8]>::len).sum();
            prop_assert!(units <= bytes.len());
        }
    }
}
