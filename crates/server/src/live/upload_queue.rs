//! Segments on their way to the object store, bounded: encoding never waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hls_mux::playlist::Entry;
use hls_mux::{MediaSequence, Segment, segment_name};
use media::MediaDuration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::config::{MAX_PLAYLIST_WINDOW, UploadLimits};

/// The hand-over from the encoder's thread to the stream's publisher, which takes several segments at a time and settles
/// them in their order.
pub(super) struct UploadQueue {
    limits: UploadLimits,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Those that were taken come first.
    items: VecDeque<Item>,
    /// Segments among them, with their bytes and their length.
    waiting: usize,
    bytes: usize,
    duration: MediaDuration,
    /// The first that wasn't taken is this one, or comes after it.
    next: MediaSequence,
    ended: bool,
    /// Segments were dropped, and none was stored since.
    dropping: bool,
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
    /// Cancelled when it has to make room.
    pub(super) given_up: CancellationToken,
}

impl Item {
    fn sequence(&self) -> MediaSequence {
        match self {
            Self::Segment(pending) => pending.segment.sequence,
            Self::Gap(entry) => entry.sequence,
        }
    }
}

impl Pending {
    /// Its place, without itself.
    pub(super) fn gap(&self) -> Entry {
        let name = segment_name(self.segment.sequence);
        Entry { gap: true, ..Entry::new(&self.segment, name) }
    }
}

impl UploadQueue {
    pub(super) fn new(limits: UploadLimits) -> Self {
        Self { limits, state: Mutex::default(), changed: Notify::new() }
    }

    /// Adds a segment; returns how many older ones had to make room.
    pub(super) fn push(&self, segment: Arc<Segment>) -> u64 {
        let mut state = self.lock();
        state.waiting += 1;
        state.bytes += segment.data.len();
        state.duration += segment.duration;
        let pending = Pending { segment, since: Instant::now(), given_up: CancellationToken::new() };
        state.items.push_back(Item::Segment(pending));
        let mut dropped = 0;
        while state.waiting > 1 && state.exceeds(self.limits) {
            state.drop_oldest();
            dropped += 1;
        }
        if dropped > 0 && !std::mem::replace(&mut state.dropping, true) {
            tracing::warn!(
                waiting = state.waiting,
                bytes = state.bytes,
                "too many segments wait for the object store: the oldest are given up, as gaps in its playlist"
            );
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

    /// The oldest item that wasn't taken yet; it keeps its place until it is settled. `None` once the queue has ended and
    /// all are taken.
    pub(super) async fn take(&self) -> Option<Item> {
        loop {
            {
                let mut state = self.lock();
                let next = state.next;
                if let Some(item) = state.items.iter().find(|item| item.sequence() >= next).cloned() {
                    state.next = item.sequence().next();
                    return Some(item);
                }
                if state.ended {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// The item of that number, and whatever is older, is dealt with.
    pub(super) fn settle(&self, sequence: MediaSequence) {
        let mut state = self.lock();
        while state.items.front().is_some_and(|item| item.sequence() <= sequence) {
            if let Some(Item::Segment(stored)) = state.items.pop_front() {
                state.forget(&stored.segment);
                state.dropping = false;
            }
        }
    }

    /// Segments and bytes that wait.
    pub(super) fn depth(&self) -> (usize, usize) {
        let state = self.lock();
        (state.waiting, state.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn exceeds(&self, limits: UploadLimits) -> bool {
        self.bytes > limits.bytes || self.duration > limits.duration
    }

    fn forget(&mut self, segment: &Segment) {
        self.waiting -= 1;
        self.bytes -= segment.data.len();
        self.duration = self.duration - segment.duration;
    }

    fn drop_oldest(&mut self) {
        let oldest = self.items.iter_mut().find(|item| matches!(item, Item::Segment(_)));
        if let Some(item) = oldest
            && let Item::Segment(pending) = item
        {
            pending.given_up.cancel();
            let segment = pending.segment.clone();
            *item = Item::Gap(pending.gap());
            self.forget(&segment);
        }
        // Gaps older than any playlist could list need no place.
        while self.items.len() - self.waiting > MAX_PLAYLIST_WINDOW {
            self.items.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use bytes::Bytes;
    use media::Timestamp;

    use super::*;

    fn segment(number: u64, bytes: usize) -> Arc<Segment> {
        Arc::new(Segment {
            sequence: MediaSequence::new(number),
            start: Timestamp::ZERO,
            duration: MediaDuration::from_secs(2),
            program_date_time: SystemTime::UNIX_EPOCH,
            discontinuity: false,
            independent: true,
            data: Bytes::from(vec![0; bytes]),
            parts: Vec::new(),
        })
    }

    fn queue(bytes: usize, seconds: i64) -> UploadQueue {
        UploadQueue::new(UploadLimits { bytes, duration: MediaDuration::from_secs(seconds) })
    }

    async fn taken(queue: &UploadQueue) -> (u64, bool) {
        let item = queue.take().await.unwrap();
        (item.sequence().get(), matches!(item, Item::Gap(_)))
    }

    #[tokio::test]
    async fn seconds_and_bytes_bound_what_waits() {
        for queue in [queue(usize::MAX, 6), queue(300, 1000)] {
            let dropped: u64 = (0..5).map(|number| queue.push(segment(number, 100))).sum();
            assert_eq!((dropped, queue.depth()), (2, (3, 300)));
            assert_eq!([taken(&queue).await, taken(&queue).await], [(0, true), (1, true)]);
            assert_eq!(taken(&queue).await, (2, false));
        }
        let queue = queue(10, 1);
        assert_eq!(queue.push(segment(0, 100)), 0, "the newest always fits");
    }

    #[tokio::test]
    async fn one_that_was_taken_makes_room_first() {
        let queue = queue(usize::MAX, 4);
        queue.push(segment(0, 1));
        queue.push(segment(1, 1));
        let Some(Item::Segment(first)) = queue.take().await else { panic!("it waits") };
        assert_eq!(queue.push(segment(2, 1)), 1);
        assert!(first.given_up.is_cancelled());
        assert_eq!(taken(&queue).await, (1, false));
        queue.settle(MediaSequence::new(0));
        queue.settle(MediaSequence::new(1));
        assert_eq!((taken(&queue).await, queue.depth()), ((2, false), (1, 1)));
        queue.settle(MediaSequence::new(2));
        queue.end();
        assert!(queue.take().await.is_none());
        assert_eq!(queue.depth(), (0, 0));
    }

    #[tokio::test]
    async fn gaps_are_bounded_too() {
        let queue = queue(usize::MAX, 2);
        for number in 0..1000 {
            queue.push(segment(number, 1));
        }
        assert_eq!(taken(&queue).await, (999 - MAX_PLAYLIST_WINDOW as u64, true));
    }
}
