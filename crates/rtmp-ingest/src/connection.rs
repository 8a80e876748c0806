//! The one file that knows tokio: a session over a socket.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::{
    ClientSession, Error, ErrorKind, Event, Limits, Refusal, ServerSession, Session, SourceUrl, Stats,
};

const READ_BUFFER_LEN: usize = 16 * 1024;
/// How long a peer has to take our last words and hang up.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A [`Session`] over a byte stream: it reads, answers in one write each, and keeps the session's
/// deadlines.
///
/// It takes 16 KiB for reading, and what the session holds. Setting `TCP_NODELAY` is up to whoever
/// made the connection.
pub struct Connection<S, P = ServerSession> {
    stream: S,
    session: P,
    read_buffer: Box<[u8]>,
    unsent: Bytes,
    is_write_broken: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// How it ended, once it has.
    ending: Option<Result<(), Error>>,
}

enum Progress {
    Read(usize),
    End,
    Broken(io::ErrorKind),
    TimedOut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A publisher's session over `stream`, which has just been accepted.
    pub fn new(stream: S, limits: Limits) -> Self {
        Self::accepted(stream, limits, Instant::now().into_std())
    }

    /// The same, over a stream that was accepted some time ago: its deadline runs since then.
    pub fn accepted(stream: S, limits: Limits, since: std::time::Instant) -> Self {
        Self::drive(stream, ServerSession::new(limits, since))
    }

    /// Accepts the pending publish and tells the encoder.
    pub async fn accept_publish(&mut self) -> Result<(), Error> {
        self.session.handle_input(&[], Instant::now().into_std())?;
        self.session.accept_publish();
        self.send_now().await;
        Ok(())
    }

    /// Asks the encoder to connect anew, as [`ServerSession::request_reconnect`] does. It is sent by the next
    /// [`next_event`](Self::next_event) or [`close`](Self::close), which waits until it is heard.
    pub fn request_reconnect(&mut self, description: &str) -> bool {
        self.session.request_reconnect(description)
    }

    /// Refuses the pending publish, tells the encoder why, and closes: it returns when the encoder has
    /// hung up, or has had two seconds to.
    pub async fn refuse_publish(&mut self, refusal: Refusal) -> Result<(), Error> {
        self.refuse_publish_because(refusal, refusal.description()).await
    }

    /// The same, with a description that the encoder may show in place of the refusal's own.
    pub async fn refuse_publish_because(&mut self, refusal: Refusal, description: &str) -> Result<(), Error> {
        self.session.refuse_publish_because(refusal, description);
        self.ending = Some(Ok(()));
        self.finish().await.map_err(|kind| self.session.error(ErrorKind::Io(kind)))
    }

