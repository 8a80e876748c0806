use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use crate::uploader::Operation;
use crate::{Error, Object, StoreError, Stored, Uploader};

/// One key whose content is replaced over time, e.g. a playlist: the newest version wins.
///
/// At most one attempt is under way at a time, and each attempt carries the newest version there is
/// when it starts; so a version is never sent after a newer one. One `LatestObject` must be the
/// key's only writer.
///
/// # Late writes
///
/// An attempt that is abandoned (timed out, connection lost, future dropped, answered 5xx) may still be
/// carried out by the server, and then undo a newer version that was stored meanwhile. Plain S3 gives a client no
/// means to call it back. So after an abandoned attempt, what the store holds counts as doubtful for
/// twice the per-try timeout: by then the kernel has given up on bytes it could not deliver
/// ([`crate::S3Options::delivery_timeout`]), and the server has had as long again. The first write that
/// starts after that removes the doubt. For a key that is replaced all the time, the next
/// [`replace`](Self::replace) is that write, and does away with what an old version may have undone. Before a
/// pause, and after the last version, call [`settle`](Self::settle).
#[derive(Debug)]
pub struct LatestObject {
    uploader: Uploader,
    key: String,
    content_type: &'static str,
    cache_control: &'static str,
    /// Held by the call whose attempt is under way.
    turn: tokio::sync::Mutex<()>,
    versions: Mutex<Versions>,
}

impl LatestObject {
    /// The object of that key. Nothing is written yet.
    pub fn new(
        uploader: Uploader,
        key: impl Into<String>,
        content_type: &'static str,
        cache_control: &'static str,
    ) -> Self {
        let (turn, versions) = Default::default();
        Self { uploader, key: key.into(), content_type, cache_control, turn, versions }
    }

    /// The same, where a process that has just died wrote this key: its last attempts may still be
    /// carried out, as if they had been abandoned now.
    #[must_use]
    pub fn inherited(self) -> Self {
        let settled = Instant::now() + self.uploader.policy().per_try_timeout * 2;
        self.versions().doubtful_until = Some(settled);
        self
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Makes `data` the newest version, and returns when it, or a newer one of a concurrent call, is stored.
    ///
    /// If this fails or is dropped, `data` stays the newest version, but nobody works on storing it
    /// until the next call of `replace` or `settle`.
    pub async fn replace(&self, data: Bytes) -> Result<Stored, Error> {
        let submitted = Instant::now();
        let version = self.versions().submit(data);
        let _turn = self.turn.lock().await;
        if self.versions().stored >= version {
            return Ok(Stored { attempts: 0, elapsed: submitted.elapsed() });
        }
        self.write().await
    }

    /// Returns when the newest version is stored and no late write can undo it any more: at once if
    /// there is no doubt, which is the usual case; else it waits the doubt out and writes once more.
    ///
    /// May be dropped and called again, e.g. raced against the arrival of the next version.
    pub async fn settle(&self) -> Result<(), Error> {
        loop {
            let Some(due) = self.versions().next_write_due() else { return Ok(()) };
            sleep_until(due).await;
            let _turn = self.turn.lock().await;
            // Another call may have written, or met new doubt, while this one waited.
            if self.versions().next_write_due().is_some_and(|due| due <= Instant::now()) {
                self.write().await?;
            }
        }
    }

    /// Whether a late write may undo, or have undone, the version stored last.
    pub fn is_doubtful(&self) -> bool {
        let versions = self.versions();
        versions.newest > 0 && versions.doubtful_until.is_some()
    }

    async fn write(&self) -> Result<Stored, Error> {
        let (stored, ()) = self.uploader.retry(Operation::Put, &self.key, || self.attempt()).await?;
        Ok(stored)
    }

    async fn attempt(&self) -> Result<(), StoreError> {
        let (version, data) = self.versions().begin();
        let object = Object {
            key: self.key.clone(),
            data,
            content_type: self.content_type,
            cache_control: self.cache_control,
        };
        let mut attempt = Attempt { latest: self, started: Instant::now(), abandoned: true };
        let outcome = self.uploader.store().put(&object).await;
        attempt.abandoned = outcome.as_ref().is_err_and(StoreError::is_ambiguous);
        if outcome.is_ok() {
            self.versions().finish(version, attempt.started);
        }
        outcome
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        // No code panics between two related changes, so a poisoned lock guards consistent versions.
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt under way. Dropped without an answer, by a timeout or a cancelled caller, it casts doubt.
struct Attempt<'a> {
    latest: &'a LatestObject,
    started: Instant,
    abandoned: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.abandoned {
            let settled = Instant::now() + self.latest.uploader.policy().per_try_timeout * 2;
            self.latest.versions().abandon(settled);
        }
    }
}

/// Which version is where. Versions count from 1.
#[derive(Debug, Default)]
struct Versions {
    data: Bytes,
    newest: u64,
    tried: u64,
    stored: u64,
    /// When the last abandoned attempt *of the version tried last* is settled: harmless until a newer one is tried.
    abandoned_until: Option<Instant>,
    /// When the last abandoned attempt of an older version is settled.
    doubtful_until: Option<Instant>,
}

impl Versions {
    fn submit(&mut self, data: Bytes) -> u64 {
        self.data = data;
        self.newest += 1;
        self.newest
    }

    fn begin(&mut self) -> (u64, Bytes) {
        if self.tried < self.newest {
            self.tried = self.newest;
            // Abandoned later than any before it, so settled later too.
            self.doubtful_until = self.abandoned_until.take().or(self.doubtful_until);
        }
        (self.newest, self.data.clone())
    }

    /// When the newest version has to be written (again), if at all.
    fn next_write_due(&self) -> Option<Instant> {
        if self.newest == 0 {
            return None;
        }
        if self.stored < self.newest { Some(Instant::now()) } else { self.doubtful_until }
    }

    fn abandon(&mut self, settled: Instant) {
        self.abandoned_until = Some(settled);
    }

    fn finish(&mut self, version: u64, started: Instant) {
        self.stored = version;
        if self.doubtful_until.is_some_and(|until| until <= started) {
            self.doubtful_until = None;
        }
    }
}
