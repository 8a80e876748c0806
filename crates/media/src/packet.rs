use bytes::Bytes;

use crate::{AudioConfig, Timestamp, VideoConfig};

/// Which elementary stream of a broadcast something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Track {
    /// The picture.
    Video,
    /// The sound.
    Audio,
}

/// One coded access unit: a picture, or an audio frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Which elementary stream it belongs to.
    pub track: Track,
    /// When it is shown.
    pub pts: Timestamp,
    /// When it is decoded; differs from `pts` only where pictures are reordered.
    pub dts: Timestamp,
    /// Whether decoding can start here; always true for audio.
    pub is_keyframe: bool,
    /// The coded bytes, framed as the track's configuration says.
    pub data: Bytes,
}

/// What an ingest yields and what a transcoder takes and yields: a track's configuration, each
/// time that it is set or changes, and the packets that it applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// The video packets that follow are coded so.
    Video(VideoConfig),
    /// The audio packets that follow are coded so.
    Audio(AudioConfig),
    /// The next access unit.
    Packet(Packet),
}
