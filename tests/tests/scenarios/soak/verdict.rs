//! What is left when the trouble is over, judged: playlists, objects, recordings, rows, memory.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use scenarios::{
    HlsPoller, Movie, Recording, SeaweedFs, Segment, Stream, Version, Weir, decode_warnings, eventually,
};

use super::Watched;
use super::trouble::Counts;

/// Everything that the soak has found.
#[derive(Default)]
pub(super) struct Verdict {
    troubles: Counts,
    /// Kilobytes, from the warm-up to the end.
    memory: Vec<u64>,
    versions: usize,
    listed: usize,
    gaps: usize,
    discontinuities: usize,
    survivors: usize,
    never_listed: usize,
    /// Updates of the origin's playlists, and those of them that took longer than 1.5 target durations: counted and not
    /// judged, since ffmpeg decodes what one stream has left while the others are on air, and takes the time that those need.
    updates: usize,
    late: usize,
    violations: Vec<String>,
}

impl Verdict {
    pub(super) fn new(troubles: Counts, memory: Vec<u64>) -> Self {
        Self { troubles, memory, ..Self::default() }
    }

    /// Ends a stream, and looks at all that it leaves.
    pub(super) async fn hear(&mut self, mut watched: Watched, weir: &Weir, store: &SeaweedFs) {
        let stream = watched.stream.clone();
        let is_calm = |status: &serde_json::Value| {
            status["upload"]["pendingSegments"] == 0 && status["reconnecting"] == false
        };
        stream.reports("all is stored, and the publisher there", is_calm).await;
        self.expect(stream.post("stop").await.code == 200, "stop is answered 200");
        let mut origin = watched.origin.take().expect("it is watched");
        watched.bucket.ended().await;
        origin.ended().await;
        let status = stream.status().await;
        let row = (status["status"] == "READY", status["endReason"]["code"] == "stopped");
        self.expect(row == (true, true), &format!("the stream is over, and why: {status}"));
        let broken = [&watched.bucket, &origin].map(HlsPoller::violations);
        self.violations.extend(broken.into_iter().flatten());
        let (bucket, origin) = (watched.bucket.stop(), origin.stop());
        self.same_media(&bucket, &origin);
        for seen in [Some(&bucket), Some(&origin), watched.before.as_ref()].into_iter().flatten() {
            self.versions += seen.versions.len();
            self.decodes(&seen.segments).await;
        }
        for seen in [Some(&origin), watched.before.as_ref()].into_iter().flatten() {
            let updates = seen.updates();
            self.updates += updates.len();
            self.late += updates.iter().filter(|(least, _)| *least > 1.5).count();
        }
        self.listed += bucket.segments.len();
        self.gaps += bucket.segments.iter().filter(|segment| segment.entry.gap).count();
        self.discontinuities += bucket.segments.iter().filter(|segment| segment.entry.discontinuity).count();
        self.events(weir, &stream.id).await;
        if watched.recorded {
            self.recording(weir, &stream, &bucket).await;
        }
        self.objects(store, &stream.id, &bucket, watched.recorded).await;
    }

    fn expect(&mut self, kept: bool, what: &str) {
        if !kept {
            self.violations.push(what.to_owned());
        }
    }

    /// Where the bucket has no gap, it has what the origin has.
    fn same_media(&mut self, bucket: &Recording, origin: &Recording) {
        let served: BTreeMap<_, _> = origin.segments.iter().map(|seen| (seen.entry.msn, seen)).collect();
        for stored in bucket.segments.iter().filter(|stored| !stored.entry.gap) {
            let same = served.get(&stored.entry.msn).is_none_or(|served| served.media == stored.media);
            self.expect(same, &format!("{} is the same at the origin and in the bucket", stored.entry.uri));
        }
    }

    /// One decoder gets what one could: up to the next gap or discontinuity.
    async fn decodes(&mut self, segments: &[Segment]) {
        let mut runs = vec![Vec::new()];
        for segment in segments {
            if segment.entry.gap || segment.entry.discontinuity {
                runs.push(Vec::new());
            }
            runs.last_mut().unwrap().extend_from_slice(&segment.media);
        }
        for run in runs.iter().filter(|run| !run.is_empty()) {
            let warnings = decode_warnings(run).await;
            self.expect(warnings.is_empty(), &format!("ffmpeg -xerror: {warnings}"));
        }
    }

    /// The broadcast began once, lost its publisher and had it back in turns, and ended once.
    async fn events(&mut self, weir: &Weir, id: &str) {
        let told = weir.api().get(&format!("/api/live/{id}/events?limit=1000")).await.json();
        let newest_first = told["events"].as_array().unwrap();
        let kinds: Vec<_> = newest_first
            .iter()
            .rev()
            .filter_map(|event| match (event["type"].as_str()?, event["data"]["resumed"].as_bool()) {
                ("stream.live", Some(true)) => Some("back"),
                ("stream.live", _) => Some("live"),
                ("stream.reconnecting", _) => Some("away"),
                ("stream.ended", _) => Some("ended"),
                _ => None,
            })
            .collect();
        let absences = kinds.len().saturating_sub(2) / 2;
        let expected = [vec!["live"], ["away", "back"].repeat(absences), vec!["ended"]].concat();
        self.expect(kinds == expected, &format!("events: {kinds:?}"));
    }

