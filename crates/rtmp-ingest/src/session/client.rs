use std::time::Instant;

use bytes::Bytes;

use super::link::{Link, Request};
use super::{CAPS_EX, FOUR_CCS, Session, WINDOW};
use crate::amf0::Value;
use crate::handshake::{ClientHandshake, Progress};
use crate::message::message_type;
use crate::metadata::printable;
use crate::{Error, ErrorKind, Event, Limits, SourceUrl, Stats, WaitingFor};

/// How much a server may send ahead, in milliseconds. Servers of files need to know; live ones don't care.
const BUFFER_MILLIS: u32 = 3000;
/// What FFmpeg says it is. Some servers turn names away that they don't know.
const FLASH_VERSION: &str = "LNX 9,0,124,2";

mod transaction {
    pub(super) const CONNECT: f64 = 1.0;
    pub(super) const CREATE_STREAM: f64 = 2.0;
    pub(super) const PLAY: f64 = 3.0;
}

/// A connection that plays a stream from another server, without its I/O.
///
/// It yields [`Event::Metadata`] and [`Event::Media`] as a publisher's session does, and
/// [`Event::PublishFinished`] when the server says that the stream has ended. Everything else that
/// ends it is an error. See [`Session`] for how it is driven; what it sends first waits in
/// [`poll_transmit`](Session::poll_transmit) from the start.
pub struct ClientSession {
    link: Link,
    phase: Phase,
    began: Instant,
    handshake: ClientHandshake,
    source: SourceUrl,
    /// The message stream that the server made.
    stream: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshaking,
    AwaitingConnect,
    AwaitingStream,
    AwaitingPlay,
    Playing,
    Closed,
}

impl ClientSession {
    /// A session that starts `now`, on a connection to the source's host.
    pub fn new(source: SourceUrl, limits: Limits, now: Instant) -> Self {
        let (handshake, greeting) = ClientHandshake::start();
        let mut link = Link::new(limits, now);
        link.writer.raw(&greeting);
        Self { link, phase: Phase::Handshaking, began: now, handshake, source, stream: 0 }
    }

    /// Whether the server has begun to play.
    pub fn is_playing(&self) -> bool {
        self.phase == Phase::Playing
    }

    fn process(&mut self, mut input: &[u8]) -> Result<(), ErrorKind> {
        loop {
            match self.phase {
                Phase::Closed => return Ok(()),
                Phase::Handshaking if input.is_empty() => return Ok(()),
                Phase::Handshaking => self.shake_hands(&mut input)?,
                _ => {
                    let Some(message) = self.link.read(&mut input)? else { break };
                    let is_media = matches!(message.type_id, message_type::AUDIO | message_type::VIDEO);
                    if is_media && self.phase == Phase::AwaitingPlay {
                        // Not every server says that it plays.
                        self.phase = Phase::Playing;
                    }
                    match self.link.message(&message)? {
                        Some(Request::Command { values, .. }) => self.command(&values)?,
                        Some(Request::StreamEof { stream_id }) if stream_id == self.stream => self.finish(),
                        Some(Request::StreamEof { .. }) | None => {}
                    }
                }
            }
        }
        self.link.settle()
    }

    fn shake_hands(&mut self, input: &mut &[u8]) -> Result<(), ErrorKind> {
        let before = input.len();
        let progress = self.handshake.read(input);
        self.link.consume(before - input.len());
        let Progress { answer, is_complete } = progress?;
        self.link.writer.raw(&answer);
        if is_complete {
            self.phase = Phase::AwaitingConnect;
            let object = self.connect_object();
            self.link.writer.command(0, "connect", transaction::CONNECT, &[object]);
        }
        Ok(())
    }

