use std::ffi::c_int;
use std::ptr;

use bytes::Bytes;
use ffmpeg_next::codec::{Context, Id, threading};
use ffmpeg_next::decoder::Opened;
use ffmpeg_next::error::ENOMEM;
use ffmpeg_next::ffi::{AV_CODEC_FLAG_LOW_DELAY, AV_INPUT_BUFFER_PADDING_SIZE, av_mallocz};
use ffmpeg_next::{Codec, Discard, Error, Frame, Packet, Rational};
use media::{FrameRate, TICKS_PER_SECOND};

use crate::DecodeSkip;

/// Pixels of the largest picture that is decoded: 8K. libav checks it before it allocates.
const MAX_PIXELS: i64 = 7680 * 4320;

/// A libav decoder that gives a frame out as early as the coding order allows.
pub(crate) struct Decoder {
    opened: Opened,
}

impl Decoder {
    /// Opens `codec`, with `extradata` as a container would carry it and timestamps at 90 kHz.
    pub(crate) fn open(codec: Codec, extradata: &Bytes) -> Result<Self, Error> {
        let mut context = Context::new_with_codec(codec);
        // Frame threads would each hold a picture back.
        context.set_threading(threading::Config::count(1));
        // SAFETY: the context is alive and not yet open. libav takes ownership of the extradata,
        // which is allocated by its allocator and followed by zeroed padding, as it asks.
        unsafe {
            let raw = context.as_mut_ptr();
            if raw.is_null() {
                return Err(Error::Other { errno: ENOMEM });
            }
            (*raw).max_pixels = MAX_PIXELS;
            (*raw).pkt_timebase = Rational::new(1, TICKS_PER_SECOND as i32).into();
            if codec.id() == Id::AV1 {
                // dav1d would otherwise look ahead; H.264 must not have it, since it reorders.
                (*raw).flags |= AV_CODEC_FLAG_LOW_DELAY as c_int;
            }
            if !extradata.is_empty() {
                let size = c_int::try_from(extradata.len()).map_err(|_| Error::InvalidData)?;
                let copy = av_mallocz(extradata.len() + AV_INPUT_BUFFER_PADDING_SIZE as usize).cast::<u8>();
                if copy.is_null() {
                    return Err(Error::Other { errno: ENOMEM });
                }
                ptr::copy_nonoverlapping(extradata.as_ptr(), copy, extradata.len());
                (*raw).extradata = copy;
                (*raw).extradata_size = size;
            }
        }
        Ok(Self { opened: context.decoder().open_as(codec)? })
    }

    /// What isn't decoded of the access units that follow. All but keyframes is left out by not handing them in: not
    /// every decoder of libav can.
    pub(crate) fn skip(&mut self, skip: DecodeSkip) {
        let from = |step, discard| if skip >= step { discard } else { Discard::Default };
        self.opened.skip_loop_filter(from(DecodeSkip::LoopFilter, Discard::All));
        self.opened.skip_frame(from(DecodeSkip::NonReference, Discard::NonReference));
    }

    /// Hands one access unit in. Frames must be received until there are none before the next.
    pub(crate) fn send(&mut self, data: &[u8], pts: i64, dts: i64) -> Result<(), Error> {
        if data.is_empty() {
            // To libav an empty packet means the end of the stream.
            return Err(Error::InvalidData);
        }
        let mut packet = Packet::copy(data);
        packet.set_pts(Some(pts));
        packet.set_dts(Some(dts));
        self.opened.send_packet(&packet)
    }

    /// The end: what is still held for reordering comes out.
    pub(crate) fn send_end(&mut self) -> Result<(), Error> {
        self.opened.send_eof()
    }

    /// Takes the next frame out, if there is one.
    pub(crate) fn receive(&mut self, frame: &mut Frame) -> Result<(), Error> {
        self.opened.receive_frame(frame)
    }

    /// Forgets all references; decoding starts anew with the next keyframe.
    pub(crate) fn flush(&mut self) {
        self.opened.flush();
    }

    /// The picture rate that the stream's own headers state.
    pub(crate) fn frame_rate(&self) -> Option<FrameRate> {
        let rate = self.opened.frame_rate()?;
        let num = u32::try_from(rate.numerator()).ok()?;
        let den = u32::try_from(rate.denominator()).ok()?;
        (num > 0 && den > 0).then_some(FrameRate { num, den })
    }
}
