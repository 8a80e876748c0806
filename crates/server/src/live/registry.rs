//! The broadcasts of this server: found by stream, started by a session, ended together.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use media::MediaDuration;
use metrics::gauge;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uploader::Uploader;

use super::board::Board;
use super::broadcast::{Attached, Broadcast, End, Presence};
use super::claim::Origin;
use super::feed::FeedError;
use super::objects::ObjectKeys;
use super::processor::{Busy, Processor};
use super::supervisor::Supervisor;
use super::watchdog::Station;
use crate::catalog::{Catalog, Stream, VideoId};
use crate::config::{Config, UploadLimits};

/// How long a publisher waits for an earlier broadcast of its stream to finish its uploads. Its connection has ten
/// seconds by default to be told.
const PATIENCE: Duration = Duration::from_secs(8);

/// What every broadcast is made by.
#[derive(Clone)]
pub(crate) struct RegistryOptions {
    /// Broadcasts at a time.
    pub(crate) max_streams: usize,
    /// Share of the processor's time above which no broadcast begins.
    pub(crate) max_load: Option<f64>,
    pub(crate) playlist_window: usize,
    pub(crate) segment_duration: MediaDuration,
    pub(crate) part_duration: MediaDuration,
    pub(crate) upload_queue: UploadLimits,
    pub(crate) transcode: transcode::Options,
    /// What viewers see while a publisher is away; its last picture, if there is none.
    pub(crate) slate: Option<transcode::Slate>,
}

impl RegistryOptions {
    /// What the configuration says, with its slate.
    pub(crate) fn new(config: &Config, slate: Option<transcode::Slate>) -> Self {
        Self {
            max_streams: config.max_streams,
            max_load: config.max_load,
            playlist_window: config.playlist_window,
            segment_duration: config.segment_duration,
            part_duration: config.part_duration,
            upload_queue: config.upload_queue,
            transcode: config.transcode.clone(),
            slate,
        }
    }
}

/// The broadcasts of this server. A clone is the same registry.
#[derive(Clone)]
pub(crate) struct Registry {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) options: RegistryOptions,
    pub(super) catalog: Catalog,
    pub(super) board: Board,
    pub(super) uploader: Uploader,
    pub(super) processor: Processor,
    /// On air, or off it for so short a time that players still read the last window.
    broadcasts: Mutex<HashMap<VideoId, Arc<Broadcast>>>,
    tasks: TaskTracker,
    /// The server is told to stop: no broadcast begins, and none waits for its publisher.
    pub(super) stop: CancellationToken,
    /// Every broadcast ends.
    pub(super) shutdown: CancellationToken,
}

/// Why a session cannot feed a stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttachError {
    /// Another session does.
    #[error("another publisher is on air with this key")]
    Busy,
    /// The broadcast before it hasn't finished, or the encoder took nothing.
    #[error("the stream's last broadcast is still being finished")]
    Draining,
    /// It was stopped meanwhile, or deleted.
    #[error("the stream was stopped")]
    Disarmed,
    /// As many streams as the server may have are on air.
    #[error("{0} streams are on air, and no more may be (WEIR_MAX_STREAMS)")]
    Full(usize),
    /// The processor has no room for it.
    #[error("the processor is {}% busy, and above {}% no stream begins (WEIR_MAX_LOAD)", .0.percent, .0.most)]
    NoRoom(Busy),
    /// The server is being stopped.
    #[error("the server is being stopped")]
    Shutdown,
}

/// Why a session cannot enter a broadcast at once.
enum NotEntered {
    /// There is one that isn't free.
    Taken(Arc<Broadcast>, Presence),
    /// No other one may begin.
    Full(usize),
    NoRoom(Busy),
}

