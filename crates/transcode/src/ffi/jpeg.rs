use std::ffi::c_int;

use bytes::Bytes;
use ffmpeg_next::codec::{Context, Id};
use ffmpeg_next::ffi::{AVColorRange, FF_COMPLIANCE_UNOFFICIAL};
use ffmpeg_next::{Error, Rational, encoder, format, frame};

use super::encoder::{Coded, drain};

/// Quantizer of every picture, 2 (best) to 31: hard to tell from the original at the size of a poster.
const QUANTIZER: i32 = 5;

/// libav's JPEG encoder in 4:2:0. Each picture stands alone.
pub(crate) struct JpegEncoder {
    encoder: encoder::video::Encoder,
}

impl JpegEncoder {
    /// Opens it for pictures of one size, in BT.601 and full range as JFIF has them.
    pub(crate) fn open(width: u32, height: u32) -> Result<Self, Error> {
        let codec = encoder::find(Id::MJPEG).ok_or(Error::EncoderNotFound)?;
        let mut video = Context::new_with_codec(codec).encoder().video()?;
        video.set_width(width);
        video.set_height(height);
        video.set_format(format::Pixel::YUV420P);
        video.set_time_base(Rational::new(1, 1));
        video.set_qmin(QUANTIZER);
        video.set_qmax(QUANTIZER);
        // SAFETY: the context is alive and not yet open.
        unsafe {
            let raw = video.as_mut_ptr();
            (*raw).color_range = AVColorRange::AVCOL_RANGE_JPEG;
            // Newer versions ask for this where full range is said apart from the pixel format.
            (*raw).strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL as c_int;
        }
        Ok(Self { encoder: video.open_as(codec)? })
    }

    /// Encodes one picture.
    pub(crate) fn encode(&mut self, picture: &frame::Video) -> Result<Bytes, Error> {
        self.encoder.send_frame(picture)?;
        let mut jpeg = Err(Error::Bug);
        drain(&mut self.encoder, &mut |coded: Coded| jpeg = Ok(coded.data))?;
        jpeg
    }
}
