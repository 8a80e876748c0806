//! Addresses that send wrong keys, and how long they have to wait before the next is judged.
//!
//! A key of the catalog never waits: it is 160 random bits, which nobody guesses, and whoever has one
//! may share an address with somebody who hasn't. Other keys do, before the hook is asked and before
//! they are refused, so that neither guessing nor an encoder that never gives up costs much.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::network::Network;

/// The first wait; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// An address is forgiven one failure for each such span without another.
const FORGIVEN_IN: Duration = Duration::from_secs(60);
/// Addresses that are remembered; beyond, the one that failed longest ago is forgotten.
const ADDRESSES: usize = 4096;
/// Connections of one address that may wait; more are refused at once.
const WAITING_PER_ADDRESS: u32 = 4;
/// Connections that may wait in all: they hold places that others could have.
const WAITING: u32 = 64;

/// The addresses that failed lately.
pub(super) struct FailedKeys {
    /// Failures that an address has free.
    free: u32,
    longest: Duration,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    addresses: HashMap<Network, Record>,
    waiting: u32,
}

struct Record {
    failures: u32,
    /// From when on failures are forgiven.
    since: Instant,
    waiting: u32,
}

/// What an attempt with a key that the catalog doesn't know is told.
pub(super) enum Turn {
    /// It is judged now.
    Now,
    /// It is judged after this wait.
    After(Duration, Waiting),
    /// Too many wait already.
    Refused,
}

/// An attempt that waits; no more once this is dropped.
pub(super) struct Waiting {
    failed: Arc<FailedKeys>,
    network: Network,
}

impl FailedKeys {
    pub(super) fn new(free: u32, longest: Duration) -> Arc<Self> {
        Arc::new(Self { free, longest, table: Mutex::default() })
    }

    /// When an attempt from `address` is judged.
    pub(super) fn turn(self: &Arc<Self>, address: IpAddr, now: Instant) -> Turn {
        let network = Network::from(address);
        let mut table = self.lock();
        let in_all = table.waiting;
        let Some(record) = table.addresses.get_mut(&network) else { return Turn::Now };
        record.forgive(now);
        let Some(excess) = record.failures.checked_sub(self.free).filter(|excess| *excess > 0) else {
            return Turn::Now;
        };
        if record.waiting >= WAITING_PER_ADDRESS || in_all >= WAITING {
            return Turn::Refused;
        }
        record.waiting += 1;
        table.waiting += 1;
        let wait = FIRST_WAIT.saturating_mul(1 << (excess - 1).min(16)).min(self.longest);
        Turn::After(wait, Waiting { failed: self.clone(), network })
    }

    /// A key from `address` was wrong.
    pub(super) fn failed(&self, address: IpAddr, now: Instant) {
        let network = Network::from(address);
        let mut table = self.lock();
        if !table.addresses.contains_key(&network) && table.addresses.len() >= ADDRESSES {
            table.forget_oldest();
        }
        let record = table.addresses.entry(network).or_insert(Record { failures: 0, since: now, waiting: 0 });
        record.forgive(now);
        record.failures = record.failures.saturating_add(1);
        record.since = now;
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_oldest(&mut self) {
        // Those who wait are few, and found again when their wait is over.
        let idle = self.addresses.iter().filter(|(_, record)| record.waiting == 0);
        let oldest = idle.min_by_key(|(_, record)| record.since).map(|(network, _)| *network);
        if let Some(oldest) = oldest {
            self.addresses.remove(&oldest);
        }
    }
}

impl Record {
    fn forgive(&mut self, now: Instant) {
        let spans = now.saturating_duration_since(self.since).as_secs() / FORGIVEN_IN.as_secs();
        let spans = u32::try_from(spans).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_sub(spans);
        self.since += FORGIVEN_IN.saturating_mul(spans);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut table = self.failed.lock();
        table.waiting -= 1;
        if let Some(record) = table.addresses.get_mut(&self.network) {
            record.waiting -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(5);

    fn address(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    fn wait(failed: &Arc<FailedKeys>, now: Instant) -> Option<Duration> {
        match failed.turn(address(1), now) {
            Turn::Now => Some(Duration::ZERO),
            Turn::After(wait, _) => Some(wait),
            Turn::Refused => None,
        }
    }

    #[test]
    fn the_wait_grows_up_to_its_limit_and_is_forgiven() {
        let (failed, start) = (FailedKeys::new(3, LONGEST), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..10 {
            waits.push(wait(&failed, start).unwrap().as_millis());
            failed.failed(address(1), start);
        }
        assert_eq!(waits, [0, 0, 0, 0, 250, 500, 1000, 2000, 4000, 5000]);
        assert_eq!(wait(&failed, start + FORGIVEN_IN * 6), Some(FIRST_WAIT));
        assert_eq!(wait(&failed, start + FORGIVEN_IN * 7), Some(Duration::ZERO));
        assert!(matches!(failed.turn(address(2), start), Turn::Now), "others do not wait");
    }

    #[test]
    fn few_wait_at_a_time() {
        let (failed, now) = (FailedKeys::new(0, LONGEST), Instant::now());
        failed.failed(address(1), now);
        let held: Vec<_> = (0..WAITING_PER_ADDRESS).map(|_| failed.turn(address(1), now)).collect();
        assert_eq!(wait(&failed, now), None);
        drop(held);
        assert_eq!(wait(&failed, now), Some(FIRST_WAIT));
    }

    #[test]
    fn no_more_addresses_are_remembered_than_there_is_room_for() {
        let (failed, start) = (FailedKeys::new(0, LONGEST), Instant::now());
        for n in 0..=ADDRESSES as u32 {
            failed.failed(address(n), start + Duration::from_millis(n.into()));
        }
        let table = failed.lock();
        assert_eq!(table.addresses.len(), ADDRESSES);
        assert!(!table.addresses.contains_key(&Network::from(address(0))), "the oldest is forgotten");
    }
}
