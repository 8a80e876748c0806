//! Audio and video messages to packets: the tag bodies of FLV (Adobe FLV 10.1, Annex E) and of
//! enhanced RTMP v2.
//!
//! Nothing leaves here unchecked: a codec configuration must parse and describe a picture or a
//! sound within the limits, and the lengths inside an access unit must add up. What fails is
//! dropped and counted, and never ends the session; after a rejected configuration the track is
//! silent until a good one comes, since its access units can't be framed.

mod audio;
mod av1;
mod avc;
mod bits;
mod chroma;
mod hevc;
mod length_prefixed;
mod sps;
mod tag;
mod video;
mod vp9;

use bytes::Bytes;
use media::{AudioCodec, MediaEvent, Packet, Track, VideoCodec};

use crate::Stats;
use crate::timeline::{PacketTime, Timeline};
use tag::{Codec, Skip, Tag, TagKind};

/// Why a codec configuration is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// It ends early, or a length inside points past its end.
    #[error("it is truncated")]
    Truncated,
    /// A field has a value that the format doesn't have.
    #[error("its {0} can't be")]
    Invalid(&'static str),
    /// The picture is larger than the limit.
    #[error("its picture of {width}x{height} pixels is larger than the limit")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

/// Turns one publish's audio and video messages into media events.
#[derive(Debug)]
pub struct Demuxer {
    max_picture_dimension: u32,
    timeline: Timeline,
    video: TrackState,
    audio: TrackState,
}

#[derive(Debug, Default)]
struct TrackState {
    /// The configuration that is in force: what was announced last, and how its packets are framed.
    config: Option<(MediaEvent, Framing)>,
    /// So that a foreign codec or a bad configuration is reported once, not thirty times a second.
    is_codec_reported: bool,
    is_fault_reported: bool,
}

/// How an access unit is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// Into NAL units behind lengths of so many bytes.
    LengthPrefixed { length_size: usize },
    /// By the codec's own means, if at all.
    Plain,
}

impl Demuxer {
    /// A demuxer for one publish; pictures may be so many pixels wide or high.
    pub fn new(max_picture_dimension: u32) -> Self {
        Self {
            max_picture_dimension,
            timeline: Timeline::new(),
            video: TrackState::default(),
            audio: TrackState::default(),
        }
    }

    /// Takes one audio or video message; hands out what it yields.
    pub fn push(
        &mut self,
        track: Track,
        millis: u32,
        message: &Bytes,
        stats: &mut Stats,
        emit: impl FnMut(MediaEvent),
    ) {
        let tag = match track {
            Track::Video => tag::video(message),
            Track::Audio => tag::audio(message),
        };
        match tag {
            Ok(tag) => self.push_tag(tag, millis, stats, emit),
            Err(Skip::Nothing) => {}
            Err(Skip::ExtraTrack) => stats.extra_track_media += 1,
            Err(Skip::Truncated) => stats.corrupt_access_units += 1,
            Err(Skip::Unsupported(codec)) => {
                stats.unsupported_media += 1;
                if !std::mem::replace(&mut self.track(track).is_codec_reported, true) {
                    tracing::warn!(?track, %codec, "the publisher sends a codec that isn't supported");
                }
            }
        }
        stats.timestamp_jumps = self.timeline.jumps();
        stats.timestamps_held = self.timeline.held();
    }

