//! Clients that connect and say nothing, for as long as they are let, and then connect again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::client::connect;

/// From being turned away to the next try.
const PAUSE: Duration = Duration::from_secs(1);
/// Clients that share a source address.
const PER_ADDRESS: usize = 50;

/// How the silent clients fare.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connected now.
    pub open: AtomicUsize,
    /// Times that one was let in, if only to be closed at once.
    pub connected: AtomicUsize,
    /// Times that a server hung up on one.
    pub closed: AtomicUsize,
    /// Times that one could not connect.
    pub failed: AtomicUsize,
}

/// Silent clients at work. Dropping it ends them.
pub struct Silence {
    clients: JoinSet<()>,
    /// How they fare.
    pub tally: Arc<Tally>,
}

impl Silence {
    /// Has `clients` of them bother `target`, from many loopback addresses.
    pub fn start(target: SocketAddr, clients: usize) -> Self {
        let tally = Arc::new(Tally::default());
        let mut tasks = JoinSet::new();
        for index in 0..clients {
            let [high, low] = ((index / PER_ADDRESS) as u16).to_be_bytes();
            tasks.spawn(keep_silent(target, Ipv4Addr::new(127, 1, high, low), tally.clone()));
        }
        Self { clients: tasks, tally }
    }

    /// Hangs all of them up.
    pub async fn stop(mut self) {
        self.clients.shutdown().await;
    }
}

async fn keep_silent(target: SocketAddr, from: Ipv4Addr, tally: Arc<Tally>) {
    loop {
        match connect(target, from).await {
            Ok(mut stream) => {
                tally.connected.fetch_add(1, Ordering::Relaxed);
                tally.open.fetch_add(1, Ordering::Relaxed);
                // However it ends, with an end or a reset, it has ended.
                while stream.read_u8().await.is_ok() {}
                tally.open.fetch_sub(1, Ordering::Relaxed);
                tally.closed.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                tally.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        sleep(PAUSE).await;
    }
}
