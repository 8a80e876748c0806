//! What both roles have in common once hands are shaken: messages in and out, acknowledgements,
//! pings, and the media of the one message stream that is published or played.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use media::Track;

use crate::amf0::{self, AmfLimits, Value};
use crate::chunk::{ChunkLimits, ChunkReader, Message};
use crate::flv::Demuxer;
use crate::message::{Writer, message_type, split_aggregate, user_control};
use crate::{Error, ErrorKind, Event, Limits, Metadata, Stats, metadata};

/// How much of a frame may be reserved before it has arrived.
const READ_AHEAD: usize = 256 * 1024;
/// The acknowledgement window before the peer sets one.
const DEFAULT_ACK_WINDOW: u64 = 2_500_000;
/// A smaller window than this would have us answer more than we are told.
const MIN_ACK_WINDOW: u64 = 16 * 1024;

/// One connection's messages.
pub(crate) struct Link {
    pub(crate) limits: Limits,
    pub(crate) now: Instant,
    pub(crate) writer: Writer,
    pub(crate) events: VecDeque<Event>,
    pub(crate) stats: Stats,
    chunks: ChunkReader,
    media: Option<MediaStream>,
    /// Bytes of the connection that have been worked through.
    consumed: u64,
    ack_window: u64,
    acknowledged: u64,
    error: Option<Error>,
}

/// The message stream whose media are taken.
struct MediaStream {
    id: u32,
    demuxer: Demuxer,
    /// What was last said of the stream.
    metadata: Option<Metadata>,
    last_media: Instant,
}

/// What only one's role knows how to answer.
pub(crate) enum Request {
    /// A command: its name, transaction id and so on, as they came.
    Command { stream_id: u32, values: Vec<Value> },
    /// The peer has come to the end of a message stream.
    StreamEof { stream_id: u32 },
}

