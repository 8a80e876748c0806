//! Sheets of small pictures, for seek bars.

use bytes::{Bytes, BytesMut};
use ffmpeg_next::frame;

use crate::error::Error;
use crate::ffi::{self, JpegEncoder};

/// Black in full range: luma and both chroma planes.
const BLACK: [u8; 3] = [0, 128, 128];

/// A small picture in 4:2:0, as JPEG has its samples. A clone shares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Pixels, an even number.
    pub width: u32,
    /// Pixels, an even number.
    pub height: u32,
    /// The three planes, row after row.
    samples: Bytes,
}

impl Tile {
    pub(crate) fn of(picture: &frame::Video) -> Self {
        let (width, height) = (picture.width(), picture.height());
        let mut samples = BytesMut::with_capacity((width * height * 3 / 2) as usize);
        for plane in 0..3 {
            let (columns, rows) = plane_size(plane, width, height);
            let rows = picture.data(plane).chunks(picture.stride(plane)).take(rows);
            rows.for_each(|row| samples.extend_from_slice(&row[..columns]));
        }
        Self { width, height, samples: samples.freeze() }
    }

    fn plane(&self, plane: usize) -> &[u8] {
        let length = |plane| {
            let (columns, rows) = plane_size(plane, self.width, self.height);
            columns * rows
        };
        let start: usize = (0..plane).map(length).sum();
        &self.samples[start..start + length(plane)]
    }
}

/// Tiles beside and below each other, as one JPEG file: so many in a row, from the upper left on. All have the size of the
/// first; what another one has beyond that is left out.
pub fn sprite_sheet(tiles: &[Tile], columns: usize) -> Result<Bytes, Error> {
    let (width, height) = tiles.first().map_or((2, 2), |tile| (tile.width, tile.height));
    let columns = columns.clamp(1, tiles.len().max(1));
    let rows = tiles.len().div_ceil(columns).max(1);
    let libav = |source| Error::Libav { operation: "make a sheet of sprites", source };
    let (sheet_width, sheet_height) = (width * columns as u32, height * rows as u32);
    let mut sheet = ffi::allocate_picture(sheet_width, sheet_height).map_err(libav)?;
    for (plane, black) in BLACK.into_iter().enumerate() {
        sheet.data_mut(plane).fill(black);
        let stride = sheet.stride(plane);
        let (slot_width, slot_height) = plane_size(plane, width, height);
        for (index, tile) in tiles.iter().enumerate() {
            let (tile_width, _) = plane_size(plane, tile.width, tile.height);
            let (left, top) = (index % columns * slot_width, index / columns * slot_height);
            for (row, samples) in tile.plane(plane).chunks(tile_width).take(slot_height).enumerate() {
                let samples = &samples[..tile_width.min(slot_width)];
                let start = (top + row) * stride + left;
                sheet.data_mut(plane)[start..start + samples.len()].copy_from_slice(samples);
            }
        }
    }
    sheet.set_pts(Some(0));
    JpegEncoder::open(sheet_width, sheet_height).and_then(|mut encoder| encoder.encode(&sheet)).map_err(libav)
}

/// Samples in a row of a plane, and rows.
fn plane_size(plane: usize, width: u32, height: u32) -> (usize, usize) {
    let halves = if plane == 0 { 1 } else { 2 };
    ((width / halves) as usize, (height / halves) as usize)
}
