//! Messages: their types, and how ours are written (RTMP 1.0 §5.4, §6, §7.1).

use bytes::{Buf, Bytes, BytesMut};
use rml_rtmp::chunk_io::ChunkSerializer;
use rml_rtmp::messages::{MessagePayload, PeerBandwidthLimitType, RtmpMessage, UserControlEventType};
use rml_rtmp::time::RtmpTimestamp;

use crate::amf0::{self, Value};
use crate::chunk::Message;

/// Message type ids.
pub(crate) mod message_type {
    pub(crate) const SET_CHUNK_SIZE: u8 = 1;
    pub(crate) const ABORT: u8 = 2;
    pub(crate) const ACKNOWLEDGEMENT: u8 = 3;
    pub(crate) const USER_CONTROL: u8 = 4;
    pub(crate) const WINDOW_ACK_SIZE: u8 = 5;
    pub(crate) const AUDIO: u8 = 8;
    pub(crate) const VIDEO: u8 = 9;
    pub(crate) const DATA_AMF3: u8 = 15;
    pub(crate) const COMMAND_AMF3: u8 = 17;
    pub(crate) const DATA: u8 = 18;
    pub(crate) const COMMAND: u8 = 20;
    pub(crate) const AGGREGATE: u8 = 22;
}

/// User control events (§7.1.7).
pub(crate) mod user_control {
    pub(crate) const STREAM_EOF: u16 = 1;
    pub(crate) const PING_REQUEST: u16 = 6;
}

/// Our chunk size: every answer fits into one chunk.
const CHUNK_SIZE: u32 = 4096;
/// Chunk size before we set ours.
const INITIAL_CHUNK_SIZE: usize = 128;

/// Writes our side of the conversation.
pub(crate) struct Writer {
    serializer: ChunkSerializer,
    chunk_size: usize,
    unsent: BytesMut,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { serializer: ChunkSerializer::new(), chunk_size: INITIAL_CHUNK_SIZE, unsent: BytesMut::new() }
    }

    /// Bytes that wait to be sent.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Everything that waits to be sent, so that it becomes one write.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        (!self.unsent.is_empty()).then(|| self.unsent.split().freeze())
    }

    /// Queues bytes that aren't chunks.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
    }

    pub(crate) fn set_chunk_size(&mut self) {
        let packet = self.serializer.set_max_chunk_size(CHUNK_SIZE, RtmpTimestamp::new(0));
        self.unsent.extend_from_slice(&packet.expect("invariant: the chunk size is below 2^31").bytes);
        self.chunk_size = CHUNK_SIZE as usize;
    }

    pub(crate) fn window_ack_size(&mut self, size: u32) {
        self.message(0, RtmpMessage::WindowAcknowledgement { size });
    }

    pub(crate) fn peer_bandwidth(&mut self, size: u32) {
        self.message(0, RtmpMessage::SetPeerBandwidth { size, limit_type: PeerBandwidthLimitType::Dynamic });
    }

    /// Acknowledges `total` bytes; the field wraps at 2^32.
    pub(crate) fn acknowledgement(&mut self, total: u64) {
        self.message(0, RtmpMessage::Acknowledgement { sequence_number: total as u32 });
    }

    pub(crate) fn ping_response(&mut self, timestamp: u32) {
        self.user_control(UserControlEventType::PingResponse, None, Some(RtmpTimestamp::new(timestamp)));
    }

    pub(crate) fn stream_begin(&mut self, stream_id: u32) {
        self.user_control(UserControlEventType::StreamBegin, Some(stream_id), None);
    }

    /// Says how many milliseconds of a stream may be sent ahead.
    pub(crate) fn buffer_length(&mut self, stream_id: u32, millis: u32) {
        let (stream_id, buffer_length) = (Some(stream_id), Some(millis));
        let event_type = UserControlEventType::SetBufferLength;
        self.message(0, RtmpMessage::UserControl { event_type, stream_id, buffer_length, timestamp: None });
    }

    fn user_control(
        &mut self,
        event_type: UserControlEventType,
        stream_id: Option<u32>,
        timestamp: Option<RtmpTimestamp>,
    ) {
        self.message(0, RtmpMessage::UserControl { event_type, stream_id, buffer_length: None, timestamp });
    }

    /// Sends a command: its name, transaction id, and what follows.
    pub(crate) fn command(&mut self, stream_id: u32, name: &str, transaction: f64, rest: &[Value]) {
        let mut values = vec![Value::String(name.to_owned()), Value::Number(transaction)];
        values.extend_from_slice(rest);
        let data = Bytes::from(amf0::write_values(&values));
        self.payload(&MessagePayload {
            timestamp: RtmpTimestamp::new(0),
            type_id: message_type::COMMAND,
            message_stream_id: stream_id,
            data,
        });
    }

    /// Sends an `onStatus` with an information object.
    pub(crate) fn status(&mut self, stream_id: u32, level: &str, code: &str, description: &str) {
        self.command(stream_id, "onStatus", 0.0, &[Value::Null, information(level, code, description)]);
    }

    fn message(&mut self, stream_id: u32, message: RtmpMessage) {
        let payload = message.into_message_payload(RtmpTimestamp::new(0), stream_id);
        self.payload(&payload.expect("invariant: control messages have all fields that they need"));
    }

    fn payload(&mut self, payload: &MessagePayload) {
        // A full header suits the pickiest client. The library would repeat it on each chunk, which
        // nobody expects, so it is only for what fits into one.
        let is_whole = payload.data.len() <= self.chunk_size;
        let packet = self.serializer.serialize(payload, is_whole, false);
        self.unsent.extend_from_slice(&packet.expect("invariant: our messages are below 16 MiB").bytes);
    }
}

