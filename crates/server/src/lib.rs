//! Weir's server: configuration, catalog, streams, origin, API, pages and metrics.
//!
//! [`run`] is all of it. The binary adds arguments, log and signals.

mod api;
mod api_token;
mod banner;
mod catalog;
mod certificate;
mod config;
mod events;
mod http;
mod https;
mod ingest;
mod janitor;
mod lifecycle;
mod live;
mod metrics;
mod recordings;
mod settings;
mod slate;
mod stream_key;
mod webhooks;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use uploader::{MemoryStore, ObjectStore, RetryPolicy, S3Store, Uploader};

pub use api_token::{TokenError, TokenSource};
pub use banner::{Listening, Started};
pub use catalog::{CatalogError, LatencyMode, SecondPublisher, StreamOptions};
pub use certificate::CertificateError;
pub use config::{
    Config, ConfigError, HookConfig, IngestConfig, Secret, StoreConfig, TlsConfig, WebhookConfig,
};
pub use ingest::HookError;
pub use janitor::{JanitorError, Swept};
pub use lifecycle::{Applied, ApplyError, apply_lifecycle};
pub use metrics::install as install_metrics;
pub use settings::{LogFormat, Settings, SettingsError};
pub use slate::SlateError;
pub use webhooks::{ClientError, EndpointUrlError, SecretError, Trial, TrialError, try_webhook};

use api::{Context, Turns, UrlOptions};
use api_token::ApiToken;
use catalog::Catalog;
use certificate::Certificate;
use https::TlsListener;
use ingest::{Door, Hook, Ingest, Pulls};
use janitor::Janitor;
use live::{Board, Registry, RegistryOptions};
use recordings::Recorders;
use webhooks::Webhooks;

/// How long requests may still take once everything that they could ask for has ended.
const HTTP_GRACE: Duration = Duration::from_secs(5);

