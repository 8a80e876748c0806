mod commands;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use media::Track;

use crate::amf0::{self, AmfLimits, Value};
use crate::chunk::{ChunkLimits, ChunkReader, Message};
use crate::flv::Demuxer;
use crate::handshake::{Handshake, Progress};
use crate::message::{Writer, message_type, split_aggregate};
use crate::{Error, ErrorKind, Event, Limits, Metadata, Refusal, Stats, WaitingFor, metadata};
use commands::App;

/// How much of a publisher's frame may be reserved before it has arrived.
const READ_AHEAD: usize = 256 * 1024;
/// The acknowledgement window before the peer sets one.
const DEFAULT_ACK_WINDOW: u64 = 2_500_000;
/// A smaller window than this would have us answer more than we are told.
const MIN_ACK_WINDOW: u64 = 16 * 1024;

/// One publisher's connection, without its I/O.
///
/// Mutate, then drain: after each `handle_…`, `accept_publish` or `refuse_publish`, call
/// [`poll_event`](Self::poll_event) and [`poll_transmit`](Self::poll_transmit) until they return
/// `None`, and [`poll_timeout`](Self::poll_timeout) once. After an error the session is over: it
/// takes no more input, but what it still has to transmit may tell the peer why.
pub struct ServerSession {
    limits: Limits,
    now: Instant,
    phase: Phase,
    /// When the current wait for a publish began.
    setup_began: Instant,
    last_media: Instant,
    handshake: Handshake,
    chunks: ChunkReader,
    writer: Writer,
    demuxer: Demuxer,
    /// What the publisher last said of its stream.
    metadata: Option<Metadata>,
    app: Option<App>,
    /// The message stream of the publish that is pending or going on.
    publish_stream: u32,
    last_stream: u32,
    commands: u32,
    /// Input that waits for the publish decision.
    held: BytesMut,
    /// Bytes of the connection that have been worked through.
    consumed: u64,
    ack_window: u64,
    acknowledged: u64,
    events: VecDeque<Event>,
    error: Option<Error>,
    stats: Stats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshaking,
    AwaitingConnect,
    Connected,
    Deciding,
    Publishing,
    Closed,
}

