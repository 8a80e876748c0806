use std::ffi::c_int;
use std::ptr;

use ffmpeg_next::error::ENOMEM;
use ffmpeg_next::ffi::{
    AVColorRange, AVColorSpace, AVPixelFormat, AVSampleFormat, av_channel_layout_default,
    av_frame_get_buffer, av_frame_make_writable,
};
use ffmpeg_next::{Error, Frame, format, frame};

use super::check;

/// Bytes that rows are aligned to; the widest vectors that swscale and x264 use.
const ALIGN: c_int = 64;

/// How a picture's numbers stand for colors, in the code points of ITU-T H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colors {
    /// MatrixCoefficients.
    pub(crate) matrix: c_int,
    /// ColourPrimaries.
    pub(crate) primaries: c_int,
    /// TransferCharacteristics.
    pub(crate) transfer: c_int,
    /// Whether samples use the full range (VideoFullRangeFlag).
    pub(crate) full_range: bool,
}

impl Colors {
    /// The code point for "unspecified", the same in all three fields.
    pub(crate) const UNSPECIFIED: c_int = AVColorSpace::AVCOL_SPC_UNSPECIFIED as c_int;
}

/// How `picture` says that its samples are to be understood.
pub(crate) fn colors(picture: &frame::Video) -> Colors {
    let full = matches!(
        picture.format(),
        format::Pixel::YUVJ420P
            | format::Pixel::YUVJ422P
            | format::Pixel::YUVJ444P
            | format::Pixel::YUVJ440P
            | format::Pixel::YUVJ411P
    );
    // SAFETY: the frame is alive for the call. The fields are read as plain integers, since some
    // decoders pass through code points that libav's enumerations don't have.
    unsafe {
        let raw = picture.as_ptr();
        let range = ptr::addr_of!((*raw).color_range).cast::<c_int>().read();
        Colors {
            matrix: ptr::addr_of!((*raw).colorspace).cast::<c_int>().read(),
            primaries: ptr::addr_of!((*raw).color_primaries).cast::<c_int>().read(),
            transfer: ptr::addr_of!((*raw).color_trc).cast::<c_int>().read(),
            full_range: full || range == AVColorRange::AVCOL_RANGE_JPEG as c_int,
        }
    }
}

/// A picture in 4:2:0 with 8 bits, its samples undefined.
pub(crate) fn allocate_picture(width: u32, height: u32) -> Result<frame::Video, Error> {
    let mut picture = frame::Video::empty();
    // SAFETY: the frame is alive and holds no buffers yet, as av_frame_get_buffer asks.
    unsafe {
        let raw = picture.as_mut_ptr();
        if raw.is_null() {
            return Err(Error::Other { errno: ENOMEM });
        }
        (*raw).format = AVPixelFormat::AV_PIX_FMT_YUV420P as c_int;
        (*raw).width = width as c_int;
        (*raw).height = height as c_int;
        check(av_frame_get_buffer(raw, ALIGN))?;
    }
    Ok(picture)
}

/// A stereo frame of planar floating-point samples, undefined.
pub(crate) fn allocate_sound(samples: usize, rate: u32) -> Result<frame::Audio, Error> {
    let mut sound = frame::Audio::empty();
    // SAFETY: as above.
    unsafe {
        let raw = sound.as_mut_ptr();
        if raw.is_null() {
            return Err(Error::Other { errno: ENOMEM });
        }
        (*raw).format = AVSampleFormat::AV_SAMPLE_FMT_FLTP as c_int;
        (*raw).nb_samples = samples as c_int;
        (*raw).sample_rate = rate as c_int;
        av_channel_layout_default(&mut (*raw).ch_layout, 2);
        check(av_frame_get_buffer(raw, 0))?;
    }
    Ok(sound)
}

/// Makes sure that nobody else reads `frame`'s samples: copies them if an encoder still does.
pub(crate) fn make_writable(frame: &mut Frame) -> Result<(), Error> {
    // SAFETY: the frame is alive and reference-counted.
    unsafe { check(av_frame_make_writable(frame.as_mut_ptr())) }.map(drop)
}
