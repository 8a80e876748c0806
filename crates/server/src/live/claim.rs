//! A session's claim on its broadcast, and whether it has to yield to another's.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::catalog::SecondPublisher;

/// A publisher without media for so long has lost its stream to whoever else has the key.
const SILENCE: Duration = Duration::from_secs(2);

/// Where a session's media come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An encoder at this address.
    Encoder(IpAddr),
    /// Another server, which Weir plays.
    Source,
}

/// The claim of one session.
#[derive(Debug)]
pub(super) struct Claim {
    /// Counts the broadcast's sessions: a later one has a higher number.
    pub(super) session: u64,
    origin: Origin,
    /// When its last media came; before the first, when it was let in.
    heard: Mutex<Instant>,
}

impl Origin {
    /// An encoder at `address`; IPv4 is IPv4, in whatever notation a socket names it.
    pub(crate) fn encoder(address: IpAddr) -> Self {
        Self::Encoder(address.to_canonical())
    }
}

impl Claim {
    pub(super) fn new(session: u64, origin: Origin, now: Instant) -> Self {
        Self { session, origin, heard: Mutex::new(now) }
    }

    /// Its media came.
    pub(super) fn hear(&self, now: Instant) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// How long it has been without media.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a session from `origin` takes over from it.
    pub(super) fn yields_to(&self, origin: Origin, policy: SecondPublisher, now: Instant) -> bool {
        let is_silent = self.silence(now) >= SILENCE;
        policy == SecondPublisher::Takeover && (is_silent || self.origin == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder(address: &str) -> Origin {
        Origin::encoder(address.parse().unwrap())
    }

    #[test]
    fn it_yields_to_its_own_address_at_once_and_to_others_when_silent() {
        let start = Instant::now();
        let claim = Claim::new(0, encoder("192.0.2.1"), start);
        let yields = |origin, after| claim.yields_to(origin, SecondPublisher::Takeover, start + after);
        assert!(yields(encoder("::ffff:192.0.2.1"), Duration::ZERO));
        assert!(!yields(encoder("192.0.2.2"), Duration::from_millis(1999)));
        assert!(!yields(Origin::Source, Duration::ZERO));
        assert!(yields(encoder("192.0.2.2"), SILENCE));
        claim.hear(start + SILENCE);
        assert!(!yields(encoder("192.0.2.2"), SILENCE));
    }

    #[test]
    fn it_never_yields_where_a_second_publisher_is_rejected() {
        let start = Instant::now();
        let claim = Claim::new(0, encoder("192.0.2.1"), start);
        assert!(!claim.yields_to(encoder("192.0.2.1"), SecondPublisher::Reject, start + SILENCE * 10));
    }
}
