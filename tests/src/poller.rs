mod reader;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Entry, Version};
use reader::Reader;

/// A reader that is as strict as the strictest player: it reads the playlist every 50 ms, checks
/// every version, and fetches each segment the moment it is listed.
pub struct HlsPoller {
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<()>,
    task: JoinHandle<()>,
    url: String,
}

/// What a poller has seen.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Each version that differed from the one before.
    pub versions: Vec<Version>,
    /// Every segment that was ever listed.
    pub segments: Vec<Segment>,
}

/// A segment as it was fetched.
#[derive(Clone, Debug)]
pub struct Segment {
    /// What the playlist says of it.
    pub entry: Entry,
    /// Its bytes; empty where the playlist says that it is a gap.
    pub media: Vec<u8>,
    /// When it was first listed.
    pub listed: Instant,
}

#[derive(Default)]
struct State {
    versions: Vec<Version>,
    segments: BTreeMap<u64, Segment>,
    /// Segments that are listed no more, in their order, and until when they must be there all the same.
    unlisted: VecDeque<(Entry, Instant)>,
    violations: Vec<String>,
}

impl HlsPoller {
    /// Reads `url` from now on, which must pack playlists with gzip for those who ask. A 404 is right until the first
    /// version is there, and never after.
    pub fn start(url: &str) -> Self {
        Self::read(url, true)
    }

    /// The same of a server that needn't pack, as object stores don't.
    pub fn start_unpacked(url: &str) -> Self {
        Self::read(url, false)
    }

    fn read(url: &str, packed: bool) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (notify, changed) = watch::channel(());
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let url = url.to_owned();
        let reader = Reader::new(client, url.clone(), packed, Arc::clone(&state), notify);
        Self { state, changed, task: tokio::spawn(reader.run()), url }
    }

    /// Waits until so many segments have been listed in all.
    pub async fn segments(&mut self, count: usize) {
        self.until(&format!("{count} segments"), |state| state.segments.len() >= count).await;
    }

    /// Waits until the playlist has ended.
    pub async fn ended(&mut self) {
        let ended = |state: &State| state.versions.last().is_some_and(|version| version.ended);
        self.until("EXT-X-ENDLIST", ended).await;
    }

    /// How many segments have been listed so far.
    pub fn count(&self) -> usize {
        self.state.lock().unwrap().segments.len()
    }

    /// Asserts that every rule has been kept so far.
    pub fn assert_right(&self) {
        let state = self.state.lock().unwrap();
        let violations = state.violations.join("\n");
        let last = state.versions.last().map(|version| version.raw.as_str()).unwrap_or("(none)");
        assert!(violations.is_empty(), "{}:\n{violations}\nlast playlist:\n{last}", self.url);
    }

    /// What broke a rule so far.
    pub fn violations(&self) -> Vec<String> {
        self.state.lock().unwrap().violations.clone()
    }

    /// Stops; asserts that every rule was kept; answers what was seen.
    pub fn finish(self) -> Recording {
        self.assert_right();
        self.stop()
    }

    /// Stops; answers what was seen, whatever rule was broken.
    pub fn stop(self) -> Recording {
        self.task.abort();
        let state = self.state.lock().unwrap();
        Recording { versions: state.versions.clone(), segments: state.segments.values().cloned().collect() }
    }

    async fn until(&mut self, what: &str, enough: impl Fn(&State) -> bool) {
        let limit = Duration::from_secs(40);
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            if enough(&self.state.lock().unwrap()) {
                return;
            }
            if tokio::time::timeout_at(deadline, self.changed.changed()).await.is_err() {
                self.assert_right();
                let state = self.state.lock().unwrap();
                let last = state.versions.last().map(|version| version.raw.as_str());
                let last = last.unwrap_or("(no playlist was ever there)");
                panic!("{}: not within {limit:?}: {what}\nlast playlist:\n{last}", self.url);
            }
        }
    }
}

impl Drop for HlsPoller {
    fn drop(&mut self) {
        self.task.abort();
    }
}
