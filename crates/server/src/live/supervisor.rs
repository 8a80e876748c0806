//! The life of a broadcast: has its encoder and its uploads started, waits for a reason to end, and has
//! them ended in the order in which media flows.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use hls_mux::MediaSequence;
use hls_mux::playlist::MediaPlaylist;
use media::MediaDuration;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::broadcast::{Broadcast, End, Presence};
use super::ending::{Over, encoder_end, leave_behind, result_of};
use super::feed::{self, FeedReceiver};
use super::health::Health;
use super::launch::Running;
use super::recovery::Resumed;
use super::registry::Shared;
use super::upload_queue::UploadQueue;
use super::watchdog;
use super::window::Window;
use crate::catalog::{Status, Stream};
use crate::events::EventType;

/// How long the last window is served from memory, after the end.
const LINGER: Duration = Duration::from_secs(300);

/// The task of one broadcast.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    broadcast: Arc<Broadcast>,
    feed: FeedReceiver,
    /// What the stream was before: it is that again if not one segment comes of this.
    before: Status,
    /// Cancelled once nothing more of the stream's last broadcast is stored, if it is still served.
    last_uploaded: Option<CancellationToken>,
    /// What segments are meant to last.
    segment_duration: MediaDuration,
    /// The bucket's playlist of a broadcast that a server that died left on air.
    resumed: Option<MediaPlaylist>,
    /// The events say of it already that the publisher is away.
    away: bool,
}

impl Supervisor {
    /// A broadcast that waits for its first session, and the task that runs it.
    ///
    /// `last` is the stream's last broadcast, if it is still served. It is superseded.
    pub(super) fn new(
        shared: &Arc<Shared>,
        stream: &Stream,
        last: Option<&Broadcast>,
    ) -> (Arc<Broadcast>, Self) {
        let window = last.map(|last| last.window.clone());
        let (broadcast, mut supervisor) =
            Self::with(shared, stream, shared.options.segment_duration, window, None, stream.options.record);
        supervisor.last_uploaded = last.map(|last| last.uploaded.clone());
        (broadcast, supervisor)
    }

    /// A broadcast that a server that died left on air, and the task that waits for its publisher.
    pub(super) fn resumed(shared: &Arc<Shared>, stream: &Stream, resumed: Resumed) -> (Arc<Broadcast>, Self) {
        let (broadcast, mut supervisor) = Self::with(
            shared,
            stream,
            resumed.segment_duration,
            None,
            Some(resumed.playlist),
            resumed.recorded,
        );
        supervisor.away = resumed.away;
        // Told once: nothing else sets it. The time before the crash has samples of its own.
        let _ = broadcast.live_since.set(SystemTime::now());
        broadcast.window.resume(resumed.origin, resumed.segments, resumed.multivariant);
        (broadcast, supervisor)
    }

    fn with(
        shared: &Arc<Shared>,
        stream: &Stream,
        segment_duration: MediaDuration,
        before: Option<Arc<Window>>,
        resumed: Option<MediaPlaylist>,
        recorded: bool,
    ) -> (Arc<Broadcast>, Self) {
        let (sender, feed) = feed::channel();
        let options = &shared.options;
        let broadcast = Arc::new(Broadcast {
            id: stream.video_id.clone(),
            reconnect_window: Duration::from_secs(stream.options.reconnect_window.into()),
            latency_mode: stream.options.latency_mode,
            presence: watch::Sender::new(Presence::Away(Instant::now())),
            feed: sender,
            health: Arc::new(Health::default()),
            pulse: Arc::default(),
            window: Arc::new(Window::new(
                segment_duration,
                options.part_duration,
                options.playlist_window,
                before,
            )),
            uploads: Arc::new(UploadQueue::new(options.upload_queue)),
            recorded,
            kept: Arc::default(),
            finished: CancellationToken::new(),
            uploaded: CancellationToken::new(),
            superseded: CancellationToken::new(),
            sessions: AtomicU64::new(0),
            served: AtomicU64::new(0),
            served_rate: AtomicU64::new(0),
            live_since: OnceLock::new(),
        });
        let supervisor = Self {
            shared: shared.clone(),
            broadcast: broadcast.clone(),
            feed,
            before: stream.status,
            last_uploaded: None,
            segment_duration,
            resumed,
            away: false,
        };
        (broadcast, supervisor)
    }

    /// Runs the broadcast from its first session to the end of its last window.
    pub(super) async fn run(self) {
        let span = tracing::info_span!("broadcast", stream = %self.broadcast.id);
        self.live().instrument(span).await;
    }

