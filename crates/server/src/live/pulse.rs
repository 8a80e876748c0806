//! The encoder thread's sign of life, and the word that nobody waits for it any more.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared by an encoder's thread and the task that looks after it.
#[derive(Default)]
pub(super) struct Pulse {
    beats: AtomicU64,
    given_up: AtomicBool,
}

impl Pulse {
    /// The thread gets on. Answers whether anybody still wants what it makes.
    pub(super) fn beat(&self) -> bool {
        self.beats.fetch_add(1, Ordering::Relaxed);
        !self.given_up.load(Ordering::Relaxed)
    }

    /// How often it has said so.
    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// The thread hangs: should it ever get on, it is to end at once.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}
