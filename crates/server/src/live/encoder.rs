//! A stream's encoder: one thread that decodes, encodes and cuts segments.
//!
//! It is a thread and not a task because libav computes for milliseconds at a time, and because its
//! contexts stay on the thread that made them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hls_mux::{MediaSequence, SegmenterOptions};
use media::{MediaDuration, MediaEvent, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use transcode::{Slate, Transcoder};

use super::feed::{Arrival, Feed, FeedReceiver};
use super::health::{EncodeHealth, Health};
use super::meter::Meter;
use super::muxing::{Muxing, Outlet};
use super::pulse::Pulse;
use super::workload::Workload;
use crate::catalog::VideoId;

/// How often the last picture is repeated on, while the publisher is away or silent.
const FILL_PERIOD: Duration = Duration::from_millis(50);
/// How long a publisher that is there may be silent, or send what can't be shown, before it is filled in for. Output stays behind by so much:
/// what comes late then still finds its place.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long there must have been nothing before the slate is shown: most breaks are shorter.
const SLATE_DELAY: Duration = Duration::from_secs(2);
/// How often figures are taken anew.
const HEALTH_PERIOD: Duration = Duration::from_secs(1);

/// How often a poster is made: some milliseconds of the thread's time.
const STILL_PERIOD: MediaDuration = MediaDuration::from_secs(5);
/// What posters fit into.
const STILL_SIZE: (u32, u32) = (640, 360);

/// What an encoder needs to begin.
pub(super) struct EncoderOptions {
    pub(super) transcode: transcode::Options,
    pub(super) segmenter: SegmenterOptions,
    /// Number of its first segment.
    pub(super) first: MediaSequence,
    /// What it makes comes after what another process made.
    pub(super) resumes: bool,
    /// To be shown while there is no publisher, in place of its last picture.
    pub(super) slate: Option<Slate>,
    /// Its sign of life.
    pub(super) pulse: Arc<Pulse>,
}

/// Why an encoder ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncoderError {
    #[error("the transcoder failed: {0}")]
    Transcode(#[from] transcode::Error),
    #[error("the encoder's thread could not be started: {0}")]
    Spawn(#[from] std::io::Error),
    #[error("the encoder panicked; this is a bug in Weir: {0}")]
    Panicked(String),
}

/// Starts an encoder's thread. It ends when it is told to finish, or when no session and no
/// broadcast can feed it any more; the receiver then has the result.
pub(super) fn spawn(
    id: &VideoId,
    options: EncoderOptions,
    feed: FeedReceiver,
    outlet: impl Outlet,
    health: Arc<Health>,
) -> Result<oneshot::Receiver<Result<(), EncoderError>>, EncoderError> {
    let (done, result) = oneshot::channel();
    let runtime = Handle::current();
    let span = tracing::info_span!("encoder", stream = %id);
    std::thread::Builder::new().name("weir-encoder".to_owned()).spawn(move || {
        let _entered = span.entered();
        let encode = AssertUnwindSafe(|| Encoder::new(options, outlet, health)?.run(feed, &runtime));
        let result = catch_unwind(encode).unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            Err(EncoderError::Panicked(message.unwrap_or_default()))
        });
        // Nobody listens any more if the broadcast has given up waiting.
        let _ = done.send(result);
    })?;
    Ok(result)
}

struct Encoder<O> {
    transcoder: Transcoder,
    muxing: Muxing<O>,
    /// The session that is listened to; what one before it still says is late.
    session: Option<u64>,
    /// When its last media came that brought output on, or it did.
    heard: Instant,
    /// The session has ended, and no other's media have come yet.
    away: bool,
    slate: Option<Slate>,
    /// The slate is what is shown.
    slated: bool,
    /// What the wall clock is counted from.
    start: Instant,
    meter: Meter,
    pulse: Arc<Pulse>,
    workload: Workload,
    /// How long the last packet had waited.
    lag: Duration,
    health: Arc<Health>,
    /// When the next poster is due, in output time.
    still_due: Timestamp,
}

impl<O: Outlet> Encoder<O> {
    fn new(options: EncoderOptions, outlet: O, health: Arc<Health>) -> Result<Self, EncoderError> {
        let presets = options.transcode.video.faster_presets();
        Ok(Self {
            workload: Workload::new(presets.len()),
            lag: Duration::ZERO,
            transcoder: Transcoder::new(options.transcode)?,
            muxing: Muxing::new(
                options.segmenter,
                options.first,
                options.resumes,
                outlet,
                options.pulse.clone(),
            ),
            session: None,
            heard: Instant::now(),
            away: false,
            slate: options.slate,
            pulse: options.pulse,
            slated: false,
            start: Instant::now(),
            meter: Meter::new(),
            health,
            still_due: Timestamp::ZERO,
        })
    }

