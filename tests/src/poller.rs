use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Entry, Version};

/// How often the playlist is read.
const INTERVAL: Duration = Duration::from_millis(50);

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
    violations: Vec<String>,
}

impl HlsPoller {
    /// Reads `url` from now on. A 404 is right until the first version is there, and never after.
    pub fn start(url: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (notify, changed) = watch::channel(());
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        let reader = Reader { client, url: url.to_owned(), state: Arc::clone(&state), notify };
        Self { state, changed, task: tokio::spawn(reader.run()), url: url.to_owned() }
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

    /// Stops; asserts that every rule was kept; answers what was seen.
    pub fn finish(self) -> Recording {
        self.task.abort();
        self.assert_right();
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

struct Reader {
    client: reqwest::Client,
    url: String,
    state: Arc<Mutex<State>>,
    notify: watch::Sender<()>,
}

impl Reader {
    async fn run(self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(violation) = self.read().await {
                self.state.lock().unwrap().violations.push(violation);
            }
            self.notify.send_replace(());
        }
    }

    async fn read(&self) -> Result<(), String> {
        let answer =
            self.client.get(&self.url).send().await.map_err(|error| format!("playlist: {error:?}"))?;
        let previous = self.state.lock().unwrap().versions.last().cloned();
        if previous.is_none() && matches!(answer.status().as_u16(), 403 | 404) {
            return Ok(());
        }
        if answer.status() != 200 {
            return Err(format!("the playlist was there and now answers {}", answer.status()));
        }
        expect_type(&answer, "application/vnd.apple.mpegurl")?;
        let raw = answer.text().await.map_err(|error| format!("playlist: {error:?}"))?;
        if previous.as_ref().is_some_and(|previous| previous.raw == raw) {
            return Ok(());
        }
        let version = Version::parse(&raw, Instant::now()).map_err(|rule| format!("{rule}:\n{raw}"))?;
        let broken = previous.as_ref().map(|previous| previous.check_successor(&version));
        let mut fetched = Ok(());
        for entry in version.entries.iter().filter(|entry| !entry.gap) {
            fetched = fetched.and(self.fetch(entry, version.at).await);
        }
        for entry in version.entries.iter().filter(|entry| entry.gap) {
            let gap = Segment { entry: entry.clone(), media: Vec::new(), listed: version.at };
            self.state.lock().unwrap().segments.entry(entry.msn).or_insert(gap);
        }
        // Whoever waits for this version finds its segments, too.
        self.state.lock().unwrap().versions.push(version);
        fetched?;
        let before = previous.map(|previous| previous.raw).unwrap_or_default();
        broken.unwrap_or(Ok(())).map_err(|rule| format!("{rule}:\n{before}\nthen\n{raw}"))
    }

    /// Fetches a listed segment: whole when it is new, else only to see that it is still the same.
    async fn fetch(&self, entry: &Entry, listed: Instant) -> Result<(), String> {
        let base = reqwest::Url::parse(&self.url).map_err(|error| error.to_string())?;
        let url = base.join(&entry.uri).map_err(|error| format!("{}: {error}", entry.uri))?;
        let known = self.state.lock().unwrap().segments.get(&entry.msn).map(|segment| segment.media.len());
        let method = if known.is_some() { reqwest::Method::HEAD } else { reqwest::Method::GET };
        let answer = self.client.request(method, url).send().await;
        let answer = answer.map_err(|error| format!("listed segment {}: {error:?}", entry.uri))?;
        if answer.status() != 200 {
            return Err(format!("listed segment {} answers {}", entry.uri, answer.status()));
        }
        expect_type(&answer, "video/mp2t")?;
        if let Some(known) = known {
            let length = answer.headers().get("content-length").and_then(|value| value.to_str().ok());
            let same = length.and_then(|length| length.parse().ok()) == Some(known);
            let problem = format!("segment {} had {known} bytes and now has {length:?}", entry.uri);
            return if same { Ok(()) } else { Err(problem) };
        }
        let media = answer.bytes().await.map_err(|error| format!("{}: {error}", entry.uri))?.to_vec();
        let segment = Segment { entry: entry.clone(), media, listed };
        self.state.lock().unwrap().segments.insert(entry.msn, segment);
        Ok(())
    }
}

fn expect_type(answer: &reqwest::Response, expected: &str) -> Result<(), String> {
    let found = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
    if found == Some(expected) {
        Ok(())
    } else {
        Err(format!("{} has the content type {found:?}", answer.url()))
    }
}
