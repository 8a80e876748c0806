//! What viewers are told of a stream, and how many of them there are.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

use super::audience::{Attendance, Audience, Fingerprint};
use super::experience::{Experience, Report};
use crate::catalog::{Status, VideoId, ViewerSample};
use crate::config::ViewerLimits;

/// A stream in a few words, for those who watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Brief {
    pub(crate) status: Status,
    pub(crate) is_live_now: bool,
    /// On air, but the publisher is away; it may come back.
    pub(crate) reconnecting: bool,
    pub(crate) viewers: usize,
}

/// Least time from one refused viewer of a stream that is told of to the next.
const REFUSAL_PERIOD: Duration = Duration::from_secs(60);

/// The streams that somebody watches or publishes.
#[derive(Clone)]
pub(crate) struct Board {
    entries: Arc<Mutex<HashMap<VideoId, Entry>>>,
    limits: ViewerLimits,
    /// Made anew by each process.
    salt: Arc<RandomState>,
}

/// No more viewers are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// By this stream.
    Stream,
    /// By this server.
    Server,
}

struct Entry {
    brief: watch::Sender<Brief>,
    audience: Audience,
    /// Sockets that hear of the stream.
    sockets: usize,
    /// When it was last told that a viewer found no room.
    refused: Option<Instant>,
}

/// One socket that watches; the viewer counts until this is dropped.
pub(crate) struct Watching {
    pub(crate) brief: watch::Receiver<Brief>,
    board: Board,
    id: VideoId,
    viewer: String,
    /// Stalls that its player has told of.
    stalls: Option<u32>,
}

impl Board {
    pub(crate) fn new(limits: ViewerLimits) -> Self {
        Self { entries: Arc::default(), limits, salt: Arc::default() }
    }

    /// What tells one viewer from another, and tells nothing else: a hash that no other process makes.
    pub(crate) fn fingerprint(
        &self,
        address: IpAddr,
        forwarded: Option<&[u8]>,
        agent: Option<&[u8]>,
    ) -> Fingerprint {
        self.salt.hash_one((address, forwarded, agent))
    }

    /// The same of a viewer that has named itself.
    pub(crate) fn named(&self, viewer: &str) -> Fingerprint {
        self.salt.hash_one(viewer)
    }

    /// Counts a viewer in, and lets it hear of the stream, as long as there is room. `status` is what
    /// the catalog says, for a stream that isn't on the board.
    pub(crate) fn watch(
        &self,
        id: &VideoId,
        viewer: String,
        origin: Fingerprint,
        status: Status,
    ) -> Result<Watching, Full> {
        let mut entries = self.lock();
        let origins = [origin, self.named(&viewer)];
        self.has_room(&mut entries, id, |audience| audience.has_place_for(&viewer, origins))?;
        let entry = entries.entry(id.clone()).or_insert_with(|| Entry::new(status));
        entry.sockets += 1;
        entry.audience.enter(&viewer, origins);
        entry.recount();
        let brief = entry.brief.subscribe();
        Ok(Watching { brief, board: self.clone(), id: id.clone(), viewer, stalls: None })
    }

    /// Somebody asks for a playlist: counts it, unless there is no room for one more. A preview needs room
    /// and takes none.
    pub(crate) fn read(&self, id: &VideoId, origin: Fingerprint, preview: bool) -> Result<(), Full> {
        let mut entries = self.lock();
        let has_room = self.has_room(&mut entries, id, |audience| audience.knows(origin));
        // Off the air nobody is counted.
        let Some(entry) = entries.get_mut(id).filter(|entry| entry.brief.borrow().is_live_now) else {
            return Ok(());
        };
        has_room?;
        if !preview {
            entry.audience.read(origin, Instant::now());
            entry.recount();
        }
        Ok(())
    }

    /// Whether it is worth telling that a viewer of this stream was refused; then not for a while.
    pub(crate) fn refusal_is_news(&self, id: &VideoId, now: Instant) -> bool {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(id) else { return false };
        let is_news = entry.refused.is_none_or(|told| now - told >= REFUSAL_PERIOD);
        if is_news {
            entry.refused = Some(now);
        }
        is_news
    }

