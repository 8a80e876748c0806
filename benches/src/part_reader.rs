//! A reader that waits for each part of a low-latency playlist, as a player does, and fetches it.

use std::collections::{BTreeMap, HashMap};

use bytes::{Bytes, BytesMut};
use reqwest::Client;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::origin::ready::Place;
use crate::origin::viewers::{newest, place};
use crate::statistics::Summary;
use crate::{Error, segment_frames, stamp};

/// A part, and when its last byte was there, in Unix milliseconds.
pub struct FetchedPart {
    at: f64,
    bytes: Bytes,
}

/// Parts by their place.
pub type Parts = BTreeMap<Place, FetchedPart>;

/// A reader at work.
pub struct PartReader {
    task: JoinHandle<Result<Parts, Error>>,
    stop: oneshot::Sender<()>,
}

/// How long frames take from the publisher's encoder into a part that is fetched, in milliseconds.
pub struct PartDelays {
    /// Of each part's oldest frame, which waits for the part to be full.
    pub oldest: Option<Summary>,
    /// Of its newest.
    pub newest: Option<Summary>,
}

impl PartReader {
    /// Follows a playlist that exists.
    pub fn start(playlist: &str) -> Result<Self, Error> {
        let client = Client::builder().no_proxy().build()?;
        let playlist = playlist.to_owned();
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut parts = Parts::new();
            tokio::select! {
                _ = &mut stopped => {}
                ended = follow(&client, &playlist, &mut parts) => ended?,
            }
            Ok(parts)
        });
        Ok(Self { task, stop })
    }

    /// Stops, and hands over what was fetched.
    pub async fn finish(self) -> Result<Parts, Error> {
        // A reader that has failed does not listen; its failure comes out of the task.
        let _ = self.stop.send(());
        self.task.await?
    }
}

async fn follow(client: &Client, playlist: &str, parts: &mut Parts) -> Result<(), Error> {
    let folder = playlist.rsplit_once('/').map_or("", |(folder, _)| folder);
    let text = client.get(playlist).send().await?.error_for_status()?.text().await?;
    let (mut hint, listed) = newest(&text, "");
    let mut last = listed.into_iter().next().unwrap_or_default();
    while let Some((sequence, part)) = hint.as_deref().and_then(place) {
        let url = format!("{playlist}?_HLS_msn={sequence}&_HLS_part={part}");
        let text = client.get(url).send().await?.error_for_status()?.text().await?;
        let (next, new) = newest(&text, &last);
        for name in new.into_iter().rev() {
            let bytes =
                client.get(format!("{folder}/{name}")).send().await?.error_for_status()?.bytes().await?;
            parts.extend(place(&name).map(|place| (place, FetchedPart { at: stamp::now(), bytes })));
            last = name;
        }
        hint = next;
    }
    Ok(())
}

/// Sums up; `sent` says when each frame, by its stamp, had left the publisher's encoder. Blocks.
pub fn delays(parts: &Parts, sent: &HashMap<u64, f64>) -> Result<PartDelays, Error> {
    let mut segments: BTreeMap<u64, Vec<&FetchedPart>> = BTreeMap::new();
    for ((sequence, index), part) in parts {
        let segment = segments.entry(*sequence).or_default();
        // The first segment was joined in its middle, and can't be decoded from there.
        if segment.len() == *index as usize {
            segment.push(part);
        }
    }
    let (mut oldest, mut newest) = (Vec::new(), Vec::new());
    for segment in segments.values().filter(|segment| !segment.is_empty()) {
        let whole: BytesMut = segment.iter().flat_map(|part| part.bytes.iter().copied()).collect();
        let stamps = segment_frames::stamps(&whole.freeze())?;
        // Parts are equally long, so they hold equally many frames.
        let frames = stamps.len() / segment.len();
        if frames == 0 || stamps.len() % segment.len() != 0 {
            continue;
        }
        for (part, stamps) in segment.iter().zip(stamps.chunks(frames)) {
            let waited = |stamp: Option<u64>| Some(part.at - sent.get(&stamp?)?);
            oldest.extend(waited(stamps.iter().flatten().copied().min()));
            newest.extend(waited(stamps.iter().flatten().copied().max()));
        }
    }
    Ok(PartDelays { oldest: Summary::of(oldest), newest: Summary::of(newest) })
}
