use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::{Error, Event, Limits, Refusal, Stats};

/// One publisher's connection, without its I/O.
pub struct ServerSession {
    limits: Limits,
    started: Instant,
    events: VecDeque<Event>,
    stats: Stats,
}

impl ServerSession {
    /// A session that starts `now`.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self { limits, started: now, events: VecDeque::new(), stats: Stats::default() }
    }

    /// Takes bytes from the peer.
    pub fn handle_input(&mut self, input: &[u8], _now: Instant) -> Result<(), Error> {
        self.stats.bytes_received += input.len() as u64;
        Ok(())
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.started + self.limits.setup_timeout)
    }

    /// Tells the session that its deadline may have passed.
    pub fn handle_timeout(&mut self, _now: Instant) -> Result<(), Error> {
        Ok(())
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next bytes to send to the peer.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        None
    }

    /// Accepts the pending publish.
    pub fn accept_publish(&mut self) {}

    /// Refuses the pending publish.
    pub fn refuse_publish(&mut self, _refusal: Refusal) {}

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }
}