    /// Whether one more may watch, or one who `is_counted` already.
    fn has_room(
        &self,
        entries: &mut HashMap<VideoId, Entry>,
        id: &VideoId,
        is_counted: impl FnOnce(&Audience) -> bool,
    ) -> Result<(), Full> {
        let now = Instant::now();
        if let Some(entry) = entries.get_mut(id) {
            entry.audience.sweep(now);
            if is_counted(&entry.audience) {
                return Ok(());
            }
            if entry.audience.current() >= self.limits.of_stream {
                return Err(Full::Stream);
            }
        }
        let in_all: usize = entries.values().map(|entry| entry.audience.current()).sum();
        if in_all >= self.limits.in_all { Err(Full::Server) } else { Ok(()) }
    }

    /// A stream's state has changed.
    pub(crate) fn set(&self, id: &VideoId, status: Status, reconnecting: bool) {
        let mut entries = self.lock();
        let entry = entries.entry(id.clone()).or_insert_with(|| Entry::new(status));
        let mut starts = false;
        entry.brief.send_if_modified(|brief| {
            let next = Brief { status, is_live_now: status == Status::Live, reconnecting, ..brief.clone() };
            let changed = *brief != next;
            starts = next.is_live_now && !brief.is_live_now;
            *brief = next;
            changed
        });
        if starts {
            entry.audience.restart();
        }
        // A stream that is off the air stays on the board for as long as somebody watches it.
        if status != Status::Live && entry.sockets == 0 {
            entries.remove(id);
        }
    }

    /// Viewers of a stream.
    pub(crate) fn attendance(&self, id: &VideoId) -> Attendance {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(id) else { return Attendance::default() };
        entry.audience.sweep(Instant::now());
        entry.recount();
        entry.audience.attendance()
    }

    /// What the viewers of a stream see.
    pub(crate) fn experience(&self, id: &VideoId) -> Option<Experience> {
        self.lock().get(id)?.audience.experience()
    }

    /// The viewers of a stream as the catalog keeps them.
    pub(super) fn sample(&self, id: &VideoId, slot: u32, bits_per_second: u64) -> ViewerSample {
        let viewers = self.attendance(id).current;
        let entries = self.lock();
        let audience = entries.get(id).map(|entry| &entry.audience);
        let seen = audience.and_then(Audience::experience).unwrap_or_default();
        let stalls = audience.map_or(0, Audience::stalls);
        seen.sample(slot, viewers, stalls, bits_per_second)
    }