impl Link {
    pub(crate) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            now,
            writer: Writer::new(),
            events: VecDeque::new(),
            stats: Stats::default(),
            chunks: ChunkReader::new(chunk_limits(&limits, false)),
            media: None,
            consumed: 0,
            ack_window: DEFAULT_ACK_WINDOW,
            acknowledged: 0,
            error: None,
            limits,
        }
    }

    /// Takes media from now on, on a message stream that starts anew, within larger limits.
    pub(crate) fn open_media(&mut self, stream_id: u32) {
        self.media = Some(MediaStream {
            id: stream_id,
            demuxer: Demuxer::new(self.limits.max_picture_dimension),
            metadata: None,
            last_media: self.now,
        });
        self.chunks.set_limits(chunk_limits(&self.limits, true));
    }

    /// Takes no more media.
    pub(crate) fn close_media(&mut self) {
        self.media = None;
        self.chunks.set_limits(chunk_limits(&self.limits, false));
    }

    /// When media came last, while they are taken.
    pub(crate) fn last_media(&self) -> Option<Instant> {
        self.media.as_ref().map(|media| media.last_media)
    }

    /// Counts the time without media from now on.
    pub(crate) fn expect_media(&mut self) {
        if let Some(media) = &mut self.media {
            media.last_media = self.now;
        }
    }

    /// Whether a message stream is the one whose media are taken. Stream 0 is the connection itself;
    /// some encoders mean their only stream by it.
    pub(crate) fn is_media_stream(&self, stream_id: u32) -> bool {
        self.media.as_ref().is_some_and(|media| stream_id == media.id || stream_id == 0 || media.id == 0)
    }

    /// Counts bytes that have come, where the session isn't over.
    pub(crate) fn begin_input(&mut self, input: &[u8], now: Instant) -> Result<(), Error> {
        self.check()?;
        self.now = now;
        self.stats.bytes_received += input.len() as u64;
        Ok(())
    }

    /// Notes bytes that weren't chunks as worked through.
    pub(crate) fn consume(&mut self, length: usize) {
        self.consumed += length as u64;
    }

    /// The next message in `input`, from whose front it is taken.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ErrorKind> {
        let before = input.len();
        let message = self.chunks.read(input);
        self.consume(before - input.len());
        let before_publish = self.media.is_none();
        message.map_err(|fault| ErrorKind::Chunk { fault, before_publish })
    }

    /// What is due after any input: an acknowledgement, and a look at what the peer leaves unread.
    pub(crate) fn settle(&mut self) -> Result<(), ErrorKind> {
        if self.consumed - self.acknowledged >= self.ack_window {
            self.acknowledged = self.consumed;
            self.writer.acknowledgement(self.consumed);
        }
        match self.writer.unsent() {
            unsent if unsent > self.limits.max_unsent => Err(ErrorKind::PeerNotReading { unsent }),
            _ => Ok(()),
        }
    }

    /// Everything there is to send, which makes one write.
    pub(crate) fn transmit(&mut self) -> Option<Bytes> {
        let bytes = self.writer.take()?;
        self.stats.bytes_sent += bytes.len() as u64;
        Some(bytes)
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats { aborted_messages: self.chunks.aborted(), ..self.stats }
    }

    /// An error at the current place in the connection.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error { offset: self.consumed, kind }
    }

    /// The error that ended the session, if one did.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.error.clone().map_or(Ok(()), Err)
    }

    /// Keeps an error, which is the session's last.
    pub(crate) fn conclude(&mut self, outcome: Result<(), ErrorKind>) -> Result<(), Error> {
        let outcome = outcome.map_err(|kind| self.error(kind));
        if let Err(error) = &outcome {
            self.error = Some(error.clone());
        }
        outcome
    }

    /// Acts on a message; what is left is for the role.
    pub(crate) fn message(&mut self, message: &Message) -> Result<Option<Request>, ErrorKind> {
        self.stats.messages += 1;
        match message.type_id {
            message_type::COMMAND | message_type::COMMAND_AMF3 => {
                let values = self.read_amf(message)?;
                return Ok(Some(Request::Command { stream_id: message.stream_id, values }));
            }
            message_type::AGGREGATE => self.aggregate(message),
            message_type::AUDIO | message_type::VIDEO | message_type::DATA | message_type::DATA_AMF3 => {
                self.content(message);
            }
            message_type::USER_CONTROL => return Ok(self.user_control(&message.payload)),
            message_type::WINDOW_ACK_SIZE => {
                if let Some(window) = message.payload.first_chunk().copied().map(u32::from_be_bytes) {
                    // At half the window, no peer ever waits for us.
                    self.ack_window = (u64::from(window) / 2).max(MIN_ACK_WINDOW);
                }
            }
            // The chunk reader has obeyed the first two; and nobody waits for an acknowledgement.
            message_type::SET_CHUNK_SIZE | message_type::ABORT | message_type::ACKNOWLEDGEMENT => {}
            _ => self.stats.ignored_messages += 1,
        }
        Ok(None)
    }

    /// The messages that may also come inside an aggregate.
    fn content(&mut self, message: &Message) {
        match message.type_id {
            message_type::AUDIO => self.media(Track::Audio, message),
            message_type::VIDEO => self.media(Track::Video, message),
            message_type::DATA | message_type::DATA_AMF3 => self.data(message),
            _ => self.stats.ignored_messages += 1,
        }
    }

    fn aggregate(&mut self, message: &Message) {
        for (index, part) in split_aggregate(message).enumerate() {
            if index == self.limits.max_aggregate_messages {
                self.stats.cut_aggregates += 1;
                break;
            }
            self.content(&part);
        }
    }

    fn media(&mut self, track: Track, message: &Message) {
        if !self.is_media_stream(message.stream_id) {
            self.stats.media_outside_publish += 1;
            return;
        }
        let Self { media: Some(media), stats, events, now, .. } = self else { return };
        media.last_media = *now;
        media.demuxer.push(track, message.timestamp, &message.payload, stats, |event| {
            events.push_back(Event::Media(event));
        });
    }

    fn data(&mut self, message: &Message) {
        // The metadata of a recording may index each of its keyframes; a stream does without.
        let Ok(values) = self.read_amf(message) else {
            self.stats.malformed_messages += 1;
            return;
        };
        match (metadata::read(&values), &mut self.media) {
            (Some(metadata), Some(media)) => {
                // GStreamer repeats it with every keyframe.
                if media.metadata.as_ref() != Some(&metadata) {
                    self.events.push_back(Event::Metadata(metadata.clone()));
                    media.metadata = Some(metadata);
                }
            }
            (Some(_), None) => self.stats.media_outside_publish += 1,
            (None, _) => self.stats.ignored_messages += 1,
        }
    }

    fn user_control(&mut self, payload: &[u8]) -> Option<Request> {
        let (event, rest) = payload.split_first_chunk()?;
        let value = rest.first_chunk().copied().map(u32::from_be_bytes)?;
        match u16::from_be_bytes(*event) {
            user_control::PING_REQUEST => self.writer.ping_response(value),
            user_control::STREAM_EOF => return Some(Request::StreamEof { stream_id: value }),
            _ => {}
        }
        None
    }

    /// The values of a command or data message; those before a fault, if it has one.
    fn read_amf(&mut self, message: &Message) -> Result<Vec<Value>, ErrorKind> {
        let limits = AmfLimits { depth: self.limits.max_amf_depth, values: self.limits.max_amf_values };
        let payload = match message.type_id {
            message_type::COMMAND_AMF3 | message_type::DATA_AMF3 => without_selector(&message.payload),
            _ => &message.payload,
        };
        let (values, error) = amf0::read_values(payload, limits);
        match error {
            Some(error) if error.is_limit() => return Err(ErrorKind::Amf(error)),
            Some(_) => self.stats.malformed_messages += 1,
            None => {}
        }
        Ok(values)
    }
}

fn chunk_limits(limits: &Limits, takes_media: bool) -> ChunkLimits {
    let (message, buffered, read_ahead) = match takes_media {
        false => (limits.max_message_before_publish, limits.max_buffered_before_publish, 0),
        true => (limits.max_message, limits.max_buffered, READ_AHEAD),
    };
    let (chunk_size, chunk_streams) = (limits.max_chunk_size, limits.max_chunk_streams);
    ChunkLimits { chunk_size, message, chunk_streams, buffered, read_ahead }
}

/// The AMF0 in an AMF3 message, which starts with a format selector of 0.
fn without_selector(payload: &[u8]) -> &[u8] {
    payload.strip_prefix(&[0]).unwrap_or(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_count_on_beyond_four_gigabytes() {
        let mut link = Link::new(Limits::default(), Instant::now());
        link.consumed = (1 << 32) + 1000;
        link.acknowledged = (1 << 32) - DEFAULT_ACK_WINDOW;
        link.settle().unwrap();
        let sent = link.transmit().unwrap();
        assert_eq!(sent[sent.len() - 4..], 1000u32.to_be_bytes());
        link.settle().unwrap();
        assert_eq!(link.transmit(), None);
    }
}
