//! What viewers are told of a stream, and how many of them there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;
use tokio::sync::watch;

use crate::catalog::{Status, VideoId};

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

/// The streams that somebody watches or publishes.
#[derive(Clone, Default)]
pub(crate) struct Board {
    entries: Arc<Mutex<HashMap<VideoId, Entry>>>,
}

struct Entry {
    brief: watch::Sender<Brief>,
    /// Sockets by the viewer's own name: one person with two tabs is one viewer.
    viewers: HashMap<String, usize>,
}

/// One socket that watches; the viewer counts until this is dropped.
pub(crate) struct Watching {
    pub(crate) brief: watch::Receiver<Brief>,
    board: Board,
    id: VideoId,
    viewer: String,
}

impl Board {
    /// Counts a viewer in. `status` is what the catalog says, for a stream that isn't on the board.
    pub(crate) fn watch(&self, id: &VideoId, viewer: String, status: Status) -> Watching {
        let mut entries = self.lock();
        let entry = entries.entry(id.clone()).or_insert_with(|| Entry::new(status));
        *entry.viewers.entry(viewer.clone()).or_default() += 1;
        entry.recount();
        Watching { brief: entry.brief.subscribe(), board: self.clone(), id: id.clone(), viewer }
    }

    /// A stream's state has changed.
    pub(crate) fn set(&self, id: &VideoId, status: Status, reconnecting: bool) {
        let mut entries = self.lock();
        let entry = entries.entry(id.clone()).or_insert_with(|| Entry::new(status));
        entry.brief.send_if_modified(|brief| {
            let next = Brief { status, is_live_now: status == Status::Live, reconnecting, ..brief.clone() };
            let changed = *brief != next;
            *brief = next;
            changed
        });
        // A stream that is off the air stays on the board for as long as somebody watches it.
        if status != Status::Live && entry.viewers.is_empty() {
            entries.remove(id);
        }
    }

    /// Viewers of a stream now.
    pub(crate) fn viewers(&self, id: &VideoId) -> usize {
        self.lock().get(id).map_or(0, |entry| entry.viewers.len())
    }

    fn leave(&self, id: &VideoId, viewer: &str) {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(id) else { return };
        if let Some(sockets) = entry.viewers.get_mut(viewer) {
            *sockets -= 1;
            if *sockets == 0 {
                entry.viewers.remove(viewer);
            }
        }
        entry.recount();
        if entry.viewers.is_empty() && !entry.brief.borrow().is_live_now {
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
        Self { brief: watch::Sender::new(brief), viewers: HashMap::new() }
    }

    fn recount(&self) {
        let count = self.viewers.len();
        self.brief.send_if_modified(|brief| std::mem::replace(&mut brief.viewers, count) != count);
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

    #[test]
    fn one_person_with_two_tabs_is_one_viewer() {
        let board = Board::default();
        let first = board.watch(&id(), "ann".into(), Status::Pending);
        let second = board.watch(&id(), "ann".into(), Status::Pending);
        let third = board.watch(&id(), "bob".into(), Status::Pending);
        assert_eq!(board.viewers(&id()), 2);
        drop(second);
        assert_eq!(board.viewers(&id()), 2);
        drop((first, third));
        assert_eq!(board.viewers(&id()), 0);
        assert!(board.lock().is_empty(), "nobody is kept on the board for nothing");
    }

    #[test]
    fn a_watcher_hears_of_every_state() {
        let board = Board::default();
        let mut watching = board.watch(&id(), "ann".into(), Status::Pending);
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
