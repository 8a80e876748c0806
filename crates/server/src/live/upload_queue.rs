//! Segments on their way to the object store, bounded: encoding never waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hls_mux::playlist::Entry;
use hls_mux::{MediaSequence, Segment, segment_name};
use tokio::sync::Notify;

/// What waits at most, in segments; at two seconds each, a minute of outage loses nothing.
const SEGMENTS: usize = 32;
/// What waits at most, in bytes.
const BYTES: usize = 64 << 20;

/// The hand-over from the encoder's thread to the stream's publisher.
#[derive(Default)]
pub(super) struct UploadQueue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    ended: bool,
}

/// A place in the order of segments.
#[derive(Clone)]
pub(super) enum Item {
    /// To be stored.
    Segment(Pending),
    /// Given up because newer ones needed the room: all that is left is its place in the playlist.
    Gap(Entry),
}

/// A segment that isn't stored yet.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) segment: Arc<Segment>,
    /// When it was complete.
    pub(super) since: Instant,
}

impl Item {
    fn sequence(&self) -> MediaSequence {
        match self {
            Self::Segment(pending) => pending.segment.sequence,
            Self::Gap(entry) => entry.sequence,
        }
    }
}

impl UploadQueue {
    /// Adds a segment; returns how many older ones had to make room.
    pub(super) fn push(&self, segment: Arc<Segment>) -> u64 {
        let mut state = self.lock();
        state.bytes += segment.data.len();
        state.items.push_back(Item::Segment(Pending { segment, since: Instant::now() }));
        let mut dropped = 0;
        while state.waiting() > 1 && (state.waiting() > SEGMENTS || state.bytes > BYTES) {
            state.drop_oldest();
            dropped += 1;
        }
        drop(state);
        self.changed.notify_one();
        dropped
    }

    /// Nothing is pushed any more.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_one();
    }

    /// The oldest item, which stays in its place; `None` once the queue has ended and is empty.
    pub(super) async fn front(&self) -> Option<Item> {
        loop {
            {
                let state = self.lock();
                if let Some(item) = state.items.front() {
                    return Some(item.clone());
                }
                if state.ended {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// The item at the front is dealt with. One that was dropped meanwhile is taken out all the same.
    pub(super) fn complete(&self, sequence: MediaSequence) {
        let mut state = self.lock();
        if state.items.front().is_some_and(|item| item.sequence() == sequence)
            && let Some(Item::Segment(done)) = state.items.pop_front()
        {
            state.bytes -= done.segment.data.len();
        }
    }

    /// Whether a segment still waits, and hasn't been dropped.
    pub(super) fn wants(&self, sequence: MediaSequence) -> bool {
        matches!(self.lock().items.front(), Some(Item::Segment(p)) if p.segment.sequence == sequence)
    }

    /// Segments and bytes that wait.
    pub(super) fn depth(&self) -> (usize, usize) {
        let state = self.lock();
        (state.waiting(), state.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, Item::Segment(_))).count()
    }

    fn drop_oldest(&mut self) {
        let oldest = self.items.iter_mut().find(|item| matches!(item, Item::Segment(_)));
        if let Some(item) = oldest
            && let Item::Segment(pending) = item
        {
            self.bytes -= pending.segment.data.len();
            let name = segment_name(pending.segment.sequence);
            *item = Item::Gap(Entry { gap: true, ..Entry::new(&pending.segment, name) });
        }
        // Gaps older than any playlist could list need no place.
        while self.items.len() > SEGMENTS + crate::config::MAX_PLAYLIST_WINDOW {
            self.items.pop_front();
        }
    }
}
