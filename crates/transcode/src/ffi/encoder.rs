use std::ffi::c_int;
use std::{ptr, slice};

use bytes::Bytes;
use ffmpeg_next::codec::{Context, Id, threading};
use ffmpeg_next::ffi::{
    AVChannelLayout, AVCodecContext, AVColorPrimaries, AVColorRange, AVColorSpace,
    AVColorTransferCharacteristic, AVSampleFormat, av_channel_layout_default, avcodec_open2,
};
use ffmpeg_next::{Codec, Dictionary, Error, Frame, Packet, Rational, encoder, format, frame};
use media::{FrameRate, TICKS_PER_SECOND};

use super::{Colors, check, is_drained};

/// One coded access unit, in its encoder's time base.
pub(crate) struct Coded {
    /// The coded bytes.
    pub(crate) data: Bytes,
    /// When it is shown.
    pub(crate) pts: i64,
    /// Whether decoding can start here.
    pub(crate) is_keyframe: bool,
}

/// What an encoder must know of the pictures that it will be given.
pub(crate) struct VideoFormat {
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// Nominal: timestamps decide when pictures are shown, but bits are shared out by it.
    pub(crate) frame_rate: FrameRate,
    /// Always limited range.
    pub(crate) colors: Colors,
}

/// Numbers that libav knows every encoder by.
pub(crate) struct Rates {
    /// Bits a second.
    pub(crate) bitrate: u32,
    /// Bits a second.
    pub(crate) max_bitrate: u32,
    /// Bits.
    pub(crate) buffer_size: u32,
    /// Pictures after which the encoder makes a keyframe by itself.
    pub(crate) keyframe_limit: u32,
    /// Encoder threads.
    pub(crate) threads: usize,
    /// `level_idc` (ITU-T H.264 Annex A); the encoder's choice, if it is `None`.
    pub(crate) level: Option<u8>,
}

/// A libav video encoder in 4:2:0 with 8 bits, its time base 90 kHz.
pub(crate) struct VideoEncoder {
    encoder: encoder::video::Encoder,
}

/// libav's AAC encoder in stereo, its time base one sample.
pub(crate) struct AudioEncoder {
    encoder: encoder::audio::Encoder,
}

/// Why an encoder didn't open.
pub(crate) enum OpenError {
    /// It left this option over.
    UnknownOption(String),
    /// libav's own reason.
    Libav(Error),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Libav(error)
    }
}

impl VideoEncoder {
    /// Opens `codec` with its private `options`, all of which it must know.
    pub(crate) fn open(
        codec: Codec,
        format: &VideoFormat,
        rates: &Rates,
        options: &[(&str, &str)],
    ) -> Result<Self, OpenError> {
        let mut context = Context::new_with_codec(codec);
        context.set_threading(threading::Config::count(rates.threads));
        let mut video = context.encoder().video()?;
        video.set_width(format.width);
        video.set_height(format.height);
        video.set_format(format::Pixel::YUV420P);
        video.set_aspect_ratio(Rational::new(1, 1));
        video.set_time_base(Rational::new(1, TICKS_PER_SECOND as i32));
        video.set_frame_rate(Some(Rational::new(format.frame_rate.num as i32, format.frame_rate.den as i32)));
        video.set_bit_rate(rates.bitrate as usize);
        video.set_max_bit_rate(rates.max_bitrate as usize);
        video.set_gop(rates.keyframe_limit);
        // Without reordering, decode time is presentation time whatever the tuning.
        video.set_max_b_frames(0);
        // SAFETY: the context is alive and not yet open.
        unsafe {
            let raw = video.as_mut_ptr();
            (*raw).rc_buffer_size = c_int::try_from(rates.buffer_size).unwrap_or(c_int::MAX);
            if let Some(level) = rates.level {
                (*raw).level = level.into();
            }
            set_colors(raw, format.colors);
            open(raw, codec, options)?;
        }
        Ok(Self { encoder: encoder::video::Encoder(video) })
    }

    /// Encodes `picture`, which carries its timestamp and kind, and hands out what is ready.
    pub(crate) fn encode(&mut self, picture: &Frame, out: &mut dyn FnMut(Coded)) -> Result<(), Error> {
        self.encoder.send_frame(picture)?;
        drain(&mut self.encoder, out)
    }

    /// Hands out what the encoder still holds.
    pub(crate) fn finish(mut self, out: &mut dyn FnMut(Coded)) -> Result<(), Error> {
        self.encoder.send_eof()?;
        drain(&mut self.encoder, out)
    }
}

impl AudioEncoder {
    /// Samples of a frame, in each channel.
    pub(crate) const FRAME: usize = 1024;

