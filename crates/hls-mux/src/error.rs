use media::{AudioCodec, MediaDuration, Timestamp, Track, VideoCodec};

/// What is wrong with a media event. Nothing of that event is written; the segmenter goes on with
/// the next one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// MPEG-TS segments of this crate carry H.264 only.
    #[error("video is coded in {0:?}; MPEG-TS segments carry H.264: transcode it")]
    UnsupportedVideo(VideoCodec),
    /// MPEG-TS segments of this crate carry AAC only.
    #[error("audio is coded in {0:?}; MPEG-TS segments carry AAC: transcode it")]
    UnsupportedAudio(AudioCodec),
    /// The video configuration is no `avcC` record (ISO/IEC 14496-15 §5.3.3.1) and no Annex B stream.
    #[error("the H.264 configuration ends early or is malformed, at byte {offset}")]
    VideoConfig {
        /// Where reading it failed.
        offset: usize,
    },
    /// The audio configuration is no AudioSpecificConfig that ADTS can express.
    #[error("the AudioSpecificConfig {reason}")]
    AudioConfig {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A packet came before the configuration of its track.
    #[error("a {track:?} packet at {pts} comes before its track's configuration")]
    NoConfig {
        /// The packet's track.
        track: Track,
        /// The packet's presentation time.
        pts: Timestamp,
    },
    /// An access unit's NAL units don't add up to its length.
    #[error("the access unit at {pts} is malformed, at byte {offset} of {length}")]
    AccessUnit {
        /// The packet's presentation time.
        pts: Timestamp,
        /// Where reading it failed.
        offset: usize,
        /// How long it is.
        length: usize,
    },
    /// An access unit without a slice.
    #[error("the access unit at {pts} holds no picture")]
    NoPicture {
        /// The packet's presentation time.
        pts: Timestamp,
    },
    /// Neither the IDR picture nor anything before it brings the parameter sets to decode it with.
    #[error("the IDR picture at {pts} has no SPS and PPS, and the configuration has none")]
    NoParameterSets {
        /// The packet's presentation time.
        pts: Timestamp,
    },
    /// A packet is larger than a segment, or than an ADTS frame, may be.
    #[error("the {track:?} packet at {pts} has {length} bytes; {limit} fit")]
    TooLarge {
        /// The packet's track.
        track: Track,
        /// The packet's presentation time.
        pts: Timestamp,
        /// Its size in bytes.
        length: usize,
        /// What fits.
        limit: usize,
    },
    /// A track's decoding times must grow.
    #[error("the {track:?} packet at {dts} comes {behind} behind the one before it")]
    Backwards {
        /// The packet's track.
        track: Track,
        /// Its decoding time.
        dts: Timestamp,
        /// How far behind; zero if the times are equal.
        behind: MediaDuration,
    },
    /// A picture would be shown before it is decoded.
    #[error("the picture at {dts} is to be shown at {pts}, before it is decoded")]
    ShownBeforeDecoded {
        /// When it is shown.
        pts: Timestamp,
        /// When it is decoded.
        dts: Timestamp,
    },
    /// The transport stream writer refused a packet.
    #[error("the transport stream packet can't be written")]
    Ts(#[from] mpeg2ts::Error),
}