    fn run(mut self, mut feed: FeedReceiver, runtime: &Handle) -> Result<(), EncoderError> {
        loop {
            if !self.pulse.beat() {
                return Ok(());
            }
            let next = runtime.block_on(async { timeout(FILL_PERIOD, feed.next()).await });
            let Ok(next) = next else {
                self.fill()?;
                continue;
            };
            match next {
                Some(Feed::SessionStarted(session)) => self.start_session(session),
                Some(Feed::Media(session, arrival, permit)) => {
                    if self.session == Some(session) {
                        self.push(arrival)?;
                    }
                    drop(permit);
                }
                Some(Feed::SessionEnded(session)) if self.session == Some(session) => {
                    self.away = true;
                }
                Some(Feed::SessionEnded(_)) => {}
                Some(Feed::Finish) | None => break,
            }
        }
        self.finish()
    }

    /// Goes on with another session, at the live edge: the one before may have ended, or have been
    /// silent before it was taken over.
    fn start_session(&mut self, session: u64) {
        // Two that come at once may be told of in either order.
        if self.session.is_some_and(|current| session < current) {
            return;
        }
        self.session = Some(session);
        self.heard = Instant::now();
        let now = self.wall_clock(self.heard);
        self.transcoder.pause(now);
        self.transcoder.start_session(self.transcoder.live_edge(now));
    }

    fn wall_clock(&self, at: Instant) -> Timestamp {
        Timestamp::ZERO + at.saturating_duration_since(self.start).into()
    }

    fn push(&mut self, Arrival { event, at }: Arrival) -> Result<(), EncoderError> {
        let started = Instant::now();
        self.lag = started - at;
        if self.transcoder.begins_with(&event) {
            self.muxing.begin(SystemTime::now() - self.lag);
        }
        // Until a session's media come, it is as far away as the one before.
        self.away &= !matches!(event, MediaEvent::Packet(_));
        self.transcoder.hurry(self.workload.hurries(self.lag));
        let arrived = self.wall_clock(at);
        let before = self.transcoder.position();
        self.transcoder.push_arrived(event, arrived, &mut |made| self.muxing.take(made))?;
        if self.transcoder.position() > before {
            self.heard = started;
            self.slated = false;
        } else if started - self.heard > PATIENCE {
            self.stand_in(arrived)?;
        }
        self.spent(started.elapsed());
        if let Some(relief) = self.workload.judge(self.lag, self.transcoder.position()) {
            self.transcoder.relieve(relief);
        }
        self.still()?;
        self.show();
        Ok(())
    }

    /// Goes on by itself, at the wall clock's pace, where the publisher has nothing to go on with.
    fn fill(&mut self) -> Result<(), EncoderError> {
        let now = Instant::now();
        if !self.away && now - self.heard <= PATIENCE {
            return Ok(());
        }
        // Nothing waits for the encoder.
        self.lag = Duration::ZERO;
        self.stand_in(self.wall_clock(now))?;
        self.spent(now.elapsed());
        self.show();
        Ok(())
    }

    /// Goes on for a publisher that is away, or has sent nothing that can be shown by `clock`.
    fn stand_in(&mut self, clock: Timestamp) -> Result<(), EncoderError> {
        if !self.muxing.has_begun() {
            return Ok(());
        }
        if let Some(slate) = &self.slate
            && !self.slated
            && self.heard.elapsed() > SLATE_DELAY
        {
            self.transcoder.show(slate)?;
            self.slated = true;
        }
        self.transcoder.pause(clock);
        let edge = self.transcoder.live_edge(clock);
        let until = if self.away { edge } else { edge - MediaDuration::from(PATIENCE) };
        self.transcoder.fill_until(until, &mut |made| self.muxing.take(made))?;
        Ok(())
    }

    fn spent(&mut self, busy: Duration) {
        self.meter.busy += busy;
        self.workload.spent(busy);
    }

    fn finish(self) -> Result<(), EncoderError> {
        let mut muxing = self.muxing;
        self.transcoder.finish(&mut |made| muxing.take(made))?;
        muxing.finish();
        Ok(())
    }

    /// Makes a poster, once in a while; after the pictures that are due, so that none waits for it.
    fn still(&mut self) -> Result<(), EncoderError> {
        let position = self.transcoder.position();
        if position < self.still_due {
            return Ok(());
        }
        if let Some(still) = self.transcoder.still(STILL_SIZE.0, STILL_SIZE.1)? {
            self.still_due = position + STILL_PERIOD;
            self.muxing.still(still);
        }
        Ok(())
    }

    /// Tells how the encoder is doing, once in a while.
    fn show(&mut self) {
        if self.meter.since.elapsed() < HEALTH_PERIOD {
            return;
        }
        let stats = self.transcoder.stats();
        let (speed, frame_rate) = self.meter.lap(self.transcoder.position(), stats.video.encoded);
        let (width, height) = stats.video.output_size.unzip();
        let relief = self.workload.relief();
        self.health.set_encode(EncodeHealth {
            width,
            height,
            frame_rate,
            speed,
            queued_packets: 0,
            frames_decoded: stats.video.decoded,
            frames_encoded: stats.video.encoded,
            lag_ms: self.lag.as_millis() as u64,
            preset: stats.video.preset,
            one_picture_in: relief.one_picture_in.get(),
            decode_skip: relief.decode_skip.into(),
            frames_skipped: stats.video.skipped,
            frames_dropped: stats.video.dropped,
            frames_repeated: stats.video.repeated,
            decode_errors: stats.video.decode_errors + stats.audio.decode_errors,
        });
    }
}
