//! The headers of audio and video tags, legacy and enhanced, down to the codec's own bytes.

use std::fmt;

use bytes::{Buf, Bytes};
use media::{AudioCodec, VideoCodec};

use crate::message::kept_alone;

/// Enhanced RTMP allows chains of modifiers; nobody needs a long one.
const MAX_MODIFIERS: usize = 32;
const FRAME_TYPE_KEY: u8 = 1;
const FRAME_TYPE_COMMAND: u8 = 5;

/// One tag, stripped to what its codec defines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) codec: Codec,
    pub(super) kind: TagKind,
    /// What the tag's header claims; audio always is.
    pub(super) is_keyframe: bool,
    pub(super) nanos: u32,
    pub(super) body: Bytes,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum TagKind {
    /// A decoder configuration.
    Config,
    /// An access unit.
    Frame { composition_millis: i32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Video(VideoCodec),
    Audio(AudioCodec),
}

/// Why a message yields nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// It holds no media: an end of sequence, a seek command, HDR metadata, no bytes at all.
    Nothing,
    /// It is of a track other than the first.
    ExtraTrack,
    /// It ends within its header.
    Truncated,
    /// Its codec isn't one of ours.
    Unsupported(CodecName),
}

/// A codec's name on the wire.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CodecName {
    Legacy(u8),
    FourCc([u8; 4]),
}

impl fmt::Display for CodecName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Legacy(id) => write!(f, "FLV codec {id}"),
            Self::FourCc(name) => write!(f, "FourCC {}", name.escape_ascii()),
        }
    }
}

#[derive(Clone, Copy)]
enum Media {
    Video { is_command: bool },
    Audio,
}

/// What an enhanced header leads to.
struct Enhanced {
    packet_type: u8,
    four_cc: [u8; 4],
    nanos: u32,
    body: Bytes,
}

/// Reads the header of a video tag.
pub(super) fn video(message: &Bytes) -> Result<Tag, Skip> {
    const IS_ENHANCED: u8 = 0x80;
    let mut body = message.clone();
    let first = body.try_get_u8().map_err(|_| Skip::Nothing)?;
    let frame_type = first >> 4 & 7;
    if first & IS_ENHANCED == 0 {
        if frame_type == FRAME_TYPE_COMMAND {
            return Err(Skip::Nothing);
        }
        return legacy_video(first & 0xF, frame_type == FRAME_TYPE_KEY, body);
    }
    let enhanced =
        enhanced(first & 0xF, Media::Video { is_command: frame_type == FRAME_TYPE_COMMAND }, body)?;
    let codec = match &enhanced.four_cc {
        b"avc1" => VideoCodec::H264,
        b"hvc1" => VideoCodec::Hevc,
        b"av01" => VideoCodec::Av1,
        b"vp09" => VideoCodec::Vp9,
        _ => return Err(Skip::Unsupported(CodecName::FourCc(enhanced.four_cc))),
    };
    let mut body = enhanced.body;
    let kind = match enhanced.packet_type {
        0 => TagKind::Config,
        1 if matches!(codec, VideoCodec::H264 | VideoCodec::Hevc) => {
            TagKind::Frame { composition_millis: get_i24(&mut body)? }
        }
        1 | 3 => TagKind::Frame { composition_millis: 0 },
        _ => return Err(Skip::Nothing),
    };
    if body.is_empty() {
        return Err(Skip::Nothing);
    }
    let is_keyframe = frame_type == FRAME_TYPE_KEY;
    Ok(Tag { codec: Codec::Video(codec), kind, is_keyframe, nanos: enhanced.nanos, body })
}

fn legacy_video(codec: u8, is_keyframe: bool, mut body: Bytes) -> Result<Tag, Skip> {
    let codec = match codec {
        7 => VideoCodec::H264,
        12 => VideoCodec::Hevc, // never standardized, and widespread
        other => return Err(Skip::Unsupported(CodecName::Legacy(other))),
    };
    let packet_type = body.try_get_u8().map_err(|_| Skip::Nothing)?;
    let composition_millis = get_i24(&mut body)?;
    let kind = match packet_type {
        0 => TagKind::Config,
        1 if !body.is_empty() => TagKind::Frame { composition_millis },
        _ => return Err(Skip::Nothing),
    };
    Ok(Tag { codec: Codec::Video(codec), kind, is_keyframe, nanos: 0, body })
}

/// Reads the header of an audio tag.
pub(super) fn audio(message: &Bytes) -> Result<Tag, Skip> {
    const IS_ENHANCED: u8 = 9;
    let mut body = message.clone();
    let first = body.try_get_u8().map_err(|_| Skip::Nothing)?;
    if first >> 4 != IS_ENHANCED {
        return legacy_audio(first >> 4, body);
    }
    let enhanced = enhanced(first & 0xF, Media::Audio, body)?;
    let codec = match &enhanced.four_cc {
        b"mp4a" => AudioCodec::Aac,
        b".mp3" => AudioCodec::Mp3,
        b"Opus" => AudioCodec::Opus,
        b"fLaC" => AudioCodec::Flac,
        b"ac-3" => AudioCodec::Ac3,
        b"ec-3" => AudioCodec::Eac3,
        _ => return Err(Skip::Unsupported(CodecName::FourCc(enhanced.four_cc))),
    };
    let kind = match enhanced.packet_type {
        0 => TagKind::Config,
        1 if !enhanced.body.is_empty() => TagKind::Frame { composition_millis: 0 },
        _ => return Err(Skip::Nothing),
    };
    let (nanos, body) = (enhanced.nanos, enhanced.body);
    Ok(Tag { codec: Codec::Audio(codec), kind, is_keyframe: true, nanos, body })
}