/// Why the server cannot start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data folder cannot be made.
    #[error("cannot make the data folder {}: {source}", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The token cannot be kept.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The catalog doesn't work.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The encoder doesn't open as configured.
    #[error("the encoder cannot be used as configured: {0}")]
    Transcode(#[from] transcode::Error),
    /// The slate cannot be shown.
    #[error(transparent)]
    Slate(#[from] SlateError),
    /// The object store's settings contradict each other.
    #[error("the object store cannot be used as configured: {0}")]
    StoreOptions(#[from] uploader::S3OptionsError),
    /// The object store doesn't work.
    #[error("the object store cannot be used: {0}")]
    Store(#[from] uploader::CheckError),
    /// RTMPS or HTTPS has no certificate to serve.
    #[error("TLS cannot be served: {0}")]
    Certificate(#[from] CertificateError),
    /// The hook cannot be asked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// Webhooks cannot be sent.
    #[error(transparent)]
    Webhooks(#[from] ClientError),
    /// The object store cannot be swept.
    #[error(transparent)]
    Janitor(#[from] JanitorError),
    /// An address cannot be listened on.
    #[error("cannot listen on {addr} for {what}: {source}{}", hint(source))]
    Bind {
        /// What for.
        what: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program has the port: stop it, or set another address",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege",
        _ => "",
    }
}

/// Serves until `stop`. Then it takes no more publishers, waits for those on air as long as the configuration says, and
/// ends every broadcast in order. `started` is told once publishers and viewers can connect.
///
/// # Errors
///
/// Anything that would keep it from working is found and told before it begins to listen.
pub async fn run(
    config: Config,
    metrics: PrometheusHandle,
    stop: CancellationToken,
    started: impl FnOnce(Started),
) -> Result<(), RunError> {
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|source| RunError::DataDir { path: config.data_dir.clone(), source })?;
    let (token, token_source) = ApiToken::open(config.api_token.as_ref(), &config.data_dir)?;
    let (rtmp, rtmp_addr) = bind("RTMP", config.rtmp_addr).await?;
    let mut doors = vec![Door { listener: rtmp, tls: None }];
    let rtmps = match &config.ingest.tls {
        Some(tls) => Some((Certificate::load("RTMPS", tls)?, bind("RTMPS", tls.addr).await?)),
        None => None,
    };
    let https = match &config.https {
        Some(tls) => Some((Certificate::load("HTTPS", tls)?, bind("HTTPS", tls.addr).await?)),
        None => None,
    };
    let (http, http_addr) = bind("HTTP", config.http_addr).await?;
    let hook = config.ingest.hook.as_ref().map(Hook::new).transpose()?;
    let uploader = check(&config).await?;
    let slate = slate::load(config.slate.as_deref())?;
    let catalog = Catalog::open(&config.database_url).await?;
    let webhooks = Webhooks::new(&config.webhooks, catalog.clone())?;

    // Sessions and broadcasts end first; what serves them, and tells of them, after.
    let (shutdown, stopped) = (CancellationToken::new(), CancellationToken::new());
    let board = Board::new(config.viewers);
    let options = RegistryOptions::new(&config, slate);
    let registry = Registry::new(
        options,
        catalog.clone(),
        board.clone(),
        uploader.clone(),
        stop.clone(),
        shutdown.clone(),
    );
    registry.recover().await?;
    let janitor = Janitor::new(&config, catalog.clone(), uploader.clone(), Some(registry.clone()));
    let recorders = Recorders::start(catalog.clone(), registry.clone(), &uploader, janitor.clone());
    let objects = match &config.store {
        StoreConfig::Memory { .. } => None,
        StoreConfig::S3 { public_url, .. } => Some(public_url.clone()),
    };
    let pulls = Pulls::new(registry.clone(), catalog.clone(), config.ingest.limits.clone(), shutdown.clone());
    let turns = Turns::default();
    let api = Arc::new(Context {
        catalog: catalog.clone(),
        registry: registry.clone(),
        pulls: pulls.clone(),
        recorders: recorders.clone(),
        webhooks: webhooks.clone(),
        board,
        turns: turns.clone(),
        token,
        stream_defaults: config.stream_defaults.clone(),
        urls: UrlOptions {
            public_url: config.public_url.clone(),
            rtmp_port: rtmp_addr.port(),
            rtmps_port: rtmps.as_ref().map(|(_, (_, addr))| addr.port()),
            objects,
        },
        listeners: Arc::new(Semaphore::new(api::LISTENERS)),
        metrics: metrics.clone(),
        stop: stop.clone(),
        shutdown: shutdown.clone(),
    });
    // Before the API can add to them: what it adds would be found here, and served twice.
    webhooks.resume().await?;
    pulls.resume().await?;
    let places = Arc::new(Semaphore::new(http::places(config.viewers.in_all)));
    let http = http.tap_io(|stream| set_nodelay(stream));
    let mut addresses = Listening { rtmp: rtmp_addr, rtmps: None, http: http_addr, https: None };
    let mut followers = Vec::new();
    let mut pages = JoinSet::new();
    if let Some((certificate, (listener, addr))) = https {
        addresses.https = Some(addr);
        let listener = TlsListener::new(listener, addr, certificate.acceptor(&https::PROTOCOLS)?)
            .tap_io(|stream| set_nodelay(stream.get_ref().0));
        pages.spawn(http::serve(listener, api::encrypted(api.clone()), places.clone(), stopped.clone()));
        followers.push(tokio::spawn(certificate.follow()));
    }
    pages.spawn(http::serve(http, api::answers(api), places, stopped.clone()));
    let upkeep = tokio::spawn(upkeep(metrics));
    let history = tokio::spawn(live::keep_history(registry.clone()));
    let processor = tokio::spawn(live::measure_processor(registry.clone()));
    followers.push(tokio::spawn(janitor.run(config.janitor_interval)));
    if let Some((certificate, (listener, addr))) = rtmps {
        addresses.rtmps = Some(addr);
        doors.push(Door { listener, tls: Some(certificate.acceptor(&[])?) });
        followers.push(tokio::spawn(certificate.follow()));
    }
    started(Started::new(&config, addresses, token_source));

    let ingest =
        Ingest::new(&config.ingest, hook, catalog.clone(), registry.clone(), stop.clone(), shutdown.clone());
    tokio::spawn(drain(registry.clone(), config.drain, stop, shutdown.clone()));
    ingest::listen(doors, ingest, shutdown).await;
    pulls.ended().await;
    registry.drained().await;
    recorders.finish().await;
    stopped.cancel();
    upkeep.abort();
    history.abort();
    processor.abort();
    followers.iter().for_each(JoinHandle::abort);
    // Whoever still reads after that has had its time.
    let _ = tokio::time::timeout(HTTP_GRACE, pages.join_all()).await;
    let _ = tokio::time::timeout(HTTP_GRACE, turns.finish()).await;
    webhooks.finish(HTTP_GRACE).await;
    catalog.close().await;
    Ok(())
}

/// From being told to stop to ending every broadcast: at once, or when the last publisher has left, or `patience` is
/// over.
async fn drain(registry: Registry, patience: Duration, stop: CancellationToken, shutdown: CancellationToken) {
    stop.cancelled().await;
    if !patience.is_zero() {
        tracing::info!(?patience, "waiting for those who are on air");
        let _ = tokio::time::timeout(patience, registry.idle()).await;
    }
    shutdown.cancel();
}

/// Finds out all that can be found out without listening: whether TLS has its certificates, the
/// encoder opens, the slate can be shown, and the object store takes, gives and removes an object.
///
/// # Errors
///
/// The first thing that doesn't work.
pub async fn check(config: &Config) -> Result<Uploader, RunError> {
    if let Some(tls) = &config.ingest.tls {
        Certificate::load("RTMPS", tls)?;
    }
    if let Some(tls) = &config.https {
        Certificate::load("HTTPS", tls)?;
    }
    transcode::init();
    config.transcode.check()?;
    slate::load(config.slate.as_deref())?;
    let uploader = open_store(config)?;
    uploader::check(uploader.store(), uploader.policy().per_try_timeout).await?;
    Ok(uploader)
}

/// Removes once, from outside of a server, what nothing names any more and is older than `older_than`; says only what
/// that is in a `dry_run`.
///
/// # Errors
///
/// There is no bucket, it is another catalog's, or it or the catalog doesn't answer.
pub async fn sweep(config: &Config, older_than: Option<Duration>, dry_run: bool) -> Result<Swept, RunError> {
    if matches!(config.store, StoreConfig::Memory { .. }) {
        return Err(JanitorError::NoBucket.into());
    }
    let catalog = Catalog::open(&config.database_url).await?;
    let mut janitor = Janitor::new(config, catalog.clone(), open_store(config)?, None);
    janitor.dry_run = dry_run;
    janitor.older_than = older_than.unwrap_or(janitor.older_than);
    janitor.uploads_older_than = older_than.unwrap_or(janitor.uploads_older_than);
    let swept = janitor.sweep().await?;
    catalog.close().await;
    Ok(swept)
}

fn open_store(config: &Config) -> Result<Uploader, RunError> {
    let policy = RetryPolicy::default();
    let store: Arc<dyn ObjectStore> = match &config.store {
        StoreConfig::Memory { capacity } => Arc::new(MemoryStore::new(*capacity)),
        StoreConfig::S3 { options, .. } => {
            let mut options = options.as_ref().clone();
            options.delivery_timeout = policy.per_try_timeout;
            Arc::new(S3Store::new(options)?)
        }
    };
    Ok(Uploader::new(store, policy))
}

/// A playlist is small and waited for; Nagle's algorithm would hold its last bytes back.
fn set_nodelay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
}

async fn bind(what: &'static str, addr: SocketAddr) -> Result<(TcpListener, SocketAddr), RunError> {
    let failed = |source| RunError::Bind { what, addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Histograms keep every sample until they are rendered or looked after.
async fn upkeep(metrics: PrometheusHandle) {
    let mut period = tokio::time::interval(Duration::from_secs(5));
    loop {
        period.tick().await;
        metrics.run_upkeep();
    }
}
