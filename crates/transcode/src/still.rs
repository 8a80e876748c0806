//! Still pictures of what viewers see, for posters and seek bars.

use bytes::Bytes;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Error, frame};

use crate::canvas::shape;
use crate::ffi::{self, Conversion, JpegEncoder, Scaler};
use crate::fit::{Shape, fit};
use crate::sprites::Tile;

/// MatrixCoefficients of JFIF (ITU-T H.273): BT.601.
const JFIF_MATRIX: i32 = 6;
/// What tiles fit into.
const TILE_SIZE: (u32, u32) = (160, 90);

/// A still picture, as JPEG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The JPEG file.
    pub data: Bytes,
    /// The same in small.
    pub tile: Tile,
}

/// Makes stills of pictures that all look like the first.
pub(crate) struct StillMaker {
    size: (u32, u32),
    picture: frame::Video,
    scaler: Scaler,
    encoder: JpegEncoder,
    tile: frame::Video,
    tile_scaler: Scaler,
    count: i64,
}

impl StillMaker {
    /// For pictures like `picture`, whose samples are in `matrix` and limited range; stills fit into the box.
    pub(crate) fn new(picture: &frame::Video, matrix: i32, width: u32, height: u32) -> Result<Self, Error> {
        let size = fit(shape(picture), width, height);
        let conversion = Conversion {
            format: picture.format(),
            from: (picture.width(), picture.height()),
            to: size,
            from_matrix: matrix,
            to_matrix: JFIF_MATRIX,
            from_full_range: false,
            to_full_range: true,
        };
        let shape = Shape { width: size.0, height: size.1, sample_aspect: (1, 1) };
        let tile_size = fit(shape, TILE_SIZE.0, TILE_SIZE.1);
        let to_tile = Conversion {
            format: Pixel::YUV420P,
            from: size,
            to: tile_size,
            from_matrix: JFIF_MATRIX,
            from_full_range: true,
            ..conversion
        };
        Ok(Self {
            size,
            tile: ffi::allocate_picture(tile_size.0, tile_size.1)?,
            tile_scaler: Scaler::new(&to_tile)?,
            picture: ffi::allocate_picture(size.0, size.1)?,
            scaler: Scaler::new(&conversion)?,
            encoder: JpegEncoder::open(size.0, size.1)?,
            count: 0,
        })
    }

    pub(crate) fn make(&mut self, picture: &frame::Video) -> Result<Still, Error> {
        ffi::make_writable(&mut self.picture)?;
        self.scaler.run(picture, &mut self.picture)?;
        self.picture.set_pts(Some(self.count));
        self.count += 1;
        self.tile_scaler.run(&self.picture, &mut self.tile)?;
        let (width, height) = self.size;
        Ok(Still { width, height, data: self.encoder.encode(&self.picture)?, tile: Tile::of(&self.tile) })
    }
}