/// The object by which commands report success or failure (§7.3.2).
pub(crate) fn information(level: &str, code: &str, description: &str) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    Value::Object(vec![
        ("level".to_owned(), text(level)),
        ("code".to_owned(), text(code)),
        ("description".to_owned(), text(description)),
    ])
}

/// A part of a message of `whole` bytes; in memory of its own, where most of the message would be kept for it. Queues count
/// what is in them, and not what that is a part of.
pub(crate) fn kept_alone(part: Bytes, whole: usize) -> Bytes {
    if part.len() < whole / 2 { Bytes::copy_from_slice(&part) } else { part }
}

/// The messages inside an aggregate (§7.1.6), whose times count from the aggregate's own. It ends at
/// the first that is incomplete.
pub(crate) fn split_aggregate(aggregate: &Message) -> impl Iterator<Item = Message> {
    const HEADER_LEN: usize = 11;
    const BACK_POINTER_LEN: usize = 4;
    let Message { timestamp: start, stream_id, mut payload, .. } = aggregate.clone();
    let whole = payload.len();
    let mut first = None;
    std::iter::from_fn(move || {
        if payload.len() < HEADER_LEN {
            return None;
        }
        let header = payload.split_to(HEADER_LEN);
        let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let timestamp = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
        if payload.len() < length {
            return None;
        }
        let body = kept_alone(payload.split_to(length), whole);
        payload.advance(BACK_POINTER_LEN.min(payload.len()));
        let since_first = timestamp.wrapping_sub(*first.get_or_insert(timestamp));
        let timestamp = start.wrapping_add(since_first);
        Some(Message { timestamp, type_id: header[0], stream_id, payload: body })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(type_id: u8, timestamp: u32, body: &[u8]) -> Vec<u8> {
        let mut part = vec![type_id];
        part.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
        part.extend_from_slice(&timestamp.to_be_bytes()[1..]);
        part.push(timestamp.to_be_bytes()[0]);
        part.extend_from_slice(&[0; 3]);
        part.extend_from_slice(body);
        part.extend_from_slice(&(body.len() as u32 + 11).to_be_bytes());
        part
    }

    fn split(payload: Vec<u8>) -> Vec<(u8, u32, Vec<u8>)> {
        let type_id = message_type::AGGREGATE;
        let aggregate = Message { timestamp: 1000, type_id, stream_id: 1, payload: payload.into() };
        split_aggregate(&aggregate).map(|m| (m.type_id, m.timestamp, m.payload.to_vec())).collect()
    }

    #[test]
    fn an_aggregate_counts_from_its_own_time() {
        let payload = [part(9, 0x0100_0000, b"v"), part(8, 0x0100_0015, b"aa")].concat();
        assert_eq!(split(payload), [(9, 1000, b"v".to_vec()), (8, 1021, b"aa".to_vec())]);
    }

    #[test]
    fn an_incomplete_part_ends_an_aggregate() {
        let mut payload = [part(9, 0, b"v"), part(8, 5, b"aa")].concat();
        payload.truncate(payload.len() - 5);
        assert_eq!(split(payload), [(9, 1000, b"v".to_vec())]);
        assert_eq!(split(vec![9, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0]), []);
    }

    #[test]
    fn a_small_part_keeps_no_large_message_in_memory() {
        let whole = Bytes::from(vec![0; 1000]);
        let (small, large) = (kept_alone(whole.slice(..10), 1000), kept_alone(whole.slice(..900), 1000));
        assert_ne!(small.as_ptr(), whole.as_ptr());
        assert_eq!(large.as_ptr(), whole.as_ptr(), "and what is most of one isn't copied");
    }

    #[test]
    fn a_missing_last_back_pointer_is_forgiven() {
        let mut payload = part(9, 0, b"v");
        payload.truncate(payload.len() - 4);
        assert_eq!(split(payload).len(), 1);
    }
}
