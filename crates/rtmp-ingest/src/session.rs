//! The protocol without its I/O, in two roles: [`ServerSession`] is published to, and
//! [`ClientSession`] plays from another server. What they share is in [`link`].

mod client;
mod link;
mod server;

use std::time::Instant;

use bytes::Bytes;

use crate::{Error, ErrorKind, Event, Stats};
pub use client::ClientSession;
pub use server::ServerSession;

/// The acknowledgement window that we ask for.
const WINDOW: u32 = 2_500_000;
/// The codecs of enhanced RTMP that we take.
const FOUR_CCS: [&str; 10] = ["avc1", "hvc1", "av01", "vp09", "mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"];
/// Multitrack, ModEx and nanosecond offsets (enhanced RTMP v2, `capsEx`).
const CAPS_EX: u8 = 0x02 | 0x04 | 0x08;
/// Of the same flags: reconnect requests are understood by an encoder, and sent by a server.
const CAPS_EX_RECONNECT: u8 = 0x01;

/// One side of a connection, without its I/O: what a [`Connection`](crate::Connection) drives.
///
/// Mutate, then drain: after each call that takes `&mut self` and isn't a `poll_…`, call
/// [`poll_event`](Self::poll_event) and [`poll_transmit`](Self::poll_transmit) until they return
/// `None`, and [`poll_timeout`](Self::poll_timeout) once. After an error the session is over: it
/// takes no more input, but what it still has to transmit may tell the peer why.
pub trait Session {
    /// Takes bytes from the peer. Any split of the same bytes gives the same events.
    fn handle_input(&mut self, input: &[u8], now: Instant) -> Result<(), Error>;

    /// When [`handle_timeout`](Self::handle_timeout) is due, if ever.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Ends the session if its deadline has passed.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error>;

    /// The next event, in the order in which the peer caused them.
    fn poll_event(&mut self) -> Option<Event>;

    /// Everything there is to send to the peer, which makes one write.
    fn poll_transmit(&mut self) -> Option<Bytes>;

    /// What happened so far.
    fn stats(&self) -> Stats;

    /// Whether it has ended, in whatever way: it takes no more input.
    fn is_over(&self) -> bool;

    /// What an end of the connection at this point means, which came about by `cause`.
    fn ended_by_peer(&self, cause: ErrorKind) -> Result<(), Error>;

    /// The error that ended it, if one did.
    fn check(&self) -> Result<(), Error>;
}
