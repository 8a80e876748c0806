//! Whole numbers in as few bytes as they need: seven bits a byte, the lowest first (LEB128); and what is told with them.

use media::Timestamp;

/// Appends a number.
pub fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a number that may be negative; a small one is short on either side of zero.
pub fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number << 1 ^ number >> 63) as u64);
}

/// Takes a number from the front; `None` if there is none.
pub fn take(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a number that may be negative.
pub fn take_signed(from: &mut &[u8]) -> Option<i64> {
    take(from).map(|number| (number >> 1) as i64 ^ -((number & 1) as i64))
}

/// Appends bytes, with their number before them.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Takes as many bytes as are said to follow; `None` if there are fewer.
pub fn take_bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(bytes)
}

/// Appends a time that may not be known.
pub fn put_time(out: &mut Vec<u8>, time: Option<Timestamp>) {
    put(out, time.is_some().into());
    put_signed(out, time.unwrap_or_default().ticks());
}

/// Takes a time that may not be known; `None` if there is nothing to take.
pub fn take_time(from: &mut &[u8]) -> Option<Option<Timestamp>> {
    let is_known = take(from)? != 0;
    let time = Timestamp::from_ticks(take_signed(from)?);
    Some(is_known.then_some(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_out_as_they_went_in(natural: u64, whole: i64) {
            let mut out = Vec::new();
            put(&mut out, natural);
            put_signed(&mut out, whole);
            let mut rest = &out[..];
            prop_assert_eq!((take(&mut rest), take_signed(&mut rest)), (Some(natural), Some(whole)));
            prop_assert_eq!((rest, take(&mut rest)), (&[][..], None));
        }
    }
}
