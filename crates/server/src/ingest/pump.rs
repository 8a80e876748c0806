//! From a connection's media to a broadcast, whoever made the connection.

use std::time::Instant;

use metrics::counter;
use rtmp_ingest::{Connection, ErrorKind, Event, Session};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::live::{Attached, FeedError, IngestMeter, Removal};

/// Why a session is over.
pub(super) enum Over {
    /// The other side unpublished or closed in good order.
    Finished,
    /// Nothing more comes, and nothing was wrong.
    Closed,
    /// It broke the protocol, a limit or the connection.
    Broken(rtmp_ingest::Error),
    /// Another session feeds its broadcast.
    Replaced,
    /// Its broadcast was ended.
    Ended(String),
    /// The encoder thread took nothing.
    NotTaken(FeedError),
    /// It is not wanted any more: the server stops, or the source was stopped.
    Cancelled,
}

impl Over {
    /// Its name in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Closed => "closed",
            Self::Broken(rtmp_ingest::Error {
                kind: ErrorKind::Disconnected | ErrorKind::SourceDisconnected,
                ..
            }) => "disconnected",
            Self::Broken(_) => "broken",
            Self::Replaced => "taken_over",
            Self::Ended(_) | Self::NotTaken(_) => "ended",
            Self::Cancelled => "shutdown",
        }
    }
}

/// Feeds the broadcast until the connection, the broadcast or `cancel` ends it.
pub(super) async fn pump<S, P>(
    connection: &mut Connection<S, P>,
    attached: &mut Attached,
    meter: &mut IngestMeter,
    cancel: &CancellationToken,
) -> Over
where
    S: AsyncRead + AsyncWrite + Unpin,
    P: Session,
{
    loop {
        let event = tokio::select! {
            event = connection.next_event() => event,
            removal = attached.removed() => return match removal {
                Removal::TakenOver => Over::Replaced,
                Removal::Ended(reason) => Over::Ended(reason.message),
            },
            () = cancel.cancelled() => return Over::Cancelled,
        };
        match event {
            Ok(Some(event)) => match take(event, attached, meter).await {
                Ok(()) => {}
                Err(over) => return over,
            },
            Ok(None) => return Over::Closed,
            Err(error) => return Over::Broken(error),
        }
    }
}

/// Hands one event on.
pub(super) async fn take(event: Event, attached: &Attached, meter: &mut IngestMeter) -> Result<(), Over> {
    match event {
        Event::Media(media) => {
            if meter.count(&media, Instant::now()) {
                attached.show(meter);
            }
            if let media::MediaEvent::Packet(packet) = &media {
                counter!("weir_ingest_bytes_total").increment(packet.data.len() as u64);
            }
            attached.media(media).await.map_err(Over::NotTaken)
        }
        Event::Metadata(metadata) => {
            if let Some(encoder) = metadata.encoder {
                meter.set_encoder(encoder);
                attached.show(meter);
            }
            Ok(())
        }
        Event::PublishFinished => Err(Over::Finished),
        // A session publishes once; it refuses another request by itself.
        Event::PublishRequested(_) => Ok(()),
    }
}
