//! The load: viewers that wait for each part and fetch it, and what they saw.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::ready::Place;
use crate::{Error, stamp};

/// Connections of a viewer: one for playlists, one for parts.
pub const CONNECTIONS: usize = 2;
/// Parts that a viewer who is late catches up with: a segment's worth.
const MOST: usize = 10;

/// A part that somebody has got: which, and when its last byte was there, in Unix milliseconds.
pub type Fetched = (Place, f64);

/// What all viewers share.
#[derive(Clone, Default)]
pub struct Shared {
    over: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
    failures: Arc<AtomicU64>,
}

/// Viewers at work.
pub struct Crowd {
    shared: Shared,
    tasks: JoinSet<Vec<Fetched>>,
}

/// What a crowd saw.
pub struct Seen {
    /// Every part that anybody got.
    pub fetched: Vec<Fetched>,
    /// Bytes of bodies.
    pub bytes: u64,
    /// Viewers that gave up, and answers other than 200.
    pub failures: u64,
}

impl Crowd {
    /// Connects `count` viewers of a low-latency stream at `folder`. Each does for ever what a player does, on two
    /// connections: it asks for the hinted part before that is there, and beside it for the playlist that lists it.
    pub async fn join(origin: SocketAddr, folder: &str, count: usize) -> Result<Self, Error> {
        let mut crowd = Self { shared: Shared::default(), tasks: JoinSet::new() };
        for number in 0..count {
            let playlists = Connection::open(origin, number).await?;
            let parts = Connection::open(origin, number).await?;
            let (shared, folder) = (crowd.shared.clone(), folder.to_owned());
            crowd.tasks.spawn(async move {
                let mut fetched = Vec::new();
                if follow(playlists, parts, &folder, &shared, &mut fetched).await.is_err() {
                    shared.failures.fetch_add(1, Ordering::Relaxed);
                }
                fetched
            });
        }
        Ok(crowd)
    }

    /// Connects `count` viewers that fetch `paths` in turns, the first each time, at each tick; on two connections too.
    pub async fn poll(
        origin: SocketAddr,
        paths: &[String],
        count: usize,
        ticks: &watch::Receiver<u64>,
    ) -> Result<Self, Error> {
        let mut crowd = Self { shared: Shared::default(), tasks: JoinSet::new() };
        for number in 0..count {
            let mut playlists = Connection::open(origin, number).await?;
            let mut media = Connection::open(origin, number).await?;
            let (shared, paths, mut ticks) = (crowd.shared.clone(), paths.to_vec(), ticks.clone());
            crowd.tasks.spawn(async move {
                while ticks.changed().await.is_ok() && !shared.over.load(Ordering::Relaxed) {
                    let turn = *ticks.borrow_and_update() as usize;
                    let Some((playlist, parts)) = paths.split_first() else { break };
                    let part = &parts[turn % parts.len()];
                    let (part, playlist) = tokio::join!(media.get(part), playlists.get(playlist));
                    for answer in [part, playlist] {
                        match answer {
                            Ok(answer) => shared.count(answer.status, answer.length),
                            Err(_) => shared.count(0, 0),
                        };
                    }
                }
                Vec::new()
            });
        }
        Ok(crowd)
    }

    /// Bytes of bodies so far.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Ends, and hands over what was seen.
    pub async fn finish(mut self) -> Result<Seen, Error> {
        self.shared.over.store(true, Ordering::Relaxed);
        let mut fetched = Vec::new();
        while let Some(ended) =
            tokio::time::timeout(Duration::from_secs(10), self.tasks.join_next()).await.ok().flatten()
        {
            fetched.extend(ended?);
        }
        let failures = self.shared.failures.load(Ordering::Relaxed) + self.tasks.len() as u64;
        Ok(Seen { fetched, bytes: self.bytes(), failures })
    }
}

impl Shared {
    fn count(&self, status: u16, length: usize) -> bool {
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        let good = status == 200;
        self.failures.fetch_add(u64::from(!good), Ordering::Relaxed);
        good
    }
}

async fn follow(
    mut playlists: Connection,
    mut parts: Connection,
    folder: &str,
    shared: &Shared,
    fetched: &mut Vec<Fetched>,
) -> Result<(), Error> {
    let first = playlists.get(&format!("{folder}/index.m3u8")).await?;
    let (hint, _) = newest(first.body, "");
    let mut hint = hint.ok_or(Error::Nothing("a playlist without a hint"))?;
    while !shared.over.load(Ordering::Relaxed) {
        let (sequence, part) = place(&hint).ok_or(Error::Nothing("a hint that names no part"))?;
        let playlist = format!("{folder}/index.m3u8?_HLS_msn={sequence}&_HLS_part={part}");
        let (playlist, ()) =
            tokio::try_join!(playlists.get(&playlist), fetch(&mut parts, folder, &hint, shared, fetched))?;
        if !shared.count(playlist.status, playlist.length) {
            continue;
        }
        // Whatever a late viewer finds after the hinted part.
        let (next, mut missed) = newest(playlist.body, &hint);
        let Some(next) = next else { return Ok(()) };
        missed.reverse();
        for name in missed {
            fetch(&mut parts, folder, &name, shared, fetched).await?;
        }
        hint = next;
    }
    Ok(())
}

async fn fetch(
    connection: &mut Connection,
    folder: &str,
    name: &str,
    shared: &Shared,
    fetched: &mut Vec<Fetched>,
) -> Result<(), Error> {
    let answer = connection.get(&format!("{folder}/{name}")).await?;
    if shared.count(answer.status, answer.length) {
        fetched.extend(place(name).map(|place| (place, stamp::now())));
    }
    Ok(())
}

/// The part that a playlist hints at, and those after `last`, the newest first: [`MOST`] at most.
pub(crate) fn newest(playlist: &str, last: &str) -> (Option<String>, Vec<String>) {
    let mut hint = None;
    let mut parts = Vec::new();
    for line in playlist.rsplit('\n') {
        let Some(name) = line.split_once("URI=\"").and_then(|(_, rest)| rest.split('"').next()) else {
            continue;
        };
        if line.starts_with("#EXT-X-PRELOAD-HINT") {
            hint = Some(name.to_owned());
        } else if name == last || parts.len() == MOST {
            break;
        } else {
            parts.push(name.to_owned());
        }
    }
    (hint, parts)
}

/// Which part a name is that of.
pub(crate) fn place(name: &str) -> Option<Place> {
    let (segment, part) = name.strip_prefix("segment_")?.strip_suffix(".ts")?.split_once(".part_")?;
    Some((segment.parse().ok()?, part.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_parts_and_the_hint_are_found() {
        let part = |n| format!("#EXT-X-PART:DURATION=0.2,URI=\"segment_007.part_{n}.ts\"\n");
        let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"segment_007.part_3.ts\"\n";
        let text = format!("#EXTM3U\nsegment_006.ts\n{}{}{}{hint}", part(0), part(1), part(2));
        let name = |n| format!("segment_007.part_{n}.ts");
        assert_eq!(newest(&text, &name(0)), (Some(name(3)), vec![name(2), name(1)]));
        assert_eq!(newest(&text, "").1, vec![name(2), name(1), name(0)]);
        assert_eq!(place(&name(3)), Some((7, 3)));
        assert_eq!(place("segment_007.ts"), None);
    }
}
