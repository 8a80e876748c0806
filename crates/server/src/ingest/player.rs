//! One connection to another RTMP server: made, and played into a broadcast.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use metrics::counter;
use rtmp_ingest::{ClientSession, Connection, Event, Limits, SourceUrl};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;

use super::faults::Faults;
use super::pump::{Over, pump, take};
use crate::catalog::CatalogError;
use crate::live::{AttachError, Attached, IngestMeter, SessionEnd};

/// Why a source is not played, or not any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlayError {
    #[error("it cannot be connected to: {0}")]
    Connect(io::Error),
    #[error("it did not answer in time")]
    Timeout,
    #[error("it sends nothing that can be played")]
    NoMedia,
    #[error("{0}")]
    Protocol(#[from] rtmp_ingest::Error),
    #[error("it closed the connection")]
    Closed,
    #[error("it ended the stream")]
    Finished,
    #[error("the stream cannot take it: {0}")]
    Refused(#[from] AttachError),
    #[error("another publisher has taken over")]
    Replaced,
    #[error("its broadcast was ended: {0}")]
    Ended(String),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// TCP, or TLS over it.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Transport for S {}

/// A source whose first media have come.
pub(super) struct Opened {
    connection: Connection<Box<dyn Transport>, ClientSession>,
    /// What came before a broadcast could take it.
    first: Vec<Event>,
}

/// What sources' certificates are checked with: the roots that the system trusts.
pub(super) fn tls() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    // Without any root each certificate is refused, and the log says so with the source that needs one.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring offers TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Connects, asks for the stream and waits for its first media.
pub(super) async fn open(url: &SourceUrl, limits: Limits, tls: &TlsConnector) -> Result<Opened, PlayError> {
    let patience = limits.setup_timeout;
    let transport = timeout(patience, connect(url, tls)).await.map_err(|_| PlayError::Timeout)?;
    let transport = transport.map_err(PlayError::Connect)?;
    // The connection's own limits say more precisely what is missing, but for media in foreign codecs.
    let longest = patience + limits.idle_timeout;
    let mut connection = Connection::play(transport, url.clone(), limits);
    let first = timeout(longest, first_media(&mut connection)).await.map_err(|_| PlayError::NoMedia)??;
    Ok(Opened { connection, first })
}

/// The first media, after the last metadata before them.
async fn first_media(
    connection: &mut Connection<Box<dyn Transport>, ClientSession>,
) -> Result<Vec<Event>, PlayError> {
    let mut metadata = None;
    loop {
        match connection.next_event().await?.ok_or(PlayError::Closed)? {
            Event::PublishFinished => return Err(PlayError::Finished),
            media @ Event::Media(_) => return Ok(metadata.into_iter().chain([media]).collect()),
            event @ Event::Metadata(_) => metadata = Some(event),
            // A source asks for nothing.
            Event::PublishRequested(_) => {}
        }
    }
}

async fn connect(url: &SourceUrl, tls: &TlsConnector) -> io::Result<Box<dyn Transport>> {
    let stream = TcpStream::connect((url.host(), url.port())).await?;
    stream.set_nodelay(true)?;
    if !url.is_tls() {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(url.host().to_owned()).map_err(io::Error::other)?;
    Ok(Box::new(tls.connect(name, stream).await?))
}

impl Opened {
    /// Plays into the broadcast; `Ok` when it is not wanted any more.
    pub(super) async fn feed(
        mut self,
        mut attached: Attached,
        name: String,
        cancel: &CancellationToken,
    ) -> Result<(), PlayError> {
        let mut meter = IngestMeter::new(None, name, Instant::now());
        attached.show(&meter);
        let over = self.play(&mut attached, &mut meter, cancel).await;
        let reason = over.name();
        counter!("weir_sessions_ended_total", "reason" => reason).increment(1);
        let stats = self.connection.stats();
        let faults = Faults::of(&stats);
        faults.count();
        tracing::info!(reason, bytes = stats.bytes_received, %faults, "the source's session ended");
        // A relay says that its stream has ended whenever it loses its encoder, so the broadcast waits then too.
        attached.leave(SessionEnd::Vanished).await;
        self.connection.close().await;
        match over {
            Over::Cancelled => Ok(()),
            Over::Finished => Err(PlayError::Finished),
            Over::Closed => Err(PlayError::Closed),
            Over::Broken(error) => Err(error.into()),
            Over::Replaced => Err(PlayError::Replaced),
            Over::Ended(why) => Err(PlayError::Ended(why)),
            Over::NotTaken(error) => Err(PlayError::Ended(error.to_string())),
        }
    }

    async fn play(
        &mut self,
        attached: &mut Attached,
        meter: &mut IngestMeter,
        cancel: &CancellationToken,
    ) -> Over {
        for event in std::mem::take(&mut self.first) {
            if let Err(over) = take(event, attached, meter).await {
                return over;
            }
        }
        pump(&mut self.connection, attached, meter, cancel).await
    }
}
