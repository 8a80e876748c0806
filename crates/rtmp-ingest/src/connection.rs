use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Error, Event, Limits, Refusal, ServerSession, Stats};

/// A [`ServerSession`] over a socket.
pub struct Connection<S> {
    stream: S,
    session: ServerSession,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A session over `stream`, which has just been accepted.
    pub fn new(stream: S, limits: Limits) -> Self {
        Self { stream, session: ServerSession::new(limits, Instant::now()) }
    }

    /// The next event; `None` when the connection ended in good order.
    pub async fn next_event(&mut self) -> Result<Option<Event>, Error> {
        Ok(self.session.poll_event())
    }

    /// Accepts the pending publish and tells the encoder.
    pub async fn accept_publish(&mut self) -> Result<(), Error> {
        self.session.accept_publish();
        Ok(())
    }

    /// Refuses the pending publish, tells the encoder why, and closes.
    pub async fn refuse_publish(&mut self, refusal: Refusal) -> Result<(), Error> {
        self.session.refuse_publish(refusal);
        Ok(())
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.session.stats()
    }

    /// Sends what is unsent and closes the connection.
    pub async fn close(self) {
        drop(self.stream);
    }
}