impl Registry {
    pub(crate) fn new(
        options: RegistryOptions,
        catalog: Catalog,
        board: Board,
        uploader: Uploader,
        stop: CancellationToken,
        shutdown: CancellationToken,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let shared = Shared {
            processor: Processor::new(cores, options.max_load),
            options,
            catalog,
            board,
            uploader,
            broadcasts: Mutex::default(),
            tasks: TaskTracker::new(),
            stop,
            shutdown,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Makes a new session from `origin` the one that feeds `stream`: into the broadcast that waits for
    /// it, into the one that it takes over, or into a new one.
    pub(crate) async fn attach(&self, stream: &Stream, origin: Origin) -> Result<Attached, AttachError> {
        tokio::time::timeout(PATIENCE, self.take(stream, origin)).await.unwrap_or(Err(AttachError::Draining))
    }

    async fn take(&self, stream: &Stream, origin: Origin) -> Result<Attached, AttachError> {
        loop {
            if self.shared.stop.is_cancelled() {
                return Err(AttachError::Shutdown);
            }
            match self.enter(stream, origin) {
                Ok(attached) => {
                    if self.is_disarmed(&stream.video_id).await {
                        attached.stop();
                        return Err(AttachError::Disarmed);
                    }
                    return match attached.begin().await {
                        Ok(()) => Ok(attached),
                        Err(FeedError::Closed | FeedError::Stalled) => Err(AttachError::Draining),
                    };
                }
                Err(NotEntered::Full(on_air)) => return Err(AttachError::Full(on_air)),
                Err(NotEntered::NoRoom(busy)) => return Err(AttachError::NoRoom(busy)),
                Err(NotEntered::Taken(broadcast, Presence::Ending(_))) => broadcast.finished().await,
                Err(NotEntered::Taken(_, Presence::Publishing(_) | Presence::Away(_))) => {
                    return Err(AttachError::Busy);
                }
            }
        }
    }

    /// Whether a stream may not be fed any more. It is asked after a broadcast is taken: who stops the stream disarms it and
    /// then ends its broadcast, so that one of both sees the other.
    async fn is_disarmed(&self, id: &VideoId) -> bool {
        match self.shared.catalog.get(id).await {
            Ok(stream) => !stream.is_some_and(|stream| stream.armed),
            // It was armed a moment ago, and whom this one has taken over from has been sent away.
            Err(error) => {
                tracing::error!(%error, "whether the stream was stopped meanwhile is not known");
                false
            }
        }
    }

    /// Takes the broadcast that there is, or else starts one. A new one is taken before its task runs,
    /// so that it never finds itself without a publisher at first.
    fn enter(&self, stream: &Stream, origin: Origin) -> Result<Attached, NotEntered> {
        let policy = stream.options.second_publisher;
        let mut broadcasts = self.shared.lock();
        let known = broadcasts.get(&stream.video_id);
        if let Some(known) = known.filter(|known| !known.is_finished()) {
            return known.take(origin, policy).map_err(|presence| NotEntered::Taken(known.clone(), presence));
        }
        let on_air = broadcasts.values().filter(|broadcast| !broadcast.is_finished()).count();
        if on_air >= self.shared.options.max_streams {
            return Err(NotEntered::Full(on_air));
        }
        match self.shared.processor.admit(Instant::now()) {
            // A server with nothing on air has no more room to offer.
            Err(busy) if on_air > 0 => return Err(NotEntered::NoRoom(busy)),
            Ok(()) | Err(_) => {}
        }
        let last = known.inspect(|last| last.superseded.cancel());
        let (broadcast, supervisor) = Supervisor::new(&self.shared, stream, last.map(Arc::as_ref));
        let attached =
            broadcast.take(origin, policy).map_err(|presence| NotEntered::Taken(broadcast.clone(), presence));
        broadcasts.insert(stream.video_id.clone(), broadcast);
        self.shared.tasks.spawn(supervisor.run());
        attached
    }

    /// Runs a broadcast that nobody feeds yet.
    pub(super) fn adopt(&self, broadcast: Arc<Broadcast>, supervisor: Supervisor) {
        self.shared.lock().insert(broadcast.id.clone(), broadcast);
        self.shared.tasks.spawn(supervisor.run());
    }

    /// The broadcast of a stream, on air or just off it.
    pub(crate) fn get(&self, id: &VideoId) -> Option<Arc<Broadcast>> {
        self.shared.lock().get(id).cloned()
    }

    /// Every broadcast that is served.
    pub(super) fn all(&self) -> Vec<Arc<Broadcast>> {
        self.shared.lock().values().cloned().collect()
    }

    /// Bits a second that the viewers of all streams are sent.
    pub(crate) fn served_rate(&self) -> u64 {
        self.shared.lock().values().map(|broadcast| broadcast.served_rate()).sum()
    }

    /// Takes the gauges of every broadcast on air.
    pub(crate) fn measure(&self) {
        gauge!("weir_origin_bits_per_second").set(self.served_rate() as f64);
        let on_air: Vec<_> = self.shared.lock().values().filter(|b| !b.is_finished()).cloned().collect();
        for broadcast in on_air {
            let labels = [("stream", broadcast.id.to_string())];
            let (encode, upload) = (broadcast.encode_health(), broadcast.upload_health());
            let ingest = broadcast.health().ingest().unwrap_or_default();
            gauge!("weir_ingest_bits_per_second", &labels).set(ingest.bitrate as f64);
            gauge!("weir_ingest_frames_per_second", &labels).set(ingest.frame_rate);
            gauge!("weir_encode_frames_per_second", &labels).set(encode.frame_rate);
            gauge!("weir_encode_speed_ratio", &labels).set(encode.speed.unwrap_or_default());
            gauge!("weir_encode_queue_packets", &labels).set(encode.queued_packets as f64);
            gauge!("weir_encode_lag_seconds", &labels).set(encode.lag_ms as f64 / 1000.0);
            gauge!("weir_encode_one_picture_in", &labels).set(encode.one_picture_in);
            gauge!("weir_encode_skipped_frames", &labels).set(encode.frames_skipped as f64);
            gauge!("weir_encode_dropped_frames", &labels).set(encode.frames_dropped as f64);
            gauge!("weir_upload_queue_segments", &labels).set(upload.pending_segments as f64);
            gauge!("weir_upload_queue_bytes", &labels).set(upload.pending_bytes as f64);
            let stalled = broadcast.health().stalled();
            for station in Station::ALL {
                let labels = [labels[0].clone(), ("station", station.name().to_owned())];
                gauge!("weir_stalled", &labels).set(u32::from(stalled.contains(&station)));
            }
            gauge!("weir_viewers", &labels).set(self.shared.board.attendance(&broadcast.id).current as f64);
            gauge!("weir_served_bytes", &labels).set(broadcast.served_bytes() as f64);
            gauge!("weir_served_bits_per_second", &labels).set(broadcast.served_rate() as f64);
            let Some(seen) = self.shared.board.experience(&broadcast.id) else { continue };
            for (quantile, value) in [("0.5", seen.latency_p50), ("0.95", seen.latency_p95)] {
                let labels = [labels[0].clone(), ("quantile", quantile.to_owned())];
                gauge!("weir_viewer_latency_seconds", &labels).set(value.unwrap_or(f64::NAN));
            }
            gauge!("weir_viewer_stalls", &labels).set(seen.stalls as f64);
        }
    }

    /// Ends a stream's broadcast, if there is one, and waits until its last playlist is stored.
    pub(crate) async fn stop(&self, id: &VideoId) {
        if let Some(broadcast) = self.get(id) {
            broadcast.end(End::stopped());
            broadcast.finished().await;
        }
    }

    /// Removes what is left of a stream that was deleted.
    pub(crate) fn forget(&self, stream: &Stream, next: hls_mux::MediaSequence) {
        if let Some(broadcast) = self.shared.lock().remove(&stream.video_id) {
            broadcast.superseded.cancel();
        }
        let keys = ObjectKeys::new(&stream.video_id);
        let segments = self.shared.last_segments(&keys, next);
        let playlists = [keys.media_playlist(), keys.multivariant_playlist(), keys.poster(), keys.thumbs()];
        let uploader = self.shared.uploader.clone();
        self.shared.tasks.spawn(async move {
            for key in playlists.into_iter().chain(segments) {
                if let Err(error) = uploader.delete(&key).await {
                    metrics::counter!("weir_objects_left_behind_total").increment(1);
                    tracing::warn!(%error, "an object of a deleted stream cannot be removed");
                    // A store that refuses one refuses all: the rest would only take time.
                    return;
                }
            }
        });
    }

    /// Waits, when no broadcast begins any more, until the last has ended.
    pub(crate) async fn idle(&self) {
        let on_air: Vec<_> = self.shared.lock().values().cloned().collect();
        for broadcast in on_air {
            broadcast.finished().await;
        }
    }

    /// Waits, after shutdown was asked for, until every broadcast has ended in order.
    pub(crate) async fn drained(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    /// Keys that a playlist before the segment `next` may have listed.
    pub(super) fn last_segments(&self, keys: &ObjectKeys, next: hls_mux::MediaSequence) -> Vec<String> {
        let listed = 2 * self.options.playlist_window as u64 + 1;
        let first = next.get().saturating_sub(listed);
        (first..next.get()).map(|n| keys.segment(hls_mux::MediaSequence::new(n))).collect()
    }

    /// The same of a broadcast's stream, but for those that are kept.
    pub(super) async fn earlier_segments(
        &self,
        broadcast: &Broadcast,
        next: hls_mux::MediaSequence,
    ) -> Vec<String> {
        let keys = ObjectKeys::new(&broadcast.id);
        let listed = self.last_segments(&keys, next);
        let first = hls_mux::MediaSequence::new(next.get().saturating_sub(listed.len() as u64));
        match self.catalog.kept_segments(&broadcast.id, first, Some(next), listed.len() as u32).await {
            Ok(kept) => {
                let kept: HashSet<_> = kept.iter().map(|entry| keys.segment(entry.sequence)).collect();
                listed.into_iter().filter(|key| !kept.contains(key)).collect()
            }
            Err(error) => {
                tracing::error!(%error, "the last broadcast's segments are not removed");
                Vec::new()
            }
        }
    }

    /// Serves a broadcast's window no more, unless a newer one has taken its place.
    pub(super) fn retire(&self, broadcast: &Arc<Broadcast>) {
        let mut broadcasts = self.lock();
        if broadcasts.get(&broadcast.id).is_some_and(|known| Arc::ptr_eq(known, broadcast)) {
            broadcasts.remove(&broadcast.id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VideoId, Arc<Broadcast>>> {
        self.broadcasts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