    /// Takes an accepted publish back; [`close`](Self::close) tells the encoder why.
    pub fn take_publish_back(&mut self, description: &str) {
        self.session.take_publish_back(description);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S, ClientSession> {
    /// Plays `source` over `stream`, a connection to its host that has just been made, and with TLS
    /// if [`SourceUrl::is_tls`] says so.
    ///
    /// Its events are [`Event::Metadata`] and [`Event::Media`], and [`Event::PublishFinished`] when
    /// the source has ended the stream.
    pub fn play(stream: S, source: SourceUrl, limits: Limits) -> Self {
        Self::drive(stream, ClientSession::new(source, limits, Instant::now().into_std()))
    }

    /// Whether the source has begun to play.
    pub fn is_playing(&self) -> bool {
        self.session.is_playing()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, P: Session> Connection<S, P> {
    fn drive(stream: S, session: P) -> Self {
        Self {
            stream,
            session,
            read_buffer: vec![0; READ_BUFFER_LEN].into_boxed_slice(),
            unsent: Bytes::new(),
            is_write_broken: false,
            timer: None,
            ending: None,
        }
    }

    /// The next event; `None` once the connection has ended in good order, which includes a peer that
    /// hangs up without publishing.
    ///
    /// Cancel-safe: dropping the future loses nothing. An error is final, and stays; the peer has been
    /// told, where there is a way to tell it.
    pub async fn next_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.session.poll_event() {
                return Ok(Some(event));
            }
            if self.ending.is_none() && self.session.is_over() {
                self.ending = Some(self.session.check());
            }
            if let Some(ending) = self.ending.clone() {
                // Whoever ended it: a write that fails now changes nothing.
                let _ = self.finish().await;
                return ending.map(|()| None);
            }
            let progress = poll_fn(|cx| self.poll_progress(cx)).await;
            let now = Instant::now().into_std();
            // What these return is seen by the check above, after the events before it.
            let _ = match progress {
                Progress::Read(length) => self.session.handle_input(&self.read_buffer[..length], now),
                Progress::TimedOut => self.session.handle_timeout(now),
                Progress::End => self.end(ErrorKind::Disconnected),
                Progress::Broken(kind) => self.end(ErrorKind::Io(kind)),
            };
        }
    }

    /// Sends what there is. Whatever doesn't fit into the socket now, next_event goes on sending.
    async fn send_now(&mut self) {
        poll_fn(|cx| {
            self.poll_send(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.session.stats()
    }

    /// Sends what is unsent and closes the connection.
    pub async fn close(mut self) {
        // The peer may be gone already, which is all the same now.
        let _ = self.finish().await;
    }

    /// Notes the end of the connection, which may be in good order.
    fn end(&mut self, cause: ErrorKind) -> Result<(), Error> {
        self.ending = Some(self.session.ended_by_peer(cause));
        Ok(())
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<Progress> {
        self.poll_send(cx);
        let mut buffer = ReadBuf::new(&mut self.read_buffer);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => match buffer.filled().len() {
                0 => Poll::Ready(Progress::End),
                length => Poll::Ready(Progress::Read(length)),
            },
            Poll::Ready(Err(error)) => Poll::Ready(Progress::Broken(error.kind())),
            Poll::Pending => self.poll_deadline(cx),
        }
    }

    /// Sends as much as the socket takes. A failure shows up when reading.
    fn poll_send(&mut self, cx: &mut Context<'_>) {
        loop {
            if self.unsent.is_empty() {
                match self.session.poll_transmit() {
                    Some(bytes) => self.unsent = bytes,
                    None => break,
                }
            }
            if self.is_write_broken {
                self.unsent = Bytes::new();
                continue;
            }
            match Pin::new(&mut self.stream).poll_write(cx, &self.unsent) {
                Poll::Ready(Ok(length)) if length > 0 => self.unsent.advance(length),
                Poll::Ready(_) => self.is_write_broken = true,
                Poll::Pending => return,
            }
        }
        if !self.is_write_broken && matches!(Pin::new(&mut self.stream).poll_flush(cx), Poll::Ready(Err(_))) {
            self.is_write_broken = true;
        }
    }

    /// Waits for the session's deadline. Each message moves it, so the timer is only set anew when
    /// it fires early.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Progress> {
        let Some(deadline) = self.session.poll_timeout().map(Instant::from_std) else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(Progress::TimedOut);
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Sends the last words, ends our side, and reads on until the peer has heard them: to close
    /// with input unread would make the kernel throw them away.
    async fn finish(&mut self) -> Result<(), io::ErrorKind> {
        let finish = async {
            let mut has_last_words = !self.unsent.is_empty();
            self.stream.write_all_buf(&mut self.unsent).await?;
            while let Some(mut bytes) = self.session.poll_transmit() {
                has_last_words = true;
                self.stream.write_all_buf(&mut bytes).await?;
            }
            self.stream.shutdown().await?;
            while has_last_words && self.stream.read(&mut self.read_buffer).await? > 0 {}
            Ok::<(), io::Error>(())
        };
        match timeout(CLOSE_TIMEOUT, finish).await {
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(error)) => Err(error.kind()),
        }
    }
}
