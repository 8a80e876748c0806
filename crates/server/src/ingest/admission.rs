//! How many connections there may be: in all, and from one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::gauge;

use super::network::Network;

/// Counts connections and says which is one too many.
pub(super) struct Admission {
    total: usize,
    per_network: usize,
    open: Mutex<Open>,
}

/// As many networks as connections at most.
#[derive(Default)]
struct Open {
    total: usize,
    by_network: HashMap<Network, usize>,
}

/// A connection's place; free again once this is dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    network: Network,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlace {
    /// The server has as many connections as it may.
    #[error("{limit} RTMP connections are open, which is all that there may be (max_connections)")]
    Server {
        /// The limit.
        limit: usize,
    },
    /// So has the peer's address.
    #[error(
        "its address has {limit} RTMP connections open, which is all that it may have \
         (max_connections_per_address)"
    )]
    Address {
        /// The limit.
        limit: usize,
    },
}

impl NoPlace {
    /// The name of the limit in the metrics.
    pub(super) fn limit(self) -> &'static str {
        match self {
            Self::Server { .. } => "max_connections",
            Self::Address { .. } => "max_connections_per_address",
        }
    }
}

impl Admission {
    pub(super) fn new(total: usize, per_network: usize) -> Self {
        Self { total, per_network, open: Mutex::default() }
    }

    /// A place for a connection from `address`.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, NoPlace> {
        let network = Network::from(address);
        let mut open = self.lock();
        if open.total >= self.total {
            return Err(NoPlace::Server { limit: self.total });
        }
        let from_here = open.by_network.get(&network).copied().unwrap_or_default();
        if from_here >= self.per_network {
            return Err(NoPlace::Address { limit: self.per_network });
        }
        open.total += 1;
        gauge!("weir_rtmp_connections").set(open.total as f64);
        open.by_network.insert(network, from_here + 1);
        Ok(Place { admission: self.clone(), network })
    }

    fn leave(&self, network: Network) {
        let mut open = self.lock();
        open.total -= 1;
        gauge!("weir_rtmp_connections").set(open.total as f64);
        if let Entry::Occupied(mut from_here) = open.by_network.entry(network) {
            *from_here.get_mut() -= 1;
            if *from_here.get() == 0 {
                from_here.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.leave(self.network);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let admission = Arc::new(Admission::new(3, 2));
        let first = admission.enter(address("192.0.2.1")).unwrap();
        let _second = admission.enter(address("::ffff:192.0.2.1")).unwrap();
        let refused = admission.enter(address("192.0.2.1")).err();
        assert_eq!(refused, Some(NoPlace::Address { limit: 2 }));
        let _third = admission.enter(address("192.0.2.2")).unwrap();
        let refused = admission.enter(address("192.0.2.3")).err();
        assert_eq!(refused, Some(NoPlace::Server { limit: 3 }));
        drop(first);
        assert!(admission.enter(address("192.0.2.1")).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_who_has_left() {
        let admission = Arc::new(Admission::new(300, 2));
        let places: Vec<_> =
            (0..250_u8).map(|n| admission.enter(IpAddr::from([192, 0, 2, n])).unwrap()).collect();
        drop(places);
        let open = admission.lock();
        assert_eq!((open.total, open.by_network.len()), (0, 0));
    }
}