    async fn live(self) {
        let Self { shared, broadcast, feed, before, last_uploaded, segment_duration, resumed, away } = self;
        metrics::gauge!("weir_broadcasts").increment(1);
        if let Some(uploaded) = last_uploaded {
            shared.clear(&broadcast, &uploaded).await;
        }
        let first = shared.first_sequence(&broadcast).await;
        let earlier = shared.earlier_segments(&broadcast, first).await;
        // Before the first is used: a server that dies now must not use its name again.
        let mut reserved = first;
        shared.reserve(&broadcast, first, &mut reserved).await;
        let Over { end, segments, unused, late } =
            match shared.start(&broadcast, feed, first, segment_duration, resumed, earlier) {
                Ok(mut running) => {
                    running.away = away;
                    let end = shared.watch(&broadcast, &mut running, &mut reserved).await;
                    shared.bring_to_end(&broadcast, running, end, first).await
                }
                Err(error) => {
                    let end = End::encoder(&error);
                    broadcast.end(end.clone());
                    Over { end, segments: None, unused: first, late: None }
                }
            };
        shared.record_end(&broadcast, end, before, segments, unused).await;
        metrics::gauge!("weir_broadcasts").decrement(1);
        broadcast.finished.cancel();
        // Whoever is at the end of the playlist still reads its last segments.
        let until = tokio::time::Instant::now() + LINGER;
        if let Some(late) = late {
            let over = timeout_at(until, shared.shutdown.cancelled());
            late.settle(&broadcast, over).await;
        }
        broadcast.uploaded.cancel();
        let _ = timeout_at(until, shared.shutdown.cancelled()).await;
        shared.retire(&broadcast);
    }
}

impl Shared {
    /// Waits until nothing more of the last broadcast is stored, and forgets what was listed of it after its end: a server
    /// that dies now must not go on with it.
    async fn clear(&self, broadcast: &Broadcast, uploaded: &CancellationToken) {
        uploaded.cancelled().await;
        if let Err(error) = self.catalog.forget_playlist(&broadcast.id).await {
            tracing::error!(%error, "the last broadcast's playlist is not forgotten");
        }
    }

    /// Waits for the reason to end; meanwhile tells the catalog and the viewers what happens.
    async fn watch(&self, broadcast: &Broadcast, running: &mut Running, reserved: &mut MediaSequence) -> End {
        let mut presence = broadcast.presence.subscribe();
        let hung = watchdog::watch(broadcast);
        tokio::pin!(hung);
        loop {
            let now = presence.borrow_and_update().clone();
            let listed = *running.listed.borrow_and_update();
            if let Some(next) = listed {
                self.reserve(broadcast, next, reserved).await;
                self.went_live(broadcast, running).await;
            }
            if running.live || listed.is_some() {
                self.board.set(&broadcast.id, Status::Live, matches!(now, Presence::Away(_)));
                self.tell_of_publisher(broadcast, running, &now).await;
            }
            let patience = match now {
                Presence::Publishing(_) => None,
                // Whoever comes back is turned away.
                Presence::Away(_) if self.stop.is_cancelled() => return End::shutdown(),
                Presence::Away(since) => Some(since + broadcast.reconnect_window),
                Presence::Ending(end) => return end,
            };
            let lost = async {
                match patience {
                    Some(deadline) => sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = presence.changed() => if changed.is_err() { return End::shutdown() },
                Ok(()) = running.listed.changed() => {}
                () = lost => return End::lost(broadcast),
                () = self.stop.cancelled(), if patience.is_some() => {}
                () = self.shutdown.cancelled() => return End::shutdown(),
                () = &mut hung => {
                    running.encoder = None;
                    leave_behind(broadcast);
                    return End::stalled();
                }
                result = result_of(&mut running.encoder) => {
                    running.encoder = None;
                    return encoder_end(result);
                }
            }
        }
    }

    /// Tells the catalog that there are segments; again with the next one, until it takes it.
    pub(super) async fn went_live(&self, broadcast: &Broadcast, running: &mut Running) {
        if running.live {
            return;
        }
        let now = SystemTime::now();
        match self.catalog.went_live(&broadcast.id, now, running.recorded_from).await {
            Ok(()) => {
                // Told once: nothing else sets it.
                let _ = broadcast.live_since.set(now);
                running.live = true;
                tracing::info!("live");
            }
            Err(error) => tracing::error!(%error, "the stream is on air, but not marked so"),
        }
    }

    /// Tells of a publisher that vanished from a stream on air, or is back.
    async fn tell_of_publisher(&self, broadcast: &Broadcast, running: &mut Running, now: &Presence) {
        let (away, kind, data) = match now {
            Presence::Away(_) => {
                let window = broadcast.reconnect_window.as_secs();
                (true, EventType::StreamReconnecting, json!({ "reconnectWindow": window }))
            }
            Presence::Publishing(_) => (false, EventType::StreamLive, json!({ "resumed": true })),
            Presence::Ending(_) => return,
        };
        if running.live && std::mem::replace(&mut running.away, away) != away {
            self.catalog.record(kind, &broadcast.id, data).await;
        }
    }
}