impl ServerSession {
    /// A session that starts `now`.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            now,
            phase: Phase::Handshaking,
            setup_began: now,
            last_media: now,
            handshake: Handshake::new(),
            chunks: ChunkReader::new(chunk_limits(&limits, false)),
            writer: Writer::new(),
            demuxer: Demuxer::new(limits.max_picture_dimension),
            metadata: None,
            app: None,
            publish_stream: 0,
            last_stream: 0,
            commands: 0,
            held: BytesMut::new(),
            consumed: 0,
            ack_window: DEFAULT_ACK_WINDOW,
            acknowledged: 0,
            events: VecDeque::new(),
            error: None,
            stats: Stats::default(),
            limits,
        }
    }

    /// Takes bytes from the peer. Any split of the same bytes gives the same events.
    ///
    /// While a publish is undecided they are kept, within a limit; after a refusal they are ignored.
    pub fn handle_input(&mut self, input: &[u8], now: Instant) -> Result<(), Error> {
        // A peer that never pauses must not outrun its deadline.
        self.handle_timeout(now)?;
        self.stats.bytes_received += input.len() as u64;
        let outcome = self.process(input);
        self.conclude(outcome)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closed => None,
            Phase::Publishing => Some(self.last_media + self.limits.idle_timeout),
            _ => Some(self.setup_began + self.limits.setup_timeout),
        }
    }

    /// Ends the session if its deadline has passed.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.check()?;
        self.now = now;
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        let waiting_for = match self.phase {
            Phase::Closed => return Ok(()),
            Phase::Publishing => {
                return self.conclude(Err(ErrorKind::IdleTimeout { after: self.limits.idle_timeout }));
            }
            Phase::Handshaking if self.handshake.is_untouched() => WaitingFor::FirstByte,
            Phase::Handshaking => WaitingFor::Handshake,
            Phase::AwaitingConnect => WaitingFor::Connect,
            Phase::Connected => WaitingFor::Publish,
            Phase::Deciding => WaitingFor::Decision,
        };
        self.conclude(Err(ErrorKind::SetupTimeout { after: self.limits.setup_timeout, waiting_for }))
    }

    /// The next event, in the order in which the peer caused them.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Everything there is to send to the peer, which makes one write.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        let bytes = self.writer.take()?;
        self.stats.bytes_sent += bytes.len() as u64;
        Some(bytes)
    }

    /// Accepts the pending publish: only now the encoder hears `NetStream.Publish.Start`.
    ///
    /// Does nothing if no publish is pending any more. Input that was kept meanwhile is worked
    /// through; if that fails, the next `handle_…` says so.
    pub fn accept_publish(&mut self) {
        if self.phase != Phase::Deciding {
            return;
        }
        self.phase = Phase::Publishing;
        self.last_media = self.now;
        self.demuxer = Demuxer::new(self.limits.max_picture_dimension);
        self.metadata = None;
        self.chunks.set_limits(chunk_limits(&self.limits, true));
        self.writer.stream_begin(self.publish_stream);
        let (code, description) = ("NetStream.Publish.Start", "Publishing.");
        self.writer.status(self.publish_stream, "status", code, description);
        let held = std::mem::take(&mut self.held);
        let outcome = self.process(&held);
        // The error is kept for the next call, which has a way to return it.
        let _ = self.conclude(outcome);
    }

    /// Refuses the pending publish: the encoder hears why, and the session is over.
    ///
    /// Does nothing if no publish is pending any more.
    pub fn refuse_publish(&mut self, refusal: Refusal) {
        self.refuse_publish_because(refusal, refusal.description());
    }

    /// The same, with a description that the encoder may show in place of the refusal's own.
    pub fn refuse_publish_because(&mut self, refusal: Refusal, description: &str) {
        if self.phase == Phase::Deciding {
            self.writer.status(self.publish_stream, "error", refusal.code(), description);
            self.held = BytesMut::new();
            self.phase = Phase::Closed;
        }
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        Stats { aborted_messages: self.chunks.aborted(), ..self.stats }
    }

    /// Whether a publish is going on: whether an end of the connection now would cut it off.
    pub(crate) fn is_publishing(&self) -> bool {
        self.phase == Phase::Publishing
    }

    /// An error at the current place in the connection.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error { offset: self.consumed, kind }
    }

    /// The error that ended the session, if one did.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.error.clone().map_or(Ok(()), Err)
    }

    fn conclude(&mut self, outcome: Result<(), ErrorKind>) -> Result<(), Error> {
        let outcome = outcome.map_err(|kind| self.error(kind));
        if let Err(error) = &outcome {
            self.error = Some(error.clone());
            self.phase = Phase::Closed;
            self.held = BytesMut::new();
        }
        outcome
    }

    fn process(&mut self, mut input: &[u8]) -> Result<(), ErrorKind> {
        let end = self.consumed + input.len() as u64;
        loop {
            match self.phase {
                Phase::Closed => return Ok(()),
                Phase::Deciding => return self.hold(input),
                Phase::Handshaking => {
                    if input.is_empty() {
                        return Ok(());
                    }
                    let outcome = self.shake_hands(&mut input);
                    self.consumed = end - input.len() as u64;
                    outcome?;
                }
                Phase::AwaitingConnect | Phase::Connected | Phase::Publishing => {
                    let message = self.chunks.read(&mut input);
                    self.consumed = end - input.len() as u64;
                    match message? {
                        Some(message) => self.message(&message)?,
                        None => break,
                    }
                }
            }
        }
        self.acknowledge();
        if self.writer.unsent() > self.limits.max_unsent {
            return Err(ErrorKind::PeerNotReading { unsent: self.writer.unsent() });
        }
        Ok(())
    }

    fn hold(&mut self, input: &[u8]) -> Result<(), ErrorKind> {
        let limit = self.limits.max_buffered_before_publish;
        if self.held.len() + input.len() > limit {
            return Err(ErrorKind::TooMuchBeforeDecision { limit });
        }
        self.held.extend_from_slice(input);
        Ok(())
    }

    fn shake_hands(&mut self, input: &mut &[u8]) -> Result<(), ErrorKind> {
        match self.handshake.read(input) {
            Ok(Progress { answer, is_complete }) => {
                self.writer.raw(&answer);
                if is_complete {
                    self.phase = Phase::AwaitingConnect;
                }
                Ok(())
            }
            Err(kind) => {
                if kind == ErrorKind::HttpRequest {
                    self.writer.raw(HTTP_ANSWER);
                }
                Err(kind)
            }
        }
    }

    fn acknowledge(&mut self) {
        if self.consumed - self.acknowledged >= self.ack_window {
            self.acknowledged = self.consumed;
            self.writer.acknowledgement(self.consumed);
        }
    }

    fn message(&mut self, message: &Message) -> Result<(), ErrorKind> {
        self.stats.messages += 1;
        match message.type_id {
            message_type::AGGREGATE => self.aggregate(message),
            message_type::COMMAND => self.command(message.stream_id, &message.payload),
            message_type::COMMAND_AMF3 => self.command(message.stream_id, without_selector(&message.payload)),
            _ => self.simple_message(message),
        }
    }

    /// The messages that may also come inside an aggregate.
    fn simple_message(&mut self, message: &Message) -> Result<(), ErrorKind> {
        let first = message.payload.first_chunk().copied().map(u32::from_be_bytes);
        match message.type_id {
            message_type::AUDIO => self.media(Track::Audio, message),
            message_type::VIDEO => self.media(Track::Video, message),
            message_type::DATA => return self.data(&message.payload),
            message_type::DATA_AMF3 => return self.data(without_selector(&message.payload)),
            // The chunk reader has obeyed these.
            message_type::SET_CHUNK_SIZE | message_type::ABORT | message_type::ACKNOWLEDGEMENT => {}
            message_type::USER_CONTROL => self.user_control(&message.payload),
            message_type::WINDOW_ACK_SIZE => {
                if let Some(window) = first {
                    // At half the window, no peer ever waits for us.
                    self.ack_window = (u64::from(window) / 2).max(MIN_ACK_WINDOW);
                }
            }
            _ => self.stats.ignored_messages += 1,
        }
        Ok(())
    }

    fn aggregate(&mut self, message: &Message) -> Result<(), ErrorKind> {
        for (index, part) in split_aggregate(message).enumerate() {
            if index == self.limits.max_aggregate_messages {
                self.stats.malformed_messages += 1;
                break;
            }
            match part.type_id {
                message_type::AUDIO | message_type::VIDEO | message_type::DATA => {
                    self.simple_message(&part)?
                }
                _ => self.stats.ignored_messages += 1,
            }
        }
        Ok(())
    }

    fn media(&mut self, track: Track, message: &Message) {
        if self.phase != Phase::Publishing || !self.is_publish_stream(message.stream_id) {
            self.stats.media_outside_publish += 1;
            return;
        }
        self.last_media = self.now;
        let Self { demuxer, stats, events, .. } = self;
        demuxer.push(track, message.timestamp, &message.payload, stats, |media| {
            events.push_back(Event::Media(media));
        });
    }

    /// Whether a message stream is the one that is published on. Stream 0 is the connection itself;
    /// some encoders mean their only stream by it.
    fn is_publish_stream(&self, stream_id: u32) -> bool {
        stream_id == self.publish_stream || stream_id == 0 || self.publish_stream == 0
    }

    fn data(&mut self, payload: &[u8]) -> Result<(), ErrorKind> {
        let values = self.read_amf(payload)?;
        match metadata::read(&values) {
            // GStreamer repeats it with every keyframe.
            Some(metadata) if self.phase == Phase::Publishing => {
                if self.metadata.as_ref() != Some(&metadata) {
                    self.events.push_back(Event::Metadata(metadata.clone()));
                    self.metadata = Some(metadata);
                }
            }
            Some(_) => self.stats.media_outside_publish += 1,
            None => self.stats.ignored_messages += 1,
        }
        Ok(())
    }

    fn user_control(&mut self, payload: &[u8]) {
        const PING_REQUEST: u16 = 6;
        if let Some((event, rest)) = payload.split_first_chunk()
            && u16::from_be_bytes(*event) == PING_REQUEST
            && let Some(timestamp) = rest.first_chunk()
        {
            self.writer.ping_response(u32::from_be_bytes(*timestamp));
        }
    }

    /// The values of a command or data message; those before a fault, if it has one.
    fn read_amf(&mut self, payload: &[u8]) -> Result<Vec<Value>, ErrorKind> {
        let limits = AmfLimits { depth: self.limits.max_amf_depth, values: self.limits.max_amf_values };
        let (values, error) = amf0::read_values(payload, limits);
        match error {
            Some(error) if error.is_limit() => return Err(ErrorKind::Amf(error)),
            Some(_) => self.stats.malformed_messages += 1,
            None => {}
        }
        Ok(values)
    }
}

const HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
    Content-Length: 42\r\n\r\nThis port speaks RTMP. Try the HTTP port.\n";

fn chunk_limits(limits: &Limits, is_publishing: bool) -> ChunkLimits {
    let (message, buffered, read_ahead) = match is_publishing {
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
mod tests;