fn legacy_audio(codec: u8, mut body: Bytes) -> Result<Tag, Skip> {
    let (codec, is_config) = match codec {
        10 => (AudioCodec::Aac, body.try_get_u8().map_err(|_| Skip::Nothing)? == 0),
        2 | 14 => (AudioCodec::Mp3, false),
        other => return Err(Skip::Unsupported(CodecName::Legacy(other))),
    };
    if body.is_empty() && !is_config {
        return Err(Skip::Nothing);
    }
    let kind = if is_config { TagKind::Config } else { TagKind::Frame { composition_millis: 0 } };
    Ok(Tag { codec: Codec::Audio(codec), kind, is_keyframe: true, nanos: 0, body })
}

/// Reads what audio and video have in common: modifiers, FourCC, and the way to the first track.
///
/// Audio's multitrack type is 5 and video's is 6; video's 5, an MPEG-2 TS sequence start, means
/// nothing for our codecs.
fn enhanced(packet_type: u8, media: Media, mut body: Bytes) -> Result<Enhanced, Skip> {
    const VIDEO_METADATA: u8 = 4;
    const ONE_TRACK: u8 = 0;
    const MANY_CODECS: u8 = 2;

    let (packet_type, nanos) = modifiers(packet_type, &mut body)?;
    let is_multitrack = match media {
        Media::Video { is_command } if is_command || packet_type == VIDEO_METADATA => {
            return Err(Skip::Nothing);
        }
        Media::Video { .. } => packet_type == 6,
        Media::Audio => packet_type == 5,
    };
    if !is_multitrack {
        let four_cc = get_four_cc(&mut body)?;
        return Ok(Enhanced { packet_type, four_cc, nanos, body });
    }
    let whole = body.len();
    let kinds = get_u8(&mut body)?;
    let (multitrack_type, packet_type) = (kinds >> 4, kinds & 0xF);
    let mut four_cc = if multitrack_type == MANY_CODECS { [0; 4] } else { get_four_cc(&mut body)? };
    while !body.is_empty() {
        if multitrack_type == MANY_CODECS {
            four_cc = get_four_cc(&mut body)?;
        }
        let track = get_u8(&mut body)?;
        let length = if multitrack_type == ONE_TRACK { body.len() } else { get_u24(&mut body)? as usize };
        let body = split(&mut body, length)?;
        if track == 0 {
            let body = kept_alone(body, whole);
            return Ok(Enhanced { packet_type, four_cc, nanos, body });
        }
    }
    Err(Skip::ExtraTrack)
}

/// Reads the chain of modifiers (ModEx) before a packet type; that type, and the nanoseconds.
fn modifiers(mut packet_type: u8, body: &mut Bytes) -> Result<(u8, u32), Skip> {
    const MODIFIER: u8 = 7;
    const TIMESTAMP_OFFSET_NANO: u8 = 0;
    let mut nanos = 0;
    let mut budget = MAX_MODIFIERS;
    while packet_type == MODIFIER {
        budget = budget.checked_sub(1).ok_or(Skip::Truncated)?;
        let mut length = usize::from(get_u8(body)?) + 1;
        if length == 256 {
            length = usize::from(body.try_get_u16().map_err(|_| Skip::Truncated)?) + 1;
        }
        let mut data = split(body, length)?;
        let kinds = get_u8(body)?;
        if kinds >> 4 == TIMESTAMP_OFFSET_NANO {
            nanos = get_u24(&mut data)?;
        }
        packet_type = kinds & 0xF;
    }
    Ok((packet_type, nanos))
}

fn get_u8(body: &mut Bytes) -> Result<u8, Skip> {
    body.try_get_u8().map_err(|_| Skip::Truncated)
}

fn get_u24(body: &mut Bytes) -> Result<u32, Skip> {
    let bytes = split(body, 3)?;
    Ok(u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]))
}

fn get_i24(body: &mut Bytes) -> Result<i32, Skip> {
    Ok((get_u24(body)? << 8).cast_signed() >> 8)
}

fn get_four_cc(body: &mut Bytes) -> Result<[u8; 4], Skip> {
    body.try_get_u32().map(u32::to_be_bytes).map_err(|_| Skip::Truncated)
}

fn split(body: &mut Bytes, length: usize) -> Result<Bytes, Skip> {
    if body.len() < length { Err(Skip::Truncated) } else { Ok(body.split_to(length)) }
}
