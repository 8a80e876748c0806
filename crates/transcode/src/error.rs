use ffmpeg_next::error::ENOMEM;
use media::{AudioCodec, VideoCodec};

/// Why a broadcast can't be transcoded.
///
/// Damaged input is no error: it is counted in [`Stats`](crate::Stats) and passed over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options contradict each other or are out of range.
    #[error("transcoder option `{option}`: {reason}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// This libav has no such encoder.
    #[error("unknown encoder `{name}`: `ffmpeg -encoders` lists those that the installed libav has")]
    UnknownEncoder {
        /// Its name.
        name: String,
    },
    /// The encoder doesn't make what segments are made of.
    #[error("encoder `{name}` does not produce H.264")]
    NotH264 {
        /// Its name.
        name: String,
    },
    /// The encoder can't be opened with these settings.
    #[error("encoder `{name}` cannot be opened ({settings}): {source}")]
    OpenEncoder {
        /// Its name.
        name: String,
        /// What was asked of it.
        settings: String,
        /// libav's answer.
        source: ffmpeg_next::Error,
    },
    /// The encoder has no option of that name.
    #[error("encoder `{name}` does not know the option `{option}`")]
    UnknownEncoderOption {
        /// The encoder's name.
        name: String,
        /// The option that it left over.
        option: String,
    },
    /// This libav has no decoder for the publisher's video.
    #[error("the installed libav cannot decode {codec:?} video")]
    NoVideoDecoder {
        /// The publisher's codec.
        codec: VideoCodec,
    },
    /// This libav has no decoder for the publisher's audio.
    #[error("the installed libav cannot decode {codec:?} audio")]
    NoAudioDecoder {
        /// The publisher's codec.
        codec: AudioCodec,
    },
    /// The slate is of no kind that can be shown.
    #[error("it is neither a PNG nor a JPEG file")]
    UnknownImage,
    /// The slate is damaged.
    #[error("it cannot be decoded: {source}")]
    DamagedImage {
        /// libav's answer.
        source: ffmpeg_next::Error,
    },
    /// libav failed at something that damaged input can't cause.
    #[error("libav could not {operation}: {source}")]
    Libav {
        /// What it was asked to do.
        operation: &'static str,
        /// libav's answer.
        source: ffmpeg_next::Error,
    },
}

/// Names what libav was asked to do when it failed.
pub(crate) fn libav(operation: &'static str) -> impl Fn(ffmpeg_next::Error) -> Error {
    move |source| Error::Libav { operation, source }
}

/// Damaged input is survived; a machine without memory is not.
pub(crate) fn refuse_out_of_memory(operation: &'static str, source: ffmpeg_next::Error) -> Result<(), Error> {
    match source {
        ffmpeg_next::Error::Other { errno: ENOMEM } => Err(Error::Libav { operation, source }),
        _ => Ok(()),
    }
}
