use media::{AudioCodec, MediaDuration, Timestamp, Track, VideoCodec};

/// What is wrong with a media event, or with the file's index. Nothing of such an event is written;
/// the writer goes on with the next one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Recordings carry H.264 only.
    #[error("video is coded in {0:?}; a recording carries H.264: transcode it")]
    UnsupportedVideo(VideoCodec),
    /// Recordings carry AAC only.
    #[error("audio is coded in {0:?}; a recording carries AAC: transcode it")]
    UnsupportedAudio(AudioCodec),
    /// The H.264 configuration cannot be read.
    #[error("the H.264 configuration is malformed: {reason}")]
    VideoConfig {
        /// What is wrong.
        reason: String,
    },
    /// The AAC configuration lacks its AudioSpecificConfig or its sample rate.
    #[error("the AAC configuration has no AudioSpecificConfig or no sample rate")]
    AudioConfig,
    /// A packet came before its track's configuration.
    #[error("a packet of the {track:?} track at {pts:?} came before its configuration")]
    Unconfigured {
        /// Of which track.
        track: Track,
        /// When it is shown.
        pts: Timestamp,
    },
    /// An access unit's lengths lead past its end, or it is empty.
    #[error("the access unit at {pts:?} is malformed, at byte {offset} of {length}")]
    AccessUnit {
        /// When it is shown.
        pts: Timestamp,
        /// Where.
        offset: usize,
        /// How long it is.
        length: usize,
    },
    /// A packet isn't later than the one before it.
    #[error("a packet of the {track:?} track at {dts:?} is {behind:?} behind the one before")]
    Backwards {
        /// Of which track.
        track: Track,
        /// When it is decoded.
        dts: Timestamp,
        /// By how much.
        behind: MediaDuration,
    },
    /// A packet is so much later than the one before it that the sample table has no number for it.
    #[error("a packet of the {track:?} track comes {gap:?} after the one before")]
    Gap {
        /// Of which track.
        track: Track,
        /// How long the gap is.
        gap: MediaDuration,
    },
    /// The track's configuration changed more often than a file can say.
    #[error("the {0:?} track changed its configuration too often")]
    Descriptions(Track),
    /// The index could not be written.
    #[error("the index cannot be written: {0}")]
    Index(#[from] mp4_atom::Error),
}
