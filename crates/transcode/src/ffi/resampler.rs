use std::ffi::c_int;
use std::ptr;

use ffmpeg_next::error::{EINVAL, ENOMEM};
use ffmpeg_next::ffi::{
    AVChannelLayout, AVChannelOrder, AVFrame, AVSampleFormat, SWR_FLAG_RESAMPLE, SwrContext,
    av_channel_layout_check, av_channel_layout_compare, av_channel_layout_copy, av_channel_layout_default,
    av_channel_layout_uninit, av_opt_set_int, swr_alloc_set_opts2, swr_convert, swr_free, swr_get_delay,
    swr_get_out_samples, swr_init, swr_set_compensation,
};
use ffmpeg_next::{Error, frame};

use super::check;

/// Converts sound of one kind to interleaved stereo at one rate.
pub(crate) struct Resampler {
    context: *mut SwrContext,
    rate: u32,
    compensation: c_int,
    from_format: c_int,
    from_rate: c_int,
    from_layout: AVChannelLayout,
}

impl Resampler {
    /// Prepares for sound like `frame`'s, to come out at `rate`.
    pub(crate) fn new(frame: &frame::Audio, rate: u32) -> Result<Self, Error> {
        // SAFETY: the frame is alive for the call. The layout is libav's own, or its default for
        // so many channels; libav copies it. What is allocated is owned from the first line on.
        unsafe {
            let raw: *const AVFrame = frame.as_ptr();
            let format = sample_format((*raw).format).ok_or(Error::Other { errno: EINVAL })?;
            let mut resampler = Self {
                context: ptr::null_mut(),
                rate,
                compensation: 0,
                from_format: (*raw).format,
                from_rate: (*raw).sample_rate,
                from_layout: std::mem::zeroed(),
            };
            check(av_channel_layout_copy(&mut resampler.from_layout, &(*raw).ch_layout))?;
            let mut known: AVChannelLayout = std::mem::zeroed();
            let unspecified = (*raw).ch_layout.order == AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC;
            if unspecified || av_channel_layout_check(&(*raw).ch_layout) == 0 {
                av_channel_layout_default(&mut known, (*raw).ch_layout.nb_channels.max(1));
            } else {
                check(av_channel_layout_copy(&mut known, &(*raw).ch_layout))?;
            }
            let mut stereo: AVChannelLayout = std::mem::zeroed();
            av_channel_layout_default(&mut stereo, 2);
            let code = swr_alloc_set_opts2(
                &mut resampler.context,
                &mut stereo,
                AVSampleFormat::AV_SAMPLE_FMT_FLT,
                rate as c_int,
                &mut known,
                format,
                (*raw).sample_rate,
                0,
                ptr::null_mut(),
            );
            av_channel_layout_uninit(&mut known);
            check(code)?;
            // Even where the rates are equal: starting to compensate then makes no seam.
            let flags = i64::from(SWR_FLAG_RESAMPLE);
            check(av_opt_set_int(resampler.context.cast(), c"flags".as_ptr(), flags, 0))?;
            check(swr_init(resampler.context))?;
            Ok(resampler)
        }
    }

    /// Whether `frame` is of the kind that this was made for.
    pub(crate) fn fits(&self, frame: &frame::Audio) -> bool {
        // SAFETY: the frame and the layout are alive for the call.
        unsafe {
            let raw = frame.as_ptr();
            (*raw).format == self.from_format
                && (*raw).sample_rate == self.from_rate
                && av_channel_layout_compare(&(*raw).ch_layout, &self.from_layout) == 0
        }
    }

    /// Samples that have gone in and not come out, at the output's rate.
    pub(crate) fn delay(&self) -> i64 {
        // SAFETY: the context is initialized.
        unsafe { swr_get_delay(self.context, i64::from(self.rate)) }
    }

    /// From now on a second that comes out has so many samples more, or fewer if negative. It is to be told again
    /// with each frame: after a second without, it is forgotten.
    pub(crate) fn compensate(&mut self, samples: i32) -> Result<(), Error> {
        if samples == 0 && self.compensation == 0 {
            return Ok(());
        }
        self.compensation = samples;
        let distance = if samples == 0 { 0 } else { self.rate as c_int };
        // SAFETY: the context is initialized.
        unsafe { check(swr_set_compensation(self.context, samples, distance)) }.map(drop)
    }

    /// Converts `frame`, which [fits](Self::fits), and replaces `out` by what comes of it.
    pub(crate) fn convert(&mut self, frame: &frame::Audio, out: &mut Vec<[f32; 2]>) -> Result<(), Error> {
        out.clear();
        if !self.fits(frame) {
            return Err(Error::InputChanged);
        }
        // SAFETY: the frame has as many planes and samples as its fields say, and they are those
        // that the context was made for. `out` has room for as many samples as are asked for, each
        // two floats without padding between them, and grows only by those that were written.
        unsafe {
            let raw = frame.as_ptr();
            let room = check(swr_get_out_samples(self.context, (*raw).nb_samples))?;
            out.try_reserve(room as usize).map_err(|_| Error::Other { errno: ENOMEM })?;
            let mut target = out.as_mut_ptr().cast::<u8>();
            let written = check(swr_convert(
                self.context,
                &mut target,
                room,
                (*raw).extended_data.cast::<*const u8>(),
                (*raw).nb_samples,
            ))?;
            out.set_len(written as usize);
        }
        Ok(())
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        // SAFETY: both are owned, and null or empty at worst, which libav accepts.
        unsafe {
            swr_free(&mut self.context);
            av_channel_layout_uninit(&mut self.from_layout);
        }
    }
}

/// The sample format with this number, if it is one that can be converted.
fn sample_format(number: c_int) -> Option<AVSampleFormat> {
    use AVSampleFormat::*;
    [
        AV_SAMPLE_FMT_U8,
        AV_SAMPLE_FMT_S16,
        AV_SAMPLE_FMT_S32,
        AV_SAMPLE_FMT_FLT,
        AV_SAMPLE_FMT_DBL,
        AV_SAMPLE_FMT_U8P,
        AV_SAMPLE_FMT_S16P,
        AV_SAMPLE_FMT_S32P,
        AV_SAMPLE_FMT_FLTP,
        AV_SAMPLE_FMT_DBLP,
    ]
    .into_iter()
    .find(|format| *format as c_int == number)
}
