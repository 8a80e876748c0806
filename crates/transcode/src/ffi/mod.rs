//! The only unsafe code of Weir: thin, safe wrappers around what ffmpeg-next leaves raw.
//!
//! Nothing here decides anything. Each wrapper owns its libav object, frees it on drop and turns
//! return codes into errors.
#![allow(unsafe_code)]

mod decoder;
mod encoder;
mod frame;
mod jpeg;
mod log;
mod memory;
mod resampler;
mod scaler;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::{AudioEncoder, Coded, OpenError, Rates, VideoEncoder, VideoFormat};
pub(crate) use frame::{Colors, allocate_picture, allocate_sound, colors, make_writable};
pub(crate) use jpeg::JpegEncoder;
pub(crate) use log::init;
pub(crate) use memory::release;
pub(crate) use resampler::Resampler;
pub(crate) use scaler::{Conversion, Scaler};

use ffmpeg_next::Error;
use ffmpeg_next::error::EAGAIN;

/// libav's "nothing more for now", as opposed to a failure.
pub(crate) fn is_drained(error: Error) -> bool {
    matches!(error, Error::Eof | Error::Other { errno: EAGAIN })
}

/// A libav return code as a result; what isn't negative is a success.
fn check(code: std::ffi::c_int) -> Result<std::ffi::c_int, Error> {
    if code < 0 { Err(Error::from(code)) } else { Ok(code) }
}
