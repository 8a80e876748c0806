//! A reader that polls a playlist as fast as is sensible and notes when each segment appears.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use m3u8_rs::Playlist;
use reqwest::Client;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use url::Url;

use crate::{Error, stamp};

const POLL: Duration = Duration::from_millis(20);
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// A segment, as a viewer finds it.
#[derive(Clone, Debug)]
pub struct ListedSegment {
    /// When an answer that lists it had arrived, in Unix milliseconds.
    pub listed_at: f64,
    /// Its EXTINF, in seconds.
    pub seconds: f64,
    /// How long it took to fetch.
    pub fetch_millis: f64,
    /// The segment itself.
    pub bytes: Bytes,
}

/// What a reader saw.
#[derive(Debug, Default)]
pub struct Listing {
    /// Segments in the order in which they were listed.
    pub segments: Vec<ListedSegment>,
    /// Segments that were listed but not there when fetched at once.
    pub not_fetchable: usize,
}

/// A reader at work.
pub struct Reader {
    task: JoinHandle<Result<Listing, Error>>,
    listed: watch::Receiver<usize>,
    stop: oneshot::Sender<()>,
}

impl Reader {
    /// Starts to poll `playlist`, which need not exist yet. Of a multivariant playlist the first variant is read.
    pub fn start(playlist: &str) -> Result<Self, Error> {
        let client = Client::builder().timeout(REQUEST_LIMIT).no_proxy().build()?;
        let (count, listed) = watch::channel(0);
        let (stop, stopped) = oneshot::channel();
        let poller = Poller { client, playlist: Url::parse(playlist)?, known: HashSet::new(), count };
        Ok(Self { task: tokio::spawn(poller.run(stopped)), listed, stop })
    }

    /// Waits until `count` segments have been listed and fetched.
    pub async fn wait_for(&mut self, count: usize, seconds: u64) -> Result<(), Error> {
        let enough = self.listed.wait_for(|listed| *listed >= count);
        let waited = timeout(Duration::from_secs(seconds), enough).await.map(|outcome| outcome.is_ok());
        match waited {
            Ok(true) => Ok(()),
            // The poller is gone: `finish` tells why, and waiting longer would not help.
            Ok(false) => Err(Error::Nothing("the reader ended before anything was listed")),
            Err(_) => Err(Error::Timeout {
                what: "the listing of segments",
                seconds,
                detail: format!(": {} of {count} seen", *self.listed.borrow()),
            }),
        }
    }

    /// Stops, and hands over what was seen.
    pub async fn finish(self) -> Result<Listing, Error> {
        // A poller that has failed does not listen; its failure comes out of the task.
        let _ = self.stop.send(());
        self.task.await?
    }
}

struct Poller {
    client: Client,
    playlist: Url,
    known: HashSet<String>,
    count: watch::Sender<usize>,
}

impl Poller {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let mut ticks = interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => return Ok(listing),
                _ = ticks.tick() => self.poll(&mut listing).await?,
            }
        }
    }

    async fn poll(&mut self, listing: &mut Listing) -> Result<(), Error> {
        let Some(body) = self.fetch(self.playlist.clone()).await else { return Ok(()) };
        let listed_at = stamp::now();
        match m3u8_rs::parse_playlist_res(&body) {
            Ok(Playlist::MasterPlaylist(multivariant)) => {
                if let Some(variant) = multivariant.variants.first() {
                    self.playlist = self.playlist.join(&variant.uri)?;
                }
            }
            Ok(Playlist::MediaPlaylist(media)) => {
                for segment in media.segments {
                    if !self.known.insert(segment.uri.clone()) {
                        continue;
                    }
                    let asked = stamp::now();
                    match self.fetch(self.playlist.join(&segment.uri)?).await {
                        Some(bytes) => listing.segments.push(ListedSegment {
                            listed_at,
                            seconds: f64::from(segment.duration),
                            fetch_millis: stamp::now() - asked,
                            bytes,
                        }),
                        None => listing.not_fetchable += 1,
                    }
                    self.count.send_replace(listing.segments.len());
                }
            }
            // A playlist that is being rewritten in place, as on a disk, may be read half.
            Err(_) => {}
        }
        Ok(())
    }

    /// The body of a 200; anything else means: not there now.
    async fn fetch(&self, url: Url) -> Option<Bytes> {
        let answer = self.client.get(url).send().await.ok()?.error_for_status().ok()?;
        answer.bytes().await.ok()
    }
}
