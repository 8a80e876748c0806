use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Answer, Api};

/// A player that asks for each part the moment that it can be had, and writes down what it got.
pub struct PartPlayer {
    api: Api,
    folder: String,
    /// The segment in hand and its number of listed parts.
    at: (u64, usize),
    /// Each part's bytes, by segment and index.
    pub parts: BTreeMap<(u64, usize), Vec<u8>>,
    /// The last answer's playlist.
    pub playlist: LowLatency,
}

/// What a playlist with parts says, as its lines do.
#[derive(Clone, Debug, Default)]
pub struct LowLatency {
    /// The text.
    pub text: String,
    /// PART-TARGET.
    pub part_target: f64,
    /// PART-HOLD-BACK.
    pub hold_back: f64,
    /// The segment that the last lines belong to, which isn't whole yet.
    pub next: u64,
    /// Durations of the parts by segment and index; true if independent.
    pub parts: BTreeMap<(u64, usize), (f64, bool)>,
    /// The part hinted at.
    pub hint: Option<String>,
}

impl LowLatency {
    /// Reads the lines that are about parts.
    pub fn read(text: &str) -> Self {
        let mut read = Self { text: text.to_owned(), ..Self::default() };
        for line in text.lines() {
            let value = |name: &str| attribute(line, name).unwrap_or_default();
            if let Some(first) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
                read.next += first.parse::<u64>().unwrap();
            } else if line.starts_with("#EXT-X-SKIP:") {
                read.next += value("SKIPPED-SEGMENTS").parse::<u64>().unwrap();
            } else if line.starts_with("#EXT-X-PART-INF:") {
                read.part_target = value("PART-TARGET").parse().unwrap();
            } else if line.starts_with("#EXT-X-SERVER-CONTROL:") {
                assert_eq!(value("CAN-BLOCK-RELOAD"), "YES");
                read.hold_back = value("PART-HOLD-BACK").parse().unwrap();
            } else if line.starts_with("#EXT-X-PART:") {
                let index = read.parts.range((read.next, 0)..).count();
                assert_eq!(value("URI"), part(read.next, index), "parts are in order:\n{text}");
                let fact = (value("DURATION").parse().unwrap(), value("INDEPENDENT") == "YES");
                read.parts.insert((read.next, index), fact);
            } else if line.starts_with("#EXT-X-PRELOAD-HINT:") {
                read.hint = Some(value("URI").to_owned());
            } else if !line.starts_with('#') {
                read.next += 1;
            }
        }
        read
    }

    /// Parts of the segment in hand.
    pub fn open_parts(&self) -> usize {
        self.parts.range((self.next, 0)..).count()
    }
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, list) = line.split_once(':')?;
    let value = list.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}

/// The name of a part.
pub fn part(segment: u64, index: usize) -> String {
    format!("segment_{segment:03}.part_{index}.ts")
}

impl PartPlayer {
    /// A player that begins at the live edge of a stream that is on air.
    pub async fn join(api: Api, id: &str) -> Self {
        let folder = format!("/live/{id}");
        let answer = api.get(&format!("{folder}/index.m3u8")).await;
        assert_eq!(answer.code, 200, "{}", answer.text);
        let playlist = LowLatency::read(&answer.text);
        let at = (playlist.next, playlist.open_parts());
        Self { api, folder, at, parts: BTreeMap::new(), playlist }
    }

    /// An object beneath the stream's folder.
    pub async fn get(&self, name: &str) -> Answer {
        self.api.get(&format!("{}/{name}", self.folder)).await
    }

    /// Asks for the next part as the playlist hints at it, and then for the playlist that lists it.
    pub async fn next(&mut self) {
        let hint = self.playlist.hint.clone().unwrap_or_else(|| panic!("no hint:\n{}", self.playlist.text));
        let (msn, index) = self.at;
        let wanted = format!("index.m3u8?_HLS_msn={msn}&_HLS_part={index}&_HLS_skip=YES");
        let (media, listed) = tokio::join!(self.get(&hint), self.get(&wanted));
        assert_eq!((media.code, listed.code), (200, 200), "{hint}, {wanted}: {}", listed.text);
        let playlist = LowLatency::read(&listed.text);
        let newest = *playlist.parts.keys().next_back().unwrap();
        assert_eq!(
            part(newest.0, newest.1),
            hint,
            "no part is skipped: after {:?}\n{}",
            self.at,
            listed.text
        );
        self.parts.insert(newest, media.body);
        self.at = (playlist.next, playlist.open_parts());
        self.playlist = playlist;
    }

    /// Goes on for so many parts.
    pub async fn play(&mut self, parts: usize) {
        for _ in 0..parts {
            let next = tokio::time::timeout(Duration::from_secs(10), self.next());
            next.await.expect("a part within ten seconds");
        }
    }
}