    /// Opens libav's own AAC-LC encoder.
    pub(crate) fn open(bitrate: u32, rate: u32) -> Result<Self, Error> {
        let codec = encoder::find(Id::AAC).ok_or(Error::EncoderNotFound)?;
        let mut audio = Context::new_with_codec(codec).encoder().audio()?;
        audio.set_rate(rate as i32);
        audio.set_bit_rate(bitrate as usize);
        audio.set_time_base(Rational::new(1, rate as i32));
        // SAFETY: the context is alive and not yet open.
        unsafe {
            let raw = audio.as_mut_ptr();
            (*raw).sample_fmt = AVSampleFormat::AV_SAMPLE_FMT_FLTP;
            av_channel_layout_default(ptr::addr_of_mut!((*raw).ch_layout).cast::<AVChannelLayout>(), 2);
            check(avcodec_open2(raw, codec.as_ptr(), ptr::null_mut()))?;
        }
        Ok(Self { encoder: encoder::audio::Encoder(audio) })
    }

    /// The AudioSpecificConfig.
    pub(crate) fn config(&self) -> Bytes {
        // SAFETY: the encoder is open; libav owns the extradata and leaves it alone from then on.
        unsafe {
            let raw = self.encoder.as_ptr();
            if (*raw).extradata.is_null() {
                return Bytes::new();
            }
            let length = usize::try_from((*raw).extradata_size).unwrap_or(0);
            Bytes::copy_from_slice(slice::from_raw_parts((*raw).extradata, length))
        }
    }

    /// Encodes one frame, stamped with the number of its first sample. What comes out is stamped
    /// with the sample that *its decoding* begins with: the transform's overlap makes that a
    /// frame earlier.
    pub(crate) fn encode(&mut self, sound: &frame::Audio, out: &mut dyn FnMut(Coded)) -> Result<(), Error> {
        self.encoder.send_frame(sound)?;
        drain(&mut self.encoder, out)
    }

    /// Hands out what the encoder still holds.
    pub(crate) fn finish(mut self, out: &mut dyn FnMut(Coded)) -> Result<(), Error> {
        self.encoder.send_eof()?;
        drain(&mut self.encoder, out)
    }
}

pub(super) fn drain(encoder: &mut encoder::Encoder, out: &mut dyn FnMut(Coded)) -> Result<(), Error> {
    loop {
        let mut packet = Packet::empty();
        match encoder.receive_packet(&mut packet) {
            Ok(()) => out(Coded {
                data: Bytes::copy_from_slice(packet.data().unwrap_or_default()),
                pts: packet.pts().unwrap_or_default(),
                is_keyframe: packet.is_key(),
            }),
            Err(error) if is_drained(error) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Opens `raw` and makes sure that it took every option.
///
/// # Safety
/// `raw` must be a context for `codec` that isn't open.
unsafe fn open(raw: *mut AVCodecContext, codec: Codec, options: &[(&str, &str)]) -> Result<(), OpenError> {
    let dictionary: Dictionary = options.iter().collect();
    // SAFETY: the caller vouches for the context. libav replaces the dictionary by what it left
    // over, which is taken back and freed.
    let (code, left) = unsafe {
        let mut entries = dictionary.disown();
        let code = avcodec_open2(raw, codec.as_ptr(), &mut entries);
        (code, Dictionary::own(entries))
    };
    check(code)?;
    match left.iter().next() {
        Some((name, _)) => Err(OpenError::UnknownOption(name.to_owned())),
        None => Ok(()),
    }
}

/// States in the coded stream how its samples are to be understood.
///
/// # Safety
/// `raw` must be a context that isn't open.
unsafe fn set_colors(raw: *mut AVCodecContext, colors: Colors) {
    let known = |value: c_int, count: c_int| (0..count).contains(&value);
    // SAFETY: each integer is stored into an enumeration only if that enumeration has it, or
    // leaves a reserved gap that libav itself may store.
    unsafe {
        (*raw).color_range = AVColorRange::AVCOL_RANGE_MPEG;
        if known(colors.matrix, AVColorSpace::AVCOL_SPC_NB as c_int) {
            ptr::addr_of_mut!((*raw).colorspace).cast::<c_int>().write(colors.matrix);
        }
        if known(colors.primaries, AVColorPrimaries::AVCOL_PRI_NB as c_int) {
            ptr::addr_of_mut!((*raw).color_primaries).cast::<c_int>().write(colors.primaries);
        }
        if known(colors.transfer, AVColorTransferCharacteristic::AVCOL_TRC_NB as c_int) {
            ptr::addr_of_mut!((*raw).color_trc).cast::<c_int>().write(colors.transfer);
        }
    }
}