    fn connect_object(&self) -> Value {
        let text = |text: &str| Value::String(text.to_owned());
        let four_ccs = FOUR_CCS.iter().map(|four_cc| text(four_cc)).collect();
        let properties = [
            ("app", text(self.source.app())),
            ("flashVer", text(FLASH_VERSION)),
            ("tcUrl", text(&self.source.tc_url())),
            ("fpad", Value::Boolean(false)),
            ("capabilities", Value::Number(15.0)),
            // Every codec that Flash knew.
            ("audioCodecs", Value::Number(4071.0)),
            ("videoCodecs", Value::Number(252.0)),
            ("videoFunction", Value::Number(1.0)),
            ("objectEncoding", Value::Number(0.0)),
            ("fourCcList", Value::Array(four_ccs)),
            ("capsEx", Value::Number(CAPS_EX.into())),
        ];
        Value::Object(properties.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn command(&mut self, values: &[Value]) -> Result<(), ErrorKind> {
        let name = values.first().and_then(Value::as_str).unwrap_or_default();
        match (name, self.phase) {
            ("_result", Phase::AwaitingConnect) => {
                self.phase = Phase::AwaitingStream;
                self.link.writer.window_ack_size(WINDOW);
                self.link.writer.command(0, "createStream", transaction::CREATE_STREAM, &[Value::Null]);
            }
            ("_result", Phase::AwaitingStream) => {
                let stream = values.get(3).and_then(Value::as_number).unwrap_or_default();
                self.play(stream as u32);
            }
            ("_error", Phase::AwaitingConnect | Phase::AwaitingStream | Phase::AwaitingPlay) => {
                return Err(self.refusal(values.get(3)));
            }
            ("onStatus", _) => return self.status(values.get(3)),
            ("close" | "closeStream" | "deleteStream" | "FCUnpublish", _) => self.finish(),
            _ => self.link.stats.ignored_messages += 1,
        }
        Ok(())
    }

    fn play(&mut self, stream: u32) {
        const LIVE_OR_RECORDED: f64 = -2.0;
        self.phase = Phase::AwaitingPlay;
        self.stream = stream;
        // Some servers send media before they say that they do.
        self.link.open_media(stream);
        let name = Value::String(self.source.stream().to_owned());
        let arguments = [Value::Null, name, Value::Number(LIVE_OR_RECORDED)];
        self.link.writer.command(stream, "play", transaction::PLAY, &arguments);
        self.link.writer.buffer_length(stream, BUFFER_MILLIS);
    }

    fn status(&mut self, information: Option<&Value>) -> Result<(), ErrorKind> {
        let text = |name| information.and_then(|object| object.property(name)).and_then(Value::as_str);
        match (text("code").unwrap_or_default(), text("level")) {
            ("NetStream.Play.Start" | "NetStream.Play.PublishNotify" | "NetStream.Data.Start", _) => {
                if self.phase == Phase::AwaitingPlay {
                    self.phase = Phase::Playing;
                    self.link.expect_media();
                }
            }
            (
                "NetStream.Play.UnpublishNotify"
                | "NetStream.Play.Stop"
                | "NetStream.Play.Complete"
                | "NetConnection.Connect.Closed"
                | "NetConnection.Connect.AppShutdown",
                _,
            ) => self.finish(),
            (
                "NetStream.Play.StreamNotFound"
                | "NetStream.Play.Failed"
                | "NetStream.Play.FileStructureInvalid"
                | "NetStream.Play.NoSupportedTrackFound",
                _,
            )
            | (_, Some("error")) => return Err(self.refusal(information)),
            _ => self.link.stats.ignored_messages += 1,
        }
        Ok(())
    }

    fn conclude(&mut self, outcome: Result<(), ErrorKind>) -> Result<(), Error> {
        let outcome = self.link.conclude(outcome);
        if outcome.is_err() {
            self.phase = Phase::Closed;
        }
        outcome
    }

    fn finish(&mut self) {
        self.link.close_media();
        self.link.events.push_back(Event::PublishFinished);
        self.phase = Phase::Closed;
    }

    /// What the server says is wrong, without the secrets of the URL that it may repeat.
    fn refusal(&self, information: Option<&Value>) -> ErrorKind {
        let text = |name| {
            let text = information.and_then(|object| object.property(name)).and_then(Value::as_str)?;
            printable(&self.source.redact(text))
        };
        let code = text("code").unwrap_or_else(|| "no code".to_owned());
        let description = text("description").unwrap_or_else(|| "no description".to_owned());
        ErrorKind::SourceRefused { code, description }
    }

    fn waiting_for(&self) -> WaitingFor {
        match self.phase {
            Phase::Handshaking => WaitingFor::SourceHandshake,
            Phase::AwaitingConnect => WaitingFor::SourceConnect,
            Phase::AwaitingStream => WaitingFor::SourceStream,
            Phase::AwaitingPlay | Phase::Playing | Phase::Closed => WaitingFor::SourcePlay,
        }
    }
}

impl Session for ClientSession {
    fn handle_input(&mut self, input: &[u8], now: Instant) -> Result<(), Error> {
        self.link.begin_input(input, now)?;
        let outcome = self.process(input);
        self.conclude(outcome)?;
        self.handle_timeout(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let limits = &self.link.limits;
        match (self.phase, self.link.last_media()) {
            (Phase::Closed, _) => None,
            (Phase::Playing, Some(last_media)) => Some(last_media + limits.idle_timeout),
            _ => Some(self.began + limits.setup_timeout),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.link.check()?;
        self.link.now = now;
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        let kind = match self.phase {
            Phase::Playing => ErrorKind::IdleTimeout { after: self.link.limits.idle_timeout },
            _ => ErrorKind::SetupTimeout {
                after: self.link.limits.setup_timeout,
                waiting_for: self.waiting_for(),
            },
        };
        self.conclude(Err(kind))
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.link.events.pop_front()
    }

    fn poll_transmit(&mut self) -> Option<Bytes> {
        self.link.transmit()
    }

    fn stats(&self) -> Stats {
        self.link.stats()
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Closed
    }

    fn ended_by_peer(&self, cause: ErrorKind) -> Result<(), Error> {
        let kind = match (cause, self.phase) {
            (_, Phase::Closed) => return self.check(),
            (ErrorKind::Disconnected, Phase::Playing) => ErrorKind::SourceDisconnected,
            (ErrorKind::Disconnected, _) => ErrorKind::SourceHungUp { waiting_for: self.waiting_for() },
            (cause, _) => cause,
        };
        Err(self.link.error(kind))
    }

    fn check(&self) -> Result<(), Error> {
        self.link.check()
    }
}
