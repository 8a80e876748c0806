use std::path::Path;

use crate::rtmp_client::message;

/// A message of audio, video or metadata, as an FLV file has it.
#[derive(Clone, Debug)]
pub struct Tag {
    /// The message type.
    pub type_id: u8,
    /// Milliseconds.
    pub timestamp: u32,
    /// The payload.
    pub data: Vec<u8>,
}

impl Tag {
    /// Whether it configures a decoder of H.264 or AAC.
    pub fn is_configuration(&self) -> bool {
        match self.type_id {
            8 => self.data[0] >> 4 == 10 && self.data[1] == 0,
            9 => self.data[0] & 0xF == 7 && self.data[1] == 0,
            _ => false,
        }
    }

    /// The RTMP message.
    pub fn message(&self) -> Vec<u8> {
        message(4 + self.type_id % 4, self.timestamp, self.type_id, &self.data)
    }
}

/// The tags of an FLV file (Adobe's FLV specification, annex E), without its script data.
pub fn flv_tags(file: &Path) -> Vec<Tag> {
    let bytes = std::fs::read(file).unwrap();
    let mut rest = &bytes[13..];
    let mut tags = Vec::new();
    while let [type_id, l2, l1, l0, t2, t1, t0, t3, _, _, _, tail @ ..] = rest {
        let length = u32::from_be_bytes([0, *l2, *l1, *l0]) as usize;
        let timestamp = u32::from_be_bytes([*t3, *t2, *t1, *t0]);
        if *type_id != 18 {
            tags.push(Tag { type_id: *type_id, timestamp, data: tail[..length].to_vec() });
        }
        rest = &tail[length + 4..];
    }
    tags
}
