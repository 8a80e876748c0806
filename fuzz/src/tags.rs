//! A sequence of audio and video messages as bytes.

use bytes::Bytes;
use media::Track;

const HEADER_LEN: usize = 7;

/// Reads messages: track (1 byte), time (4), length (2), content. The last may be cut off.
pub fn read(mut bytes: &[u8]) -> Vec<(Track, u32, Bytes)> {
    let mut tags = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() {
        let track = if header[0] & 1 == 0 { Track::Video } else { Track::Audio };
        let millis = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        let length = usize::from(u16::from_be_bytes([header[5], header[6]])).min(rest.len());
        let (body, rest) = rest.split_at(length);
        tags.push((track, millis, Bytes::copy_from_slice(body)));
        bytes = rest;
    }
    tags
}

/// Writes one message as [`read`] reads it.
pub fn write(out: &mut Vec<u8>, track: Track, millis: u32, body: &[u8]) {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    out.push(u8::from(track == Track::Audio));
    out.extend_from_slice(&millis.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&body[..length.into()]);
}