    fn leave(&self, id: &VideoId, viewer: &str) {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(id) else { return };
        entry.sockets -= 1;
        entry.audience.leave(viewer);
        entry.recount();
        if entry.sockets == 0 && !entry.brief.borrow().is_live_now {
            entries.remove(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VideoId, Entry>> {
        // A panic elsewhere leaves counts that are at worst stale.
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Entry {
    fn new(status: Status) -> Self {
        let is_live_now = status == Status::Live;
        let brief = Brief { status, is_live_now, reconnecting: false, viewers: 0 };
        Self { brief: watch::Sender::new(brief), audience: Audience::default(), sockets: 0, refused: None }
    }

    fn recount(&self) {
        let count = self.audience.current();
        self.brief.send_if_modified(|brief| std::mem::replace(&mut brief.viewers, count) != count);
    }
}

impl Watching {
    /// What the viewer's player says of its picture.
    pub(crate) fn report(&mut self, report: Report) {
        // A socket's first report may tell of stalls that were counted when it had another socket.
        let before = self.stalls.replace(report.stalls).unwrap_or(report.stalls);
        let stalls = report.stalls.saturating_sub(before);
        if let Some(entry) = self.board.lock().get_mut(&self.id) {
            entry.audience.report(&self.viewer, report, stalls);
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.board.leave(&self.id, &self.viewer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> VideoId {
        VideoId::parse("a").unwrap()
    }

    fn board(of_stream: usize, in_all: usize) -> Board {
        Board::new(ViewerLimits { of_stream, in_all })
    }

    #[test]
    fn one_person_with_two_tabs_is_one_viewer() {
        let board = board(10, 10);
        let viewers = || board.attendance(&id()).current;
        let first = board.watch(&id(), "ann".into(), 1, Status::Pending).unwrap();
        let second = board.watch(&id(), "ann".into(), 1, Status::Pending).unwrap();
        let third = board.watch(&id(), "bob".into(), 2, Status::Pending).unwrap();
        assert_eq!(viewers(), 2);
        drop(second);
        assert_eq!(viewers(), 2);
        drop((first, third));
        assert_eq!(viewers(), 0);
        assert!(board.lock().is_empty(), "nobody is kept on the board for nothing");
    }

    #[test]
    fn a_named_player_and_its_socket_are_one_viewer() {
        let board = board(10, 10);
        board.set(&id(), Status::Live, false);
        for name in ["ann", "bob", "ann"] {
            assert_eq!(board.read(&id(), board.named(name), false), Ok(()));
        }
        assert_eq!(board.attendance(&id()), Attendance { current: 2, peak: 2, total: 2 });
        let ann = board.watch(&id(), "ann".into(), 1, Status::Live).unwrap();
        assert_eq!(board.read(&id(), board.named("ann"), false), Ok(()));
        assert_eq!(board.attendance(&id()), Attendance { current: 2, peak: 2, total: 2 });
        drop(ann);
        assert_eq!(board.attendance(&id()).current, 1);
    }

    #[test]
    fn stalls_are_summed_over_sockets_and_told_once() {
        let board = board(10, 10);
        let report = |stalls: u32| serde_json::from_value(serde_json::json!({ "stalls": stalls })).unwrap();
        board.set(&id(), Status::Live, false);
        let watch = || board.watch(&id(), "ann".into(), 1, Status::Live).unwrap();
        let mut tabs = [watch(), watch()];
        for (tab, stalls) in [(0, 0), (1, 7), (0, 2), (1, 7), (0, 3)] {
            tabs[tab].report(report(stalls));
        }
        assert_eq!(
            board.sample(&id(), 4, 80),
            ViewerSample {
                slot: 4,
                viewers: 1,
                latency_p50: None,
                latency_p95: None,
                stalls: 3,
                bits_per_second: 80,
            }
        );
        drop(tabs);
        assert_eq!(board.sample(&id(), 5, 0).stalls, 3, "who has left has stood still all the same");
        board.set(&id(), Status::Ready, false);
        board.set(&id(), Status::Live, false);
        assert_eq!(board.sample(&id(), 0, 0).stalls, 0, "a broadcast's own");
    }

    #[test]
    fn newcomers_find_no_room_and_those_who_watch_stay() {
        let board = board(2, 3);
        let other = VideoId::parse("b").unwrap();
        board.set(&id(), Status::Live, false);
        board.set(&other, Status::Live, false);
        let ann = board.watch(&id(), "ann".into(), 1, Status::Live).unwrap();
        assert_eq!(board.read(&id(), 2, false), Ok(()));
        assert_eq!(board.read(&id(), 3, false), Err(Full::Stream));
        assert_eq!(board.read(&id(), 3, true), Err(Full::Stream));
        let now = Instant::now();
        let news = [now, now + REFUSAL_PERIOD / 2, now + REFUSAL_PERIOD];
        assert_eq!(news.map(|now| board.refusal_is_news(&id(), now)), [true, false, true]);
        assert_eq!(board.read(&other, 9, true), Ok(()), "a preview takes no room");
        let watch = |viewer: &str, origin| board.watch(&id(), viewer.into(), origin, Status::Live);
        for origin in [1, 3] {
            assert_eq!(watch("cat", origin).err(), Some(Full::Stream), "an address is no viewer");
        }
        let again = watch("ann", 3).unwrap();
        assert_eq!(board.read(&id(), 3, false), Err(Full::Stream));
        for known in [1, 2, 1, 2] {
            assert_eq!(board.read(&id(), known, false), Ok(()));
        }
        assert_eq!((board.read(&other, 1, false), board.read(&other, 5, false)), (Ok(()), Err(Full::Server)));
        assert_eq!(board.attendance(&id()), Attendance { current: 2, peak: 2, total: 2 });
        let bob = watch("bob", 2).unwrap();
        assert_eq!(board.attendance(&id()).current, 2, "who was counted as a reader has its place");
        drop((ann, again, bob));
        assert_eq!(board.read(&id(), 3, false), Ok(()));
        board.set(&id(), Status::Ready, false);
        assert_eq!(board.read(&id(), 77, false), Ok(()), "the last window is read by whoever likes");
        assert!(!board.lock().contains_key(&id()));
    }

    #[test]
    fn a_watcher_hears_of_every_state() {
        let board = board(10, 10);
        let mut watching = board.watch(&id(), "ann".into(), 1, Status::Pending).unwrap();
        board.set(&id(), Status::Live, false);
        assert!(watching.brief.has_changed().unwrap());
        let brief = watching.brief.borrow_and_update().clone();
        assert_eq!(brief, Brief { status: Status::Live, is_live_now: true, reconnecting: false, viewers: 1 });
        board.set(&id(), Status::Live, false);
        assert!(!watching.brief.has_changed().unwrap(), "no news is not told");
        board.set(&id(), Status::Ready, false);
        assert!(!watching.brief.borrow_and_update().is_live_now);
    }
}
