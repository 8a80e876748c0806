use bytes::Bytes;

/// How pictures are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// H.264 / AVC.
    H264,
    /// H.265 / HEVC.
    Hevc,
    /// AV1.
    Av1,
    /// VP9.
    Vp9,
}

/// How sound is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// AAC, with an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    Aac,
    /// MPEG-1 or MPEG-2 layer III.
    Mp3,
    /// Opus (RFC 6716).
    Opus,
    /// FLAC.
    Flac,
    /// Dolby Digital.
    Ac3,
    /// Dolby Digital Plus.
    Eac3,
}

/// Pictures in a second, as an exact fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameRate {
    /// Numerator: pictures …
    pub num: u32,
    /// … in so many seconds. Never 0.
    pub den: u32,
}

/// What a decoder or a muxer needs to know of a video track before its first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoConfig {
    /// How pictures are coded.
    pub codec: VideoCodec,
    /// The codec's out-of-band configuration.
    ///
    /// When it is a configuration record of ISO/IEC 14496-15 (`avcC`, `hvcC`), packets are
    /// length-prefixed as the record says. When it is empty, or starts with an Annex B start
    /// code, packets are Annex B byte streams (ITU-T H.264 Annex B).
    pub extradata: Bytes,
    /// Width in pixels; 0 where it isn't known yet.
    pub width: u32,
    /// Height in pixels; 0 where it isn't known yet.
    pub height: u32,
    /// Nominal picture rate, where it is known. A hint: timestamps decide.
    pub frame_rate: Option<FrameRate>,
}

/// What a decoder or a muxer needs to know of an audio track before its first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioConfig {
    /// How sound is coded.
    pub codec: AudioCodec,
    /// The codec's out-of-band configuration: the AudioSpecificConfig for AAC, `OpusHead`,
    /// `STREAMINFO` …; empty for codecs that carry everything in each frame, such as MP3.
    pub extradata: Bytes,
    /// Samples in a second; 0 where it isn't known yet.
    pub sample_rate: u32,
    /// Channels; 0 where it isn't known yet.
    pub channels: u8,
}

impl FrameRate {
    /// The rate in Hz; for printing and for gauges.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den.max(1))
    }
}
