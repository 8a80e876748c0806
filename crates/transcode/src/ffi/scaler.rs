use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use ffmpeg_next::error::ENOMEM;
use ffmpeg_next::ffi::{
    AVPixelFormat, SWS_BICUBIC, SwsContext, av_opt_set_int, sws_alloc_context, sws_freeContext,
    sws_getCoefficients, sws_init_context, sws_scale, sws_setColorspaceDetails,
};
use ffmpeg_next::{Error, format, frame};

use super::check;

/// No change of brightness, contrast and saturation, in swscale's 16.16 fixed point.
const NEUTRAL: (c_int, c_int, c_int) = (0, 1 << 16, 1 << 16);
/// What comes out.
const OUTPUT: format::Pixel = format::Pixel::YUV420P;

/// Scales pictures of one kind to 4:2:0 with 8 bits.
pub(crate) struct Scaler {
    context: NonNull<SwsContext>,
    conversion: Conversion,
}

/// The pictures that go in, and the samples that come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conversion {
    /// Layout of the samples that go in.
    pub(crate) format: format::Pixel,
    /// Pixels that go in.
    pub(crate) from: (u32, u32),
    /// Pixels that come out.
    pub(crate) to: (u32, u32),
    /// MatrixCoefficients (H.273) of what goes in.
    pub(crate) from_matrix: c_int,
    /// MatrixCoefficients (H.273) of what comes out.
    pub(crate) to_matrix: c_int,
    /// Whether what goes in uses the full range.
    pub(crate) from_full_range: bool,
    /// Whether what comes out uses the full range.
    pub(crate) to_full_range: bool,
}

impl Scaler {
    /// Prepares for one conversion.
    pub(crate) fn new(conversion: &Conversion) -> Result<Self, Error> {
        let Conversion { format, from, to, .. } = *conversion;
        // SAFETY: allocates, or answers null.
        let context = NonNull::new(unsafe { sws_alloc_context() }).ok_or(Error::Other { errno: ENOMEM })?;
        let scaler = Self { context, conversion: *conversion };
        let raw = context.as_ptr();
        // Said before it is initialized: it chooses a mere copy for pictures of the same size and range.
        let options: [(&CStr, i64); 9] = [
            (c"srcw", from.0.into()),
            (c"srch", from.1.into()),
            (c"src_format", AVPixelFormat::from(format) as i64),
            (c"src_range", conversion.from_full_range.into()),
            (c"dstw", to.0.into()),
            (c"dsth", to.1.into()),
            (c"dst_format", AVPixelFormat::from(OUTPUT) as i64),
            (c"dst_range", conversion.to_full_range.into()),
            // The filter that the ffmpeg program uses by default: soft, without ringing on text.
            (c"sws_flags", SWS_BICUBIC.into()),
        ];
        // SAFETY: the context is alive and not yet initialized; the names are its options. The tables are libav's own
        // constants, and an unknown matrix gets its default table. A format for which matrices mean nothing is
        // refused by a return code and stays as it was.
        unsafe {
            for (name, value) in options {
                check(av_opt_set_int(raw.cast(), name.as_ptr(), value, 0))?;
            }
            check(sws_init_context(raw, ptr::null_mut(), ptr::null_mut()))?;
            sws_setColorspaceDetails(
                raw,
                sws_getCoefficients(conversion.from_matrix),
                c_int::from(conversion.from_full_range),
                sws_getCoefficients(conversion.to_matrix),
                c_int::from(conversion.to_full_range),
                NEUTRAL.0,
                NEUTRAL.1,
                NEUTRAL.2,
            );
        }
        Ok(scaler)
    }

    /// Scales `from` into `to`, both as the conversion says.
    pub(crate) fn run(&mut self, from: &frame::Video, to: &mut frame::Video) -> Result<(), Error> {
        let Conversion { format, from: from_size, to: to_size, .. } = self.conversion;
        if (from.format(), (from.width(), from.height())) != (format, from_size) {
            return Err(Error::InputChanged);
        }
        if (to.format(), (to.width(), to.height())) != (OUTPUT, to_size) {
            return Err(Error::OutputChanged);
        }
        // SAFETY: the context is initialized for pictures of just these layouts and sizes.
        let rows = unsafe {
            sws_scale(
                self.context.as_ptr(),
                (*from.as_ptr()).data.as_ptr().cast(),
                (*from.as_ptr()).linesize.as_ptr(),
                0,
                from_size.1 as c_int,
                (*to.as_mut_ptr()).data.as_ptr(),
                (*to.as_mut_ptr()).linesize.as_ptr(),
            )
        };
        check(rows).map(drop)
    }
}

impl Drop for Scaler {
    fn drop(&mut self) {
        // SAFETY: it is this one's own, and is freed once.
        unsafe { sws_freeContext(self.context.as_ptr()) };
    }
}
