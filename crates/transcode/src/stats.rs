/// What a [`Transcoder`](crate::Transcoder) has done since it was made. Counters only grow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// The picture.
    pub video: VideoStats,
    /// The sound.
    pub audio: AudioStats,
    /// How often a publisher's clock jumped by more than ten seconds.
    pub timestamp_jumps: u64,
}

/// What became of the pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VideoStats {
    /// Packets taken in.
    pub packets: u64,
    /// Pictures decoded.
    pub decoded: u64,
    /// Pictures encoded, repeated ones included.
    pub encoded: u64,
    /// Keyframes among the encoded pictures.
    pub keyframes: u64,
    /// Decoded pictures left out: too many a second, or behind what was already produced.
    pub dropped: u64,
    /// Pictures left out, decoded or not, because the machine can't keep up.
    pub skipped: u64,
    /// Pictures shown again because none came.
    pub repeated: u64,
    /// Packets and pictures that the decoder refused.
    pub decode_errors: u64,
    /// Packets before the first keyframe, or with no configuration to decode them by.
    pub undecodable: u64,
    /// Coded bytes produced.
    pub bytes: u64,
    /// Size of the last decoded picture; `None` before there is one.
    pub input_size: Option<(u32, u32)>,
    /// Size of the produced picture; `None` before there is one.
    pub output_size: Option<(u32, u32)>,
    /// The encoder's preset in force; empty if it has none, or before there is a picture.
    pub preset: String,
    /// Picture rate of the input, measured from its timestamps.
    pub input_frame_rate: Option<f64>,
}

/// What became of the sound. Samples are counted in a channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AudioStats {
    /// Packets taken in.
    pub packets: u64,
    /// Samples decoded, at the input's rate.
    pub decoded_samples: u64,
    /// Frames encoded.
    pub encoded: u64,
    /// Samples of silence put in where none came.
    pub filled_samples: u64,
    /// Samples left out: behind what was already produced.
    pub dropped_samples: u64,
    /// Packets and frames that the decoder refused.
    pub decode_errors: u64,
    /// Packets with no configuration to decode them by.
    pub undecodable: u64,
    /// Coded bytes produced.
    pub bytes: u64,
    /// Samples a second of the input; `None` before anything was decoded.
    pub input_sample_rate: Option<u32>,
    /// Channels of the input; `None` before anything was decoded.
    pub input_channels: Option<u32>,
}
