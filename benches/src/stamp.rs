//! Wall-clock time as a pattern of black and white blocks that survives scaling and coding.
//!
//! A stamp is 64 blocks in 4 rows of 16, most significant bit first: 48 bits of Unix time in
//! milliseconds, then 16 bits of check sum. A block is a 32nd of the picture's width, and the
//! pattern's corner is one block from the picture's, so that a reader finds it at any size.

use std::time::{SystemTime, UNIX_EPOCH};

/// Blocks in a row.
pub const COLUMNS: usize = 16;
/// Rows of blocks.
pub const ROWS: usize = 4;
/// Blocks that would fit beside each other in the whole width.
pub const BLOCKS_PER_WIDTH: usize = 32;
/// Pixels a block in the reduced image that [`read`] takes.
pub const CELL: usize = 4;
/// Bytes of the reduced image: one a pixel, rows of [`COLUMNS`] × [`CELL`].
pub const IMAGE_BYTES: usize = COLUMNS * ROWS * CELL * CELL;

const BLACK: u8 = 32;
const WHITE: u8 = 220;
const TIME_BITS: u32 = 48;

/// The clock of stamps and of readers: milliseconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

/// Writes the time `unix_millis` into a luma plane of `width` pixels a row.
pub fn paint(luma: &mut [u8], width: usize, unix_millis: u64) {
    let block = width / BLOCKS_PER_WIDTH;
    let word = encode(unix_millis);
    for (y, line) in luma.chunks_exact_mut(width).skip(block).take(ROWS * block).enumerate() {
        for (column, cell) in line[block..].chunks_exact_mut(block).take(COLUMNS).enumerate() {
            let bit = 63 - (y / block * COLUMNS + column);
            cell.fill(if word >> bit & 1 == 1 { WHITE } else { BLACK });
        }
    }
}

/// Reads the stamp from the pattern's own area, reduced to [`CELL`] pixels a block.
///
/// `None` if the check sum is wrong: not a stamp, or one that the codec has spoilt.
pub fn read(image: &[u8]) -> Option<u64> {
    let stride = COLUMNS * CELL;
    if image.len() != IMAGE_BYTES {
        return None;
    }
    let mut word = 0_u64;
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            // The middle four pixels: those at the edge blend with the neighbouring block.
            let corner = (row * CELL + 1) * stride + column * CELL + 1;
            let sum: u32 =
                [0, 1, stride, stride + 1].iter().map(|offset| u32::from(image[corner + offset])).sum();
            word = word << 1 | u64::from(sum > 4 * 126);
        }
    }
    decode(word)
}

fn encode(unix_millis: u64) -> u64 {
    let time = unix_millis & ((1 << TIME_BITS) - 1);
    time << 16 | u64::from(check_sum(time))
}

fn decode(word: u64) -> Option<u64> {
    let time = word >> 16;
    (u64::from(check_sum(time)) == word & 0xffff).then_some(time)
}

/// CRC-16/IBM-3740 of the time's six bytes, most significant first.
fn check_sum(time: u64) -> u16 {
    time.to_be_bytes()[2..].iter().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Averages the pattern's area of a painted plane down to the image that [`read`] takes.
    fn reduce(luma: &[u8], width: usize) -> Vec<u8> {
        let block = width / BLOCKS_PER_WIDTH;
        let step = block / CELL;
        let mut image = Vec::with_capacity(IMAGE_BYTES);
        for y in 0..ROWS * CELL {
            for x in 0..COLUMNS * CELL {
                let area = (0..step * step).map(|i| {
                    u32::from(luma[(block + y * step + i / step) * width + block + x * step + i % step])
                });
                image.push((area.sum::<u32>() / (step * step) as u32) as u8);
            }
        }
        image
    }

    #[test]
    fn the_check_sum_is_the_published_one() {
        // The catalogue's check value, for "123456789", is 0x29B1; for its first six bytes it is 0x2EF4.
        let time = u64::from_be_bytes(*b"\0\x00123456");
        assert_eq!(check_sum(time), 0x2ef4);
    }

    #[test]
    fn plain_pictures_are_no_stamps() {
        for level in [0, 16, 126, 127, 235, 255] {
            assert_eq!(read(&[level; IMAGE_BYTES]), None);
        }
    }

    proptest! {
        #[test]
        fn a_painted_time_is_read_back(time in 0_u64..1 << 48, width in prop::sample::select(vec![640, 1280, 1920])) {
            let mut luma = vec![100; width * width * 9 / 16];
            paint(&mut luma, width, time);
            prop_assert_eq!(read(&reduce(&luma, width)), Some(time));
        }

        #[test]
        fn a_flipped_block_is_noticed(time in 0_u64..1 << 48, bit in 0..64) {
            prop_assert_eq!(decode(encode(time) ^ 1_u64 << bit), None);
        }
    }
}
