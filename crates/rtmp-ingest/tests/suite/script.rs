//! A scripted client, and what a session makes of it.
//!
//! Chunks are written and answers read by another implementation than the one under test.

use std::time::{Duration, Instant};

use bytes::Bytes;
use media::{MediaEvent, Packet};
use rml_rtmp::chunk_io::{ChunkDeserializer, ChunkSerializer};
use rml_rtmp::messages::{MessagePayload, RtmpMessage};
use rml_rtmp::time::RtmpTimestamp;
use rtmp_ingest::amf0::{Value, write_values};
use rtmp_ingest::{Error, Event, Limits, Refusal, ServerSession, Session, Stats};

pub(crate) const HANDSHAKE_LEN: usize = 1 + 2 * 1536;
pub(crate) const COMMAND: u8 = 20;
pub(crate) const DATA: u8 = 18;
pub(crate) const VIDEO: u8 = 9;
pub(crate) const AUDIO: u8 = 8;

/// What a client sends, in order.
pub(crate) struct Script {
    serializer: ChunkSerializer,
    pub(crate) bytes: Vec<u8>,
}

impl Script {
    /// Starts with a plain handshake.
    pub(crate) fn new() -> Self {
        let mut bytes = vec![0; HANDSHAKE_LEN];
        bytes[0] = 3;
        Self { serializer: ChunkSerializer::new(), bytes }
    }

    /// Up to a publish of `live/KEY`, decided or not.
    pub(crate) fn publish() -> Self {
        Self::new().connect("live").create_stream().publish_as(text("KEY"))
    }

    pub(crate) fn message(mut self, type_id: u8, stream: u32, millis: u32, payload: &[u8]) -> Self {
        let payload = MessagePayload {
            timestamp: RtmpTimestamp::new(millis),
            type_id,
            message_stream_id: stream,
            data: Bytes::copy_from_slice(payload),
        };
        self.bytes.extend(self.serializer.serialize(&payload, false, true).unwrap().bytes);
        self
    }

    pub(crate) fn command(self, stream: u32, values: &[Value]) -> Self {
        self.message(COMMAND, stream, 0, &write_values(values))
    }

    pub(crate) fn data(self, values: &[Value]) -> Self {
        self.message(DATA, 1, 0, &write_values(values))
    }

    pub(crate) fn connect(self, app: &str) -> Self {
        self.connect_with(&[
            ("app", text(app)),
            ("flashVer", text("test/1")),
            ("tcUrl", text("rtmp://u:p@h/live/K?t")),
        ])
    }

    pub(crate) fn connect_with(self, properties: &[(&str, Value)]) -> Self {
        let object = properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.command(0, &[text("connect"), Value::Number(1.0), Value::Object(object)])
    }

    pub(crate) fn create_stream(self) -> Self {
        self.command(0, &[text("createStream"), Value::Number(4.0), Value::Null])
    }

    pub(crate) fn publish_as(self, key: Value) -> Self {
        self.command(1, &[text("publish"), Value::Number(5.0), Value::Null, key, text("live")])
    }

    pub(crate) fn aac_config(self) -> Self {
        self.message(AUDIO, 1, 0, &[0xAF, 0, 0x12, 0x10])
    }

    pub(crate) fn aac(self, millis: u32) -> Self {
        self.message(AUDIO, 1, millis, &[0xAF, 1, 0x21, 0x10, 0x05])
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// The messages in some chunks.
pub(crate) fn read_messages(mut bytes: &[u8]) -> Vec<RtmpMessage> {
    let mut deserializer = ChunkDeserializer::new();
    let mut messages = Vec::new();
    while let Some(payload) = deserializer.get_next_message(bytes).unwrap() {
        bytes = &[];
        let message = payload.to_rtmp_message().unwrap();
        if let RtmpMessage::SetChunkSize { size } = message {
            deserializer.set_max_chunk_size(size as usize).unwrap();
        }
        messages.push(message);
    }
    messages
}

/// What a session made of some input.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<Error>,
    pub(crate) stats: Stats,
}

impl Outcome {
    pub(crate) fn media(&self) -> Vec<&MediaEvent> {
        self.events.iter().filter_map(media).collect()
    }

    pub(crate) fn packets(&self) -> Vec<&Packet> {
        self.media().into_iter().filter_map(packet).collect()
    }
}

fn media(event: &Event) -> Option<&MediaEvent> {
    if let Event::Media(media) = event { Some(media) } else { None }
}

fn packet(media: &MediaEvent) -> Option<&Packet> {
    if let MediaEvent::Packet(packet) = media { Some(packet) } else { None }
}

/// A session under test, and what it has said so far.
pub(crate) struct Driver {
    pub(crate) session: ServerSession,
    pub(crate) now: Instant,
    pub(crate) events: Vec<Event>,
    pub(crate) sent: Vec<u8>,
    /// How publishes are decided; `None` leaves them pending.
    pub(crate) decision: Option<Result<(), Refusal>>,
}

impl Driver {
    pub(crate) fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let session = ServerSession::new(limits, now);
        Self { session, now, events: Vec::new(), sent: Vec::new(), decision: Some(Ok(())) }
    }

    pub(crate) fn refusing(refusal: Refusal) -> Self {
        Self { decision: Some(Err(refusal)), ..Self::new(Limits::default()) }
    }

    pub(crate) fn undecided() -> Self {
        Self { decision: None, ..Self::new(Limits::default()) }
    }

    pub(crate) fn input(&mut self, input: &[u8]) -> Result<(), Error> {
        let outcome = self.session.handle_input(input, self.now);
        self.drain();
        outcome
    }

    pub(crate) fn pass(&mut self, time: Duration) -> Result<(), Error> {
        self.now += time;
        let outcome = self.session.handle_timeout(self.now);
        self.drain();
        outcome
    }

    pub(crate) fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            let is_request = matches!(event, Event::PublishRequested(_));
            self.events.push(event);
            match self.decision {
                Some(Ok(())) if is_request => self.session.accept_publish(),
                Some(Err(refusal)) if is_request => self.session.refuse_publish(refusal),
                _ => {}
            }
        }
        while let Some(bytes) = self.session.poll_transmit() {
            self.sent.extend_from_slice(&bytes);
        }
    }

    /// Feeds all of `input` in pieces of these sizes, over and over.
    pub(crate) fn feed(mut self, mut input: &[u8], sizes: &[usize]) -> Outcome {
        let mut error = None;
        for size in sizes.iter().cycle() {
            let (piece, rest) = input.split_at((*size).min(input.len()));
            input = rest;
            // An error from input that was held comes with the next call.
            if let Err(e) = self.input(piece).and_then(|()| self.input(&[])) {
                error = Some(e);
                break;
            }
            if input.is_empty() {
                break;
            }
        }
        Outcome { events: self.events, error, stats: self.session.stats() }
    }

    /// The messages that the session has sent.
    pub(crate) fn answers(&self) -> Vec<RtmpMessage> {
        read_messages(self.sent.get(HANDSHAKE_LEN..).unwrap_or_default())
    }

    /// The codes of all `onStatus` messages sent.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let code = |answer| match answer {
            RtmpMessage::Amf0Command { command_name, mut additional_arguments, .. }
                if command_name == "onStatus" =>
            {
                let mut information = additional_arguments.remove(0).get_object_properties()?;
                information.remove("code")?.get_string()
            }
            _ => None,
        };
        self.answers().into_iter().filter_map(code).collect()
    }
}

/// Feeds a script whole to a session that accepts.
pub(crate) fn run(script: &Script) -> Outcome {
    Driver::new(Limits::default()).feed(&script.bytes, &[usize::MAX])
}
