//! The hand-over from a session to its stream's encoder, bounded in packets and in bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use media::MediaEvent;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// About two seconds of 60 pictures and 47 audio frames a second.
const PACKETS: usize = 256;
/// What those may weigh: two seconds at 60 Mb/s. A keyframe that is larger than all of it takes all.
const KIBIBYTES: usize = 16 << 10;
/// How long a full queue may stay full before its session is ended: the encoder hangs.
const STALL_LIMIT: Duration = Duration::from_secs(10);

/// What an encoder is told.
pub(super) enum Feed {
    /// The publisher of the session of that number is there; its clock is unknown.
    SessionStarted(u64),
    /// The next of the session's packets or configurations.
    Media(u64, Arrival, OwnedSemaphorePermit),
    /// The session's publisher is gone.
    SessionEnded(u64),
    /// Nothing comes any more: flush.
    Finish,
}

/// Something of the publisher's, and when it came.
pub(super) struct Arrival {
    pub(super) event: MediaEvent,
    pub(super) at: Instant,
}

/// The sessions' end. A clone feeds the same encoder.
#[derive(Clone)]
pub(super) struct FeedSender {
    queue: mpsc::Sender<Feed>,
    kibibytes: Arc<Semaphore>,
}

/// The encoder's end.
pub(super) struct FeedReceiver {
    queue: mpsc::Receiver<Feed>,
}

/// Why a packet could not be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FeedError {
    /// The encoder has ended.
    #[error("the broadcast has ended")]
    Closed,
    /// The encoder took nothing for too long.
    #[error("the encoder has taken nothing for {} s", STALL_LIMIT.as_secs())]
    Stalled,
}

pub(super) fn channel() -> (FeedSender, FeedReceiver) {
    let (sender, receiver) = mpsc::channel(PACKETS);
    let kibibytes = Arc::new(Semaphore::new(KIBIBYTES));
    (FeedSender { queue: sender, kibibytes }, FeedReceiver { queue: receiver })
}

impl FeedSender {
    /// Hands a packet over; waits while the queue is full, so that TCP pushes back on the publisher.
    pub(super) async fn media(&self, session: u64, event: MediaEvent) -> Result<(), FeedError> {
        let size = match &event {
            MediaEvent::Packet(packet) => packet.data.len().div_ceil(1024).clamp(1, KIBIBYTES),
            MediaEvent::Video(_) | MediaEvent::Audio(_) => 1,
        };
        let arrival = Arrival { event, at: Instant::now() };
        let hand_over = async {
            let permits = size as u32;
            let permit =
                self.kibibytes.clone().acquire_many_owned(permits).await.map_err(|_| FeedError::Closed)?;
            self.queue.send(Feed::Media(session, arrival, permit)).await.map_err(|_| FeedError::Closed)
        };
        tokio::time::timeout(STALL_LIMIT, hand_over).await.unwrap_or(Err(FeedError::Stalled))
    }

    /// Tells something of the session's life; lost only if the encoder has ended or hangs.
    pub(super) async fn tell(&self, feed: Feed) -> Result<(), FeedError> {
        match self.queue.send_timeout(feed, STALL_LIMIT).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(FeedError::Closed),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(FeedError::Stalled),
        }
    }

    /// Packets that wait.
    pub(super) fn depth(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

impl FeedReceiver {
    /// The next thing; `None` once every sender is gone.
    pub(super) async fn next(&mut self) -> Option<Feed> {
        self.queue.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use media::{Packet, Timestamp, Track};

    fn packet(bytes: usize) -> MediaEvent {
        MediaEvent::Packet(Packet {
            track: Track::Video,
            pts: Timestamp::ZERO,
            dts: Timestamp::ZERO,
            is_keyframe: true,
            data: Bytes::from(vec![0; bytes]),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_hung_encoder_is_noticed_and_memory_stays_bounded() {
        let (sender, _receiver) = channel();
        let mut sent = 0;
        let error = loop {
            match sender.media(0, packet(1 << 20)).await {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((sent, error), (16, FeedError::Stalled));
    }

    #[tokio::test]
    async fn a_packet_larger_than_the_bound_still_passes_alone() {
        let (sender, mut receiver) = channel();
        sender.media(0, packet(20 << 20)).await.unwrap();
        let Some(Feed::Media(0, Arrival { event: MediaEvent::Packet(got), .. }, permit)) =
            receiver.next().await
        else {
            panic!("the packet that was sent")
        };
        assert_eq!(got.data.len(), 20 << 20);
        drop(permit);
        drop(receiver);
        assert_eq!(sender.media(0, packet(1)).await, Err(FeedError::Closed));
    }
}
