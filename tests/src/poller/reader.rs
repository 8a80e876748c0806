use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use tokio::sync::watch;

use super::{Segment, State};
use crate::{Entry, Version};

/// How often the playlist is read.
const INTERVAL: Duration = Duration::from_millis(50);

/// A request that is sent so long before something ends is answered before it does.
const IN_TIME: Duration = Duration::from_secs(2);

/// Reads a playlist, and judges it.
pub(super) struct Reader {
    client: reqwest::Client,
    url: String,
    packed: bool,
    state: Arc<Mutex<State>>,
    notify: watch::Sender<()>,
    /// When the playlist was last asked for and still was what it had been.
    unchanged: Instant,
}

impl Reader {
    pub(super) fn new(
        client: reqwest::Client,
        url: String,
        packed: bool,
        state: Arc<Mutex<State>>,
        notify: watch::Sender<()>,
    ) -> Self {
        Self { client, url, packed, state, notify, unchanged: Instant::now() }
    }

    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let read = self.read().await;
            self.judge(read);
            self.notify.send_replace(());
        }
    }

    fn judge(&self, found: Result<(), String>) {
        self.state.lock().unwrap().violations.extend(found.err());
    }

    async fn read(&mut self) -> Result<(), String> {
        let asked = Instant::now();
        let answer = self.ask(false).await?;
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
            self.unchanged = asked;
            return Ok(());
        }
        let mut version = Version::parse(&raw, Instant::now()).map_err(|rule| format!("{rule}:\n{raw}"))?;
        version.after = self.unchanged;
        self.unchanged = asked;
        let broken = previous.as_ref().map(|previous| previous.check_successor(&version));
        // A version that has new parts only lists the same segments.
        let same = previous.as_ref().is_some_and(|previous| previous.entries == version.entries);
        for entry in version.entries.iter().filter(|entry| !same && !entry.gap) {
            self.judge(self.fetch(entry, version.at).await);
        }
        for entry in version.entries.iter().filter(|entry| entry.gap) {
            let gap = Segment { entry: entry.clone(), media: Vec::new(), listed: version.at };
            self.state.lock().unwrap().segments.entry(entry.msn).or_insert(gap);
        }
        if !same {
            self.judge(self.is_packed(&raw).await);
            self.remember_unlisted(&version);
            self.judge(self.oldest_unlisted_is_there().await);
        }
        // Whoever waits for this version finds its segments, too.
        self.state.lock().unwrap().versions.push(version);
        let before = previous.map(|previous| previous.raw).unwrap_or_default();
        broken.unwrap_or(Ok(())).map_err(|rule| format!("{rule}:\n{before}\nthen\n{raw}"))
    }

    async fn ask(&self, packed: bool) -> Result<reqwest::Response, String> {
        let encoding = if packed { "gzip" } else { "identity" };
        let asked = self.client.get(&self.url).header("accept-encoding", encoding);
        asked.send().await.map_err(|error| format!("playlist: {error:?}"))
    }

    /// Whoever asks for gzip gets it, and finds the same in it.
    async fn is_packed(&self, raw: &str) -> Result<(), String> {
        if !self.packed {
            return Ok(());
        }
        let answer = self.ask(true).await?;
        let encoding = answer.headers().get("content-encoding").cloned();
        if encoding.as_ref().is_none_or(|encoding| encoding != "gzip") {
            return Err(format!("the playlist is asked for with gzip, and comes with {encoding:?}"));
        }
        let body = answer.bytes().await.map_err(|error| format!("packed playlist: {error}"))?;
        let mut unpacked = String::new();
        let read = GzDecoder::new(&body[..]).read_to_string(&mut unpacked);
        read.map_err(|error| format!("packed playlist: {error}"))?;
        // Unless it has changed meanwhile.
        let again = self.ask(false).await?.text().await.map_err(|error| format!("playlist: {error}"))?;
        if again == raw && unpacked != raw {
            return Err(format!("packed, it is\n{unpacked}\nand not\n{raw}"));
        }
        Ok(())
    }

    /// What has left the playlist must be there for its own time and that of the longest playlist that listed it
    /// (RFC 8216 §6.2.2).
    fn remember_unlisted(&self, next: &Version) {
        let mut state = self.state.lock().unwrap();
        let state = &mut *state;
        let Some(previous) = state.versions.last() else { return };
        let first = next.entries[0].msn;
        for entry in previous.entries.iter().filter(|entry| entry.msn < first && !entry.gap) {
            let lists = |version: &&Version| version.entries.iter().any(|listed| listed.msn == entry.msn);
            let longest = state.versions.iter().rev().take_while(lists).map(Version::seconds);
            let time = entry.duration + longest.fold(0.0, f64::max);
            state.unlisted.push_back((entry.clone(), next.after + Duration::from_secs_f64(time)));
        }
    }

    /// They go in their order: when the oldest is there, so is the rest.
    async fn oldest_unlisted_is_there(&self) -> Result<(), String> {
        let oldest = {
            let mut state = self.state.lock().unwrap();
            while state.unlisted.front().is_some_and(|(_, until)| Instant::now() + IN_TIME > *until) {
                state.unlisted.pop_front();
            }
            state.unlisted.front().cloned()
        };
        let Some((entry, until)) = oldest else { return Ok(()) };
        let left = until - Instant::now();
        let fetched = self.fetch(&entry, until).await;
        fetched.map_err(|problem| format!("{left:?} too early: {problem}"))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use axum::Router;
    use axum::http::{StatusCode, Uri};
    use axum::response::IntoResponse;

    use crate::{HlsPoller, eventually};

    /// A server that packs nothing, and forgets a segment with the playlist that listed it.
    async fn answer(uri: Uri, asked: u32) -> impl IntoResponse {
        let newest = asked / 10;
        let name = uri.path().trim_start_matches('/');
        if name != "index.m3u8" {
            let number: u32 = name.trim_end_matches(".ts").parse().unwrap();
            let code = if number >= newest { StatusCode::OK } else { StatusCode::NOT_FOUND };
            return (code, [("content-type", "video/mp2t")], "media".to_owned());
        }
        let entry = |number: u32| {
            format!("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:{:02}Z\n#EXTINF:2,\n{number}.ts\n", number * 2)
        };
        let head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-INDEPENDENT-SEGMENTS\n";
        let text = format!("{head}#EXT-X-MEDIA-SEQUENCE:{newest}\n{}{}", entry(newest), entry(newest + 1));
        (StatusCode::OK, [("content-type", "application/vnd.apple.mpegurl")], text)
    }

    #[tokio::test]
    async fn what_a_server_owes_its_slower_readers_is_asked_for() {
        let asked = Arc::new(AtomicU32::new(0));
        let server = Router::new()
            .fallback(move |uri: Uri| answer(uri, asked.fetch_add(1, Ordering::Relaxed).min(11)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/index.m3u8", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, server).await });
        let reader = HlsPoller::start(&url);
        for rule in ["asked for with gzip", "too early: listed segment 0.ts answers 404"] {
            eventually(rule, Duration::from_secs(10), || async {
                reader.violations().iter().any(|broken| broken.contains(rule)).then_some(())
            })
            .await;
        }
    }
}
