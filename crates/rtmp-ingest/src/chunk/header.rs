//! The headers of a chunk.

/// A timestamp field of this value is followed by an extended one (§5.3.1.3).
pub(super) const EXTENDED: u32 = 0xFF_FFFF;

/// What each chunk begins with (§5.3.1.1).
pub(super) struct BasicHeader {
    pub(super) chunk_type: u8,
    pub(super) chunk_stream: u32,
    pub(super) len: usize,
}

impl BasicHeader {
    /// How long it is, as far as `header` tells.
    pub(super) fn need(header: &[u8]) -> usize {
        match header.first().map(|byte| byte & 0x3F) {
            Some(0) => 2,
            Some(1) => 3,
            Some(_) | None => 1,
        }
    }

    pub(super) fn parse(header: &[u8]) -> Option<Self> {
        let len = Self::need(header);
        let bytes = header.get(..len)?;
        let chunk_stream = match *bytes {
            [first] => u32::from(first & 0x3F),
            [_, low] => 64 + u32::from(low),
            [_, low, high] => 64 + u32::from(low) + 256 * u32::from(high),
            _ => return None,
        };
        Some(Self { chunk_type: bytes[0] >> 6, chunk_stream, len })
    }

    /// The length of the message header behind it (§5.3.1.2).
    pub(super) fn message_header_len(&self) -> usize {
        [11, 7, 3, 0][usize::from(self.chunk_type)]
    }
}

/// A field of three bytes.
pub(super) fn u24(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]])
}
