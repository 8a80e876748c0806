//! The way in: who may connect, who may publish, and how their packets reach a broadcast.
//!
//! `listener` accepts connections as `admission` allows, `session`
//! runs each; whether a key may publish is `authority`'s to say, which asks the catalog and the
//! `hook`, and makes those wait who often fail. `pull` plays streams from other servers, over a
//! `player`'s connections. Either way `pump` feeds the broadcast.

mod admission;
mod authority;
mod failed_keys;
mod faults;
mod hook;
mod listener;
mod network;
mod player;
mod pull;
mod pump;
mod session;

use std::sync::Arc;
use std::time::Duration;

use rtmp_ingest::Limits;
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::config::IngestConfig;
use crate::live::Registry;
use admission::Admission;
use authority::Authority;
use failed_keys::FailedKeys;
pub(crate) use hook::Hook;
pub use hook::HookError;
pub(crate) use listener::{Door, listen};
pub(crate) use pull::{Pulls, SourceStatus};

/// The app that encoders publish to.
pub(crate) const APP: &str = "live";

/// What every connection needs of the server. A clone is the same.
#[derive(Clone)]
pub(crate) struct Ingest {
    admission: Arc<Admission>,
    authority: Arc<Authority>,
    registry: Registry,
    limits: Limits,
    /// The server is told to stop: encoders that can are asked to go elsewhere.
    stop: CancellationToken,
    /// Every broadcast ends.
    shutdown: CancellationToken,
}

impl Ingest {
    pub(crate) fn new(
        config: &IngestConfig,
        hook: Option<Hook>,
        catalog: Catalog,
        registry: Registry,
        stop: CancellationToken,
        shutdown: CancellationToken,
    ) -> Self {
        let failed_keys = FailedKeys::new(config.failed_keys, self::longest_wait(&config.limits));
        Self {
            admission: Arc::new(Admission::new(config.max_connections, config.max_connections_per_address)),
            authority: Arc::new(Authority::new(catalog, hook, failed_keys)),
            registry,
            limits: config.limits.clone(),
            stop,
            shutdown,
        }
    }
}

/// A right key that has to wait still gets through within its connection's deadline.
fn longest_wait(limits: &Limits) -> Duration {
    limits.setup_timeout / 2
}
