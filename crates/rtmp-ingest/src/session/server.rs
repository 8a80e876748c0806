mod commands;

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::Session;
use super::link::{Link, Request};
use crate::handshake::{Progress, ServerHandshake};
use crate::{Error, ErrorKind, Event, Limits, Refusal, Stats, WaitingFor};
use commands::App;

/// One publisher's connection, without its I/O.
///
/// It takes nothing on trust: bytes, commands and time are limited more narrowly until
/// [`accept_publish`](Self::accept_publish). See [`Session`] for how it is driven.
pub struct ServerSession {
    link: Link,
    phase: Phase,
    /// When the current wait for a publish began.
    setup_began: Instant,
    handshake: ServerHandshake,
    app: Option<App>,
    /// The message stream of the publish that is pending or going on.
    publish_stream: u32,
    last_stream: u32,
    commands: CommandCount,
    /// Input that waits for the publish decision.
    held: BytesMut,
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

/// Counts the commands before a publish, also second by second.
struct CommandCount {
    second_began: Instant,
    in_second: u32,
    in_all: u32,
}

impl ServerSession {
    /// A session that starts `now`.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            link: Link::new(limits, now),
            phase: Phase::Handshaking,
            setup_began: now,
            handshake: ServerHandshake::new(),
            app: None,
            publish_stream: 0,
            last_stream: 0,
            commands: CommandCount::new(now),
            held: BytesMut::new(),
        }
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
        self.link.open_media(self.publish_stream);
        self.link.writer.stream_begin(self.publish_stream);
        let (code, description) = ("NetStream.Publish.Start", "Publishing.");
        self.link.writer.status(self.publish_stream, "status", code, description);
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
            self.link.writer.status(self.publish_stream, "error", refusal.code(), description);
            self.held = BytesMut::new();
            self.phase = Phase::Closed;
        }
    }

    /// Asks an encoder that publishes to connect anew, to the same URL: it goes on here until it has
    /// (enhanced RTMP v2, "Reconnect Request"). `false` where it didn't announce that it understands that.
    pub fn request_reconnect(&mut self, description: &str) -> bool {
        let understands =
            self.phase == Phase::Publishing && self.app.as_ref().is_some_and(|app| app.reconnects);
        if understands {
            self.link.writer.status(0, "status", "NetConnection.Connect.ReconnectRequest", description);
        }
        understands
    }

    /// Takes an accepted publish back: the encoder hears why, and the session is over. The code is one
    /// that encoders know as final.
    ///
    /// Does nothing if nothing is being published.
    pub fn take_publish_back(&mut self, description: &str) {
        if self.phase == Phase::Publishing {
            let code = "NetStream.Publish.BadName";
            self.link.writer.status(self.publish_stream, "error", code, description);
            self.phase = Phase::Closed;
        }
    }

    /// An error at the current place in the connection.
    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        self.link.error(kind)
    }

    fn conclude(&mut self, outcome: Result<(), ErrorKind>) -> Result<(), Error> {
        let outcome = self.link.conclude(outcome);
        if outcome.is_err() {
            self.phase = Phase::Closed;
            self.held = BytesMut::new();
        }
        outcome
    }

    fn process(&mut self, mut input: &[u8]) -> Result<(), ErrorKind> {
        loop {
            match self.phase {
                Phase::Closed => return Ok(()),
                Phase::Deciding => return self.hold(input),
                Phase::Handshaking => {
                    if input.is_empty() {
                        return Ok(());
                    }
                    self.shake_hands(&mut input)?;
                }
                Phase::AwaitingConnect | Phase::Connected | Phase::Publishing => {
                    let Some(message) = self.link.read(&mut input)? else { break };
                    if let Some(Request::Command { stream_id, values }) = self.link.message(&message)? {
                        self.command(stream_id, &values)?;
                    }
                }
            }
        }
        self.link.settle()
    }

    fn hold(&mut self, input: &[u8]) -> Result<(), ErrorKind> {
        let limit = self.link.limits.max_buffered_before_publish;
        if self.held.len() + input.len() > limit {
            return Err(ErrorKind::TooMuchBeforeDecision { limit });
        }
        self.held.extend_from_slice(input);
        Ok(())
    }

    fn shake_hands(&mut self, input: &mut &[u8]) -> Result<(), ErrorKind> {
        let before = input.len();
        let progress = self.handshake.read(input);
        self.link.consume(before - input.len());
        match progress {
            Ok(Progress { answer, is_complete }) => {
                self.link.writer.raw(&answer);
                if is_complete {
                    self.phase = Phase::AwaitingConnect;
                }
                Ok(())
            }
            Err(kind) => {
                if kind == ErrorKind::HttpRequest {
                    self.link.writer.raw(HTTP_ANSWER);
                }
                Err(kind)
            }
        }
    }
}

impl Session for ServerSession {
    /// While a publish is undecided the bytes are kept, within a limit; after a refusal they are
    /// ignored.
    fn handle_input(&mut self, input: &[u8], now: Instant) -> Result<(), Error> {
        self.link.begin_input(input, now)?;
        let outcome = self.process(input);
        self.conclude(outcome)?;
        // A peer that never pauses must not outrun its deadline, and media that waited for us come before it.
        self.handle_timeout(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match (self.phase, self.link.last_media()) {
            (Phase::Closed, _) => None,
            (_, Some(last_media)) => Some(last_media + self.link.limits.idle_timeout),
            (_, None) => Some(self.setup_began + self.link.limits.setup_timeout),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.link.check()?;
        self.link.now = now;
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        let waiting_for = match self.phase {
            Phase::Closed => return Ok(()),
            Phase::Publishing => {
                let after = self.link.limits.idle_timeout;
                return self.conclude(Err(ErrorKind::IdleTimeout { after }));
            }
            Phase::Handshaking if self.handshake.is_untouched() => WaitingFor::FirstByte,
            Phase::Handshaking => WaitingFor::Handshake,
            Phase::AwaitingConnect => WaitingFor::Connect,
            Phase::Connected => WaitingFor::Publish,
            Phase::Deciding => WaitingFor::Decision,
        };
        let after = self.link.limits.setup_timeout;
        self.conclude(Err(ErrorKind::SetupTimeout { after, waiting_for }))
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
        if self.phase == Phase::Publishing { Err(self.link.error(cause)) } else { Ok(()) }
    }

    fn check(&self) -> Result<(), Error> {
        self.link.check()
    }
}

impl CommandCount {
    fn new(now: Instant) -> Self {
        Self { second_began: now, in_second: 0, in_all: 0 }
    }

    fn count(&mut self, now: Instant, limits: &Limits) -> Result<(), ErrorKind> {
        if now.saturating_duration_since(self.second_began).as_secs() > 0 {
            (self.second_began, self.in_second) = (now, 0);
        }
        self.in_second += 1;
        self.in_all += 1;
        if self.in_all > limits.max_commands_before_publish {
            return Err(ErrorKind::TooManyCommands { count: self.in_all });
        }
        let limit = limits.max_commands_per_second_before_publish;
        if self.in_second > limit { Err(ErrorKind::CommandFlood { limit }) } else { Ok(()) }
    }
}

const HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
    Content-Length: 42\r\n\r\nThis port speaks RTMP. Try the HTTP port.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_http_answer_is_as_long_as_it_says() {
        let answer = std::str::from_utf8(HTTP_ANSWER).unwrap();
        let (header, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(header.ends_with(&format!("Content-Length: {}", body.len())));
    }
}
