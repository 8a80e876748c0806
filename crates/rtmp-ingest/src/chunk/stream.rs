//! One chunk stream: the fields that its headers leave out (§5.3.1.2), and its message's payload.

use bytes::BytesMut;

use super::header::{EXTENDED, u24};

/// The longest timestamp of a type 0 chunk that a following type 3 chunk repeats as its delta.
const MAX_REPEATED_TIMESTAMP: u32 = 1000;

/// What a chunk stream's headers have said, and its message in progress.
#[derive(Debug)]
pub(super) struct ChunkStream {
    pub(super) id: u32,
    pub(super) timestamp: u32,
    pub(super) delta: u32,
    /// The last timestamp field: what type 3 chunks repeat if it was extended.
    pub(super) field: u32,
    pub(super) is_extended: bool,
    pub(super) length: usize,
    pub(super) type_id: u8,
    pub(super) stream_id: u32,
    /// The length of the message in progress, if there is one.
    pub(super) in_message: Option<usize>,
    pub(super) payload: BytesMut,
}

impl ChunkStream {
    pub(super) fn new(id: u32) -> Self {
        Self {
            id,
            timestamp: 0,
            delta: 0,
            field: 0,
            is_extended: false,
            length: 0,
            type_id: 0,
            stream_id: 0,
            in_message: None,
            payload: BytesMut::new(),
        }
    }

    /// Whether `extended` is the repeated timestamp that a type 3 chunk should carry. Where it isn't,
    /// the sender leaves it out, and these are payload.
    pub(super) fn repeats(&self, extended: u32) -> bool {
        extended == self.field || extended == self.timestamp
    }

    /// Takes over a type 0, 1 or 2 header; true if it merely repeats that of the message in progress.
    pub(super) fn read_header(&mut self, chunk_type: u8, fields: &[u8]) -> bool {
        let (old_field, old) = (self.field, (self.length, self.type_id, self.stream_id));
        self.field = u24(fields);
        self.is_extended = self.field == EXTENDED;
        if self.is_extended
            && let Some(extended) = fields.last_chunk()
        {
            self.field = u32::from_be_bytes(*extended);
        }
        if chunk_type <= 1 {
            self.length = u24(&fields[3..]) as usize;
            self.type_id = fields[6];
        }
        if chunk_type == 0 {
            self.stream_id = u32::from_le_bytes([fields[7], fields[8], fields[9], fields[10]]);
        }
        let is_same_time = chunk_type != 0 || self.field == old_field;
        self.in_message.is_some() && is_same_time && old == (self.length, self.type_id, self.stream_id)
    }

    pub(super) fn start_message(&mut self, chunk_type: u8) {
        match chunk_type {
            0 => {
                self.timestamp = self.field;
                // By §5.3.1.2.4 a type 3 chunk repeats this as a delta, and FFmpeg means it so when
                // a stream starts near 0. At a large timestamp it can only mean "the same time".
                self.delta = if self.field <= MAX_REPEATED_TIMESTAMP { self.field } else { 0 };
            }
            1 | 2 => {
                self.delta = self.field;
                self.timestamp = self.timestamp.wrapping_add(self.delta);
            }
            _ => self.timestamp = self.timestamp.wrapping_add(self.delta),
        }
        self.in_message = Some(self.length);
    }

    /// Makes room for `arrived` bytes, and for some of those that are declared to follow.
    pub(super) fn reserve(&mut self, arrived: usize, read_ahead: usize) {
        let length = self.payload.len();
        if self.payload.capacity() - length < arrived {
            let ahead = arrived.max(length).max(read_ahead).min(self.length - length);
            // BytesMut::reserve would take up to twice as much.
            let mut payload = BytesMut::with_capacity(length + ahead);
            payload.extend_from_slice(&self.payload);
            self.payload = payload;
        }
    }
}
