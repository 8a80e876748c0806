use std::ffi::c_int;

use ffmpeg_next::ffi::{sws_getCoefficients, sws_setColorspaceDetails};
use ffmpeg_next::software::scaling::{Context, Flags};
use ffmpeg_next::{Error, format, frame};

/// No change of brightness, contrast and saturation, in swscale's 16.16 fixed point.
const NEUTRAL: (c_int, c_int, c_int) = (0, 1 << 16, 1 << 16);

/// Scales pictures of one kind to 4:2:0 with 8 bits.
pub(crate) struct Scaler {
    context: Context,
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
        let output = format::Pixel::YUV420P;
        // The filter that the ffmpeg program uses by default: soft, without ringing on text.
        let mut context = Context::get(format, from.0, from.1, output, to.0, to.1, Flags::BICUBIC)?;
        // SAFETY: the context is alive; the tables are libav's own constants, and an unknown
        // matrix gets its default table. A format for which ranges mean nothing is refused by a
        // return code and stays as it was.
        unsafe {
            sws_setColorspaceDetails(
                context.as_mut_ptr(),
                sws_getCoefficients(conversion.from_matrix),
                c_int::from(conversion.from_full_range),
                sws_getCoefficients(conversion.to_matrix),
                c_int::from(conversion.to_full_range),
                NEUTRAL.0,
                NEUTRAL.1,
                NEUTRAL.2,
            );
        }
        Ok(Self { context })
    }

    /// Scales `from` into `to`, both as the conversion says.
    pub(crate) fn run(&mut self, from: &frame::Video, to: &mut frame::Video) -> Result<(), Error> {
        self.context.run(from, to)
    }
}