    /// The recording is ready, as long as what was listed, and its playlist is what viewers were shown.
    async fn recording(&mut self, weir: &Weir, stream: &Stream, seen: &Recording) {
        let path = stream.path("recordings");
        let row = eventually("the recording", Duration::from_secs(60), || async {
            let listed = weir.api().get(&path).await.json();
            (listed["recordings"][0]["state"] == "READY").then(|| listed["recordings"].clone())
        })
        .await;
        self.expect(row.as_array().is_some_and(|rows| rows.len() == 1), &format!("one recording: {row}"));
        let listed: f64 = seen.segments.iter().map(|segment| segment.entry.duration).sum();
        let length = row[0]["duration"].as_f64().unwrap();
        self.expect((length - listed).abs() < 1.0, &format!("{listed} s were listed, {length} s recorded"));
        let file = reqwest::get(row[0]["url"].as_str().unwrap()).await.unwrap().bytes().await.unwrap();
        let (warnings, _) = Movie::new(file.to_vec()).decode().await;
        self.expect(warnings.is_empty(), &format!("the recording: {warnings}"));
        let vod = stream.playback_url.replace("index.m3u8", "vod.m3u8");
        let text = reqwest::get(&vod).await.unwrap().text().await.unwrap();
        match Version::parse(&text.replace("#EXT-X-PLAYLIST-TYPE:VOD\n", ""), Instant::now()) {
            Ok(kept) => {
                let same = kept.ended && kept.entries.iter().eq(seen.segments.iter().map(|seen| &seen.entry));
                self.expect(same, &format!("vod.m3u8 lists what viewers were shown:\n{text}"));
            }
            Err(rule) => self.violations.push(format!("vod.m3u8: {rule}:\n{text}")),
        }
    }

    /// What must be there is, with the bytes that viewers got; what else is there decodes, too.
    async fn objects(&mut self, store: &SeaweedFs, id: &str, seen: &Recording, recorded: bool) {
        let folder = format!("live/{id}");
        let present = store.list(&folder).await;
        let known: BTreeMap<_, _> =
            seen.segments.iter().map(|seen| (seen.entry.uri.as_str(), seen)).collect();
        let last = seen.versions.last().unwrap();
        let kept = seen.segments.iter().map(|segment| &segment.entry).filter(|entry| !entry.gap);
        let oldest = if recorded { 0 } else { last.entries[0].msn };
        for entry in kept.filter(|entry| entry.msn >= oldest) {
            self.expect(present.contains(&entry.uri), &format!("{} is in the store", entry.uri));
        }
        for name in present.iter().filter(|name| name.ends_with(".ts")) {
            let answer = reqwest::get(store.url(&format!("{folder}/{name}"))).await.unwrap();
            let listed = known.get(name.as_str()).filter(|known| !known.entry.gap);
            if answer.status() == 404 && listed.is_some_and(|known| known.entry.msn < oldest) {
                // Its time has come only now.
                continue;
            }
            self.expect(answer.status() == 200, &format!("{name} answers {}", answer.status()));
            let stored = answer.bytes().await.unwrap();
            self.survivors += 1;
            match listed {
                // Decoded with its neighbors already.
                Some(known) => self.expect(known.media == stored, &format!("{name} is what it was")),
                None => {
                    self.never_listed += 1;
                    let warnings = decode_warnings(&stored).await;
                    self.expect(warnings.is_empty(), &format!("{name}: {warnings}"));
                }
            }
        }
    }

    /// Kilobytes: the median of each quarter.
    fn memory(&self) -> Option<[u64; 4]> {
        let quarter = self.memory.len() / 4;
        let medians = [0, 1, 2, 3].map(|n| {
            let mut sorted = self.memory[n * quarter..(n + 1) * quarter].to_vec();
            sorted.sort_unstable();
            sorted.get(quarter / 2).copied()
        });
        let [Some(first), Some(second), Some(third), Some(last)] = medians else { return None };
        Some([first, second, third, last])
    }

    /// Not one violation, and memory that doesn't grow.
    pub(super) fn assert_right(&self) {
        assert!(self.violations.is_empty(), "{} violations", self.violations.len());
        if let Some([first, .., last]) = self.memory() {
            // The allocator's, which differs from one quarter to the next.
            assert!(last < first + first / 10 + 4096, "memory grew from {first} to {last} kB");
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.troubles {
            writeln!(f, "{count:5} × {name}")?;
        }
        let Self { versions, listed, gaps, discontinuities, survivors, never_listed, updates, late, .. } =
            self;
        writeln!(f, "{versions} playlist versions read")?;
        writeln!(
            f,
            "{listed} segments listed in the bucket, {gaps} of them gaps, {discontinuities} discontinuities"
        )?;
        writeln!(
            f,
            "{updates} updates of the origin's playlists, {late} of them later than 1.5 target durations"
        )?;
        writeln!(f, "{survivors} segments in the store at the end, {never_listed} of them never listed")?;
        match (self.memory(), self.memory.iter().max()) {
            (Some(quarters), Some(most)) => {
                writeln!(f, "memory: {quarters:?} kB in its quarters, {most} kB at most")?;
            }
            _ => writeln!(f, "memory: too short a run to tell")?,
        }
        writeln!(f, "{} violations", self.violations.len())?;
        for violation in self.violations.iter().take(20) {
            writeln!(f, "- {violation}")?;
        }
        Ok(())
    }
}
