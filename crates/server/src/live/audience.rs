//! Who watches a stream: by their sockets, and by the playlists that they ask for.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::experience::{Experience, Report};

/// A player without a socket that has asked for no playlist for so long is gone: three times what the
/// slowest blocking reload takes.
const READER_EXPIRY: Duration = Duration::from_secs(20);
/// How often the gone are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// Where requests come from, as a salted hash: nothing that says who it is.
pub(crate) type Fingerprint = u64;

/// The viewers of one stream.
#[derive(Default)]
pub(super) struct Audience {
    /// By the name that a viewer gave itself: one person with two tabs is one viewer.
    sockets: HashMap<String, Socket>,
    /// How many sockets' viewers come from there, or have that name.
    origins: HashMap<Fingerprint, usize>,
    /// Those who ask for playlists and have no socket; when they last did.
    readers: HashMap<Fingerprint, Instant>,
    swept: Option<Instant>,
    peak: usize,
    total: u64,
    stalls: u64,
}

struct Socket {
    count: usize,
    origins: [Fingerprint; 2],
    report: Option<Report>,
}

/// How many watch, at most at once since the broadcast began, and in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attendance {
    pub(crate) current: usize,
    pub(crate) peak: usize,
    pub(crate) total: u64,
}

impl Audience {
    /// Counts a socket in; its viewer's player may be known by where it is, or by its name.
    pub(super) fn enter(&mut self, viewer: &str, origins: [Fingerprint; 2]) {
        if let Some(socket) = self.sockets.get_mut(viewer) {
            socket.count += 1;
            return;
        }
        self.sockets.insert(viewer.to_owned(), Socket { count: 1, origins, report: None });
        for origin in origins {
            *self.origins.entry(origin).or_default() += 1;
        }
        // Who has asked for a playlist before was counted then.
        let known = origins.map(|origin| self.readers.remove(&origin).is_some());
        self.note(!known.contains(&true));
    }

    /// Counts a socket out.
    pub(super) fn leave(&mut self, viewer: &str) {
        let Some(socket) = self.sockets.get_mut(viewer) else { return };
        socket.count -= 1;
        if socket.count > 0 {
            return;
        }
        let origins = socket.origins;
        self.sockets.remove(viewer);
        for origin in origins {
            if let Some(count) = self.origins.get_mut(&origin) {
                *count -= 1;
                if *count == 0 {
                    self.origins.remove(&origin);
                }
            }
        }
    }

    /// Whether that viewer's socket would be no more viewer than there are: it has one, or is counted as a reader, whose
    /// place it takes. Others where it comes from have their own places.
    pub(super) fn has_place_for(&self, viewer: &str, origins: [Fingerprint; 2]) -> bool {
        self.sockets.contains_key(viewer) || origins.iter().any(|origin| self.readers.contains_key(origin))
    }

    /// Whether who reads from there is counted already.
    pub(super) fn knows(&self, origin: Fingerprint) -> bool {
        self.readers.contains_key(&origin) || self.origins.contains_key(&origin)
    }

    /// Somebody asks for a playlist.
    pub(super) fn read(&mut self, origin: Fingerprint, now: Instant) {
        if self.origins.contains_key(&origin) {
            return;
        }
        let is_new = self.readers.insert(origin, now).is_none();
        self.note(is_new);
    }

    /// Forgets readers that are gone.
    pub(super) fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| now - swept >= SWEEP) {
            self.swept = Some(now);
            self.readers.retain(|_, seen| now - *seen < READER_EXPIRY);
        }
    }

    /// A broadcast begins: its figures are its own.
    pub(super) fn restart(&mut self) {
        self.peak = self.current();
        self.total = self.peak as u64;
        self.stalls = 0;
    }

    pub(super) fn current(&self) -> usize {
        self.sockets.len() + self.readers.len()
    }

    pub(super) fn attendance(&self) -> Attendance {
        Attendance { current: self.current(), peak: self.peak, total: self.total }
    }

    /// What a viewer says of its picture; only the newest counts. `stalls` are those that are new.
    pub(super) fn report(&mut self, viewer: &str, report: Report, stalls: u32) {
        self.stalls = self.stalls.saturating_add(stalls.into());
        if let Some(socket) = self.sockets.get_mut(viewer) {
            socket.report = Some(report);
        }
    }

    pub(super) fn experience(&self) -> Option<Experience> {
        Experience::of(self.sockets.values().filter_map(|socket| socket.report.as_ref()))
    }

    /// Times that pictures stood still, since the broadcast began.
    pub(super) fn stalls(&self) -> u64 {
        self.stalls
    }

    fn note(&mut self, is_new: bool) {
        self.total += u64::from(is_new);
        self.peak = self.peak.max(self.current());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_with_a_socket_and_a_player_is_one_viewer() {
        let (mut audience, now) = (Audience::default(), Instant::now());
        audience.read(1, now);
        audience.enter("ann", [1, 11]);
        audience.read(1, now);
        assert_eq!(audience.attendance(), Attendance { current: 1, peak: 1, total: 1 });
        audience.enter("bob", [1, 12]);
        audience.read(2, now);
        assert_eq!(audience.attendance(), Attendance { current: 3, peak: 3, total: 3 });
        audience.leave("ann");
        audience.leave("bob");
        audience.leave("bob");
        assert_eq!(audience.attendance(), Attendance { current: 1, peak: 3, total: 3 });
        assert!(audience.knows(2) && !audience.knows(1));
    }

    #[test]
    fn a_reader_who_asks_no_more_is_gone() {
        let (mut audience, now) = (Audience::default(), Instant::now());
        audience.read(1, now);
        audience.read(2, now);
        audience.sweep(now);
        audience.read(2, now + READER_EXPIRY / 2);
        audience.sweep(now + READER_EXPIRY);
        assert!(audience.knows(2) && !audience.knows(1));
        audience.restart();
        assert_eq!(audience.attendance(), Attendance { current: 1, peak: 1, total: 1 });
    }
}
