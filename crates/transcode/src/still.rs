//! Still pictures of what viewers see, for posters.

use bytes::Bytes;
use ffmpeg_next::{Error, frame};

use crate::canvas::shape;
use crate::ffi::{self, Conversion, JpegEncoder, Scaler};
use crate::fit::fit;

/// MatrixCoefficients of JFIF (ITU-T H.273): BT.601.
const JFIF_MATRIX: i32 = 6;

/// A still picture, as JPEG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The JPEG file.
    pub data: Bytes,
}

/// Makes stills of pictures that all look like the first.
pub(crate) struct StillMaker {
    size: (u32, u32),
    picture: frame::Video,
    scaler: Scaler,
    encoder: JpegEncoder,
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
        Ok(Self {
            size,
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
        let (width, height) = self.size;
        Ok(Still { width, height, data: self.encoder.encode(&self.picture)? })
    }
}
