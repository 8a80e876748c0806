//! Finds pictures in an FLV byte stream as it comes out of an encoder.

const HEADER: usize = 9;
const TAG_HEADER: usize = 11;
const VIDEO: u8 = 9;
/// AVCPacketType of a coded picture; 0 is the sequence header.
const NALUS: u8 = 1;

/// Counts what has come through, in FLV's own terms (Adobe FLV 10.1, annex E).
#[derive(Debug, Default)]
pub struct FlvTap {
    pending: Vec<u8>,
    header_seen: bool,
}

/// What a piece of FLV completed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Completed {
    /// Whether the file's header came to its end: the muxer's outputs are open.
    pub header: bool,
    /// Coded pictures of which the last byte has come.
    pub pictures: usize,
}

impl FlvTap {
    /// Takes the next bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) -> Completed {
        self.pending.extend_from_slice(bytes);
        let mut completed = Completed::default();
        let mut at = 0;
        if !self.header_seen && self.pending.len() >= HEADER {
            self.header_seen = true;
            completed.header = true;
            at = HEADER;
        }
        // Each tag follows the four bytes that repeat its predecessor's size.
        while self.header_seen && self.pending.len() >= at + 4 + TAG_HEADER {
            let tag = &self.pending[at + 4..];
            let size = u32::from_be_bytes([0, tag[1], tag[2], tag[3]]) as usize;
            let Some(body) = tag.get(TAG_HEADER..TAG_HEADER + size) else { break };
            if tag[0] == VIDEO && body.get(1) == Some(&NALUS) {
                completed.pictures += 1;
            }
            at += 4 + TAG_HEADER + size;
        }
        self.pending.drain(..at);
        completed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flv(bodies: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = b"FLV\x01\x05\0\0\0\x09".to_vec();
        for (kind, body) in bodies {
            bytes.extend_from_slice(&[0; 4]);
            bytes.push(*kind);
            bytes.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
            bytes.extend_from_slice(&[0; 7]);
            bytes.extend_from_slice(body);
        }
        bytes
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_pictures(cut in 1_usize..64) {
            let bytes = flv(&[
                (18, vec![2; 30]),
                (VIDEO, vec![0x17, 0, 0, 0, 0]),
                (VIDEO, vec![0x17, NALUS, 0, 0, 0, 1, 2]),
                (8, vec![0xaf, 1, 7]),
                (VIDEO, vec![0x27, NALUS]),
            ]);
            let mut tap = FlvTap::default();
            let (mut headers, mut pictures) = (0, 0);
            for piece in bytes.chunks(cut) {
                let completed = tap.push(piece);
                headers += usize::from(completed.header);
                pictures += completed.pictures;
            }
            prop_assert_eq!((headers, pictures), (1, 2));
        }
    }
}
