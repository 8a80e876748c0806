//! What the fuzz targets share: driving a session, and mutating one by its messages.

pub mod mutate;
pub mod tags;

use std::time::Instant;

use rtmp_ingest::{Error, Event, Limits, ServerSession, Session};

/// The bytes of C0, C1 and C2.
pub const HANDSHAKE_LEN: usize = 1 + 2 * 1536;

/// A plain handshake, as a client sends it that waits for nothing.
pub fn handshake() -> Vec<u8> {
    let mut bytes = vec![0; HANDSHAKE_LEN];
    bytes[0] = 3;
    bytes
}

/// Feeds a session in pieces of `step` bytes, accepting every publish: its events and its end.
pub fn drive(input: &[&[u8]], step: usize) -> (Vec<Event>, Option<Error>) {
    let now = Instant::now();
    // How much waits to be sent depends on when it is fetched, and so on the pieces.
    let limits = Limits { max_unsent: usize::MAX, ..Limits::default() };
    let mut session = ServerSession::new(limits, now);
    let mut events = Vec::new();
    for piece in input.iter().flat_map(|part| part.chunks(step)).chain([&[][..]]) {
        let outcome = session.handle_input(piece, now);
        while let Some(event) = session.poll_event() {
            if matches!(event, Event::PublishRequested(_)) {
                session.accept_publish();
            }
            events.push(event);
        }
        while session.poll_transmit().is_some() {}
        if let Err(error) = outcome {
            return (events, Some(error));
        }
    }
    (events, None)
}