    fn push_tag(&mut self, tag: Tag, millis: u32, stats: &mut Stats, mut emit: impl FnMut(MediaEvent)) {
        let track = tag.codec.track();
        match tag.kind {
            // Their frames say all there is to know; FFmpeg sends an empty header nevertheless.
            TagKind::Config if tag.codec.is_self_describing() => {}
            TagKind::Config => match self.read_config(&tag) {
                Ok((config, framing)) => self.configure(track, config, framing, &mut emit),
                Err(fault) => {
                    let state = self.track(track);
                    state.config = None;
                    if !std::mem::replace(&mut state.is_fault_reported, true) {
                        tracing::warn!(?track, codec = ?tag.codec, %fault, "a codec configuration was rejected");
                    }
                    stats.rejected_configs += 1;
                }
            },
            TagKind::Frame { composition_millis } => {
                // Some codecs describe themselves in each frame.
                match self.config_in_frame(&tag) {
                    None => {}
                    Some(Ok((config, framing))) => self.configure(track, config, framing, &mut emit),
                    Some(Err(_)) => {
                        stats.corrupt_access_units += 1;
                        return;
                    }
                }
                let framing = match &self.track(track).config {
                    Some((config, framing)) if tag.codec.is_of(config) => *framing,
                    _ => {
                        stats.unconfigured_access_units += 1;
                        return;
                    }
                };
                let Some(is_keyframe) = self.check_access_unit(&tag, framing) else {
                    stats.corrupt_access_units += 1;
                    return;
                };
                let time = PacketTime { millis, composition_millis, nanos: tag.nanos };
                let (pts, dts) = self.timeline.place(track, time);
                match track {
                    Track::Video => stats.video_packets += 1,
                    Track::Audio => stats.audio_packets += 1,
                }
                emit(MediaEvent::Packet(Packet { track, pts, dts, is_keyframe, data: tag.body }));
            }
        }
    }

    fn track(&mut self, track: Track) -> &mut TrackState {
        match track {
            Track::Video => &mut self.video,
            Track::Audio => &mut self.audio,
        }
    }

    /// Announces a configuration, unless it is the one in force: some encoders repeat theirs with
    /// each keyframe, and a decoder must not start anew for that.
    fn configure(
        &mut self,
        track: Track,
        config: MediaEvent,
        framing: Framing,
        emit: &mut impl FnMut(MediaEvent),
    ) {
        let state = self.track(track);
        if state.config.as_ref().is_none_or(|(in_force, _)| *in_force != config) {
            emit(config.clone());
        }
        state.config = Some((config, framing));
    }

    fn read_config(&self, tag: &Tag) -> Result<(MediaEvent, Framing), ConfigFault> {
        match tag.codec {
            Codec::Video(codec) => {
                let (config, framing) = video::read_config(codec, &tag.body, self.max_picture_dimension)?;
                Ok((MediaEvent::Video(config), framing))
            }
            Codec::Audio(codec) => {
                Ok((MediaEvent::Audio(audio::read_config(codec, &tag.body)?), Framing::Plain))
            }
        }
    }

    fn config_in_frame(&self, tag: &Tag) -> Option<Result<(MediaEvent, Framing), ConfigFault>> {
        match tag.codec {
            Codec::Audio(codec) if tag.codec.is_self_describing() => {
                let config = audio::config_of_frame(codec, &tag.body);
                Some(config.map(|config| (MediaEvent::Audio(config), Framing::Plain)))
            }
            // VP9 needs no configuration, and some senders give none.
            Codec::Video(VideoCodec::Vp9) if self.video.config.is_none() => {
                Some(Ok((MediaEvent::Video(video::unknown(VideoCodec::Vp9)), Framing::Plain)))
            }
            _ => None,
        }
    }

    /// Whether decoding can start at an access unit; `None` if it is corrupt.
    fn check_access_unit(&self, tag: &Tag, framing: Framing) -> Option<bool> {
        match tag.codec {
            Codec::Audio(_) => Some(true),
            Codec::Video(codec) => {
                let limit = self.max_picture_dimension;
                video::check_access_unit(codec, &tag.body, framing, limit, tag.is_keyframe)
            }
        }
    }
}

fn check_dimensions(width: u32, height: u32, limit: u32) -> Result<(), ConfigFault> {
    if width == 0 || height == 0 {
        Err(ConfigFault::Invalid("picture size"))
    } else if width > limit || height > limit {
        Err(ConfigFault::TooLarge { width, height })
    } else {
        Ok(())
    }
}

impl Codec {
    fn track(self) -> Track {
        match self {
            Self::Video(_) => Track::Video,
            Self::Audio(_) => Track::Audio,
        }
    }

    /// Whether each frame tells its own sample rate and channels.
    fn is_self_describing(self) -> bool {
        matches!(self, Self::Audio(AudioCodec::Mp3 | AudioCodec::Ac3 | AudioCodec::Eac3))
    }

    fn is_of(self, config: &MediaEvent) -> bool {
        match (self, config) {
            (Self::Video(codec), MediaEvent::Video(config)) => codec == config.codec,
            (Self::Audio(codec), MediaEvent::Audio(config)) => codec == config.codec,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
