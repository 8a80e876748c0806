//! A TCP proxy that holds each byte back for a while: a network with a round-trip time, on one machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::Error;

/// What is under way in one direction of a connection, in pieces: beyond that the sender waits.
const UNDER_WAY: usize = 1024;
const PIECE: usize = 16 << 10;

/// A running proxy. Dropping it takes no more connections.
pub struct Delay {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Delay {
    /// Listens on a free port, and takes everybody to `server`; half of `round_trip` lies in each direction.
    pub async fn start(server: SocketAddr, round_trip: Duration) -> Result<Self, Error> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::io("bind the proxy"))?;
        let address = listener.local_addr().map_err(Error::io("bind the proxy"))?;
        let one_way = round_trip / 2;
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, server, one_way));
            }
        });
        Ok(Self { address, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(client: TcpStream, server: SocketAddr, one_way: Duration) -> std::io::Result<()> {
    // The client's handshake was with this machine; the round trip that it should have taken passes here.
    sleep_until(Instant::now() + one_way * 2).await;
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::spawn(carry(from_client, to_server, one_way));
    carry(from_server, to_client, one_way).await;
    Ok(())
}

/// Carries one direction; returns, and closes the far side, once the near one has.
async fn carry(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin,
    one_way: Duration,
) {
    let (sender, mut under_way) = mpsc::channel::<(Instant, Bytes)>(UNDER_WAY);
    let reading = tokio::spawn(async move {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(PIECE);
            match from.read_buf(&mut buffer).await {
                Ok(1..) => {
                    let piece = (Instant::now() + one_way, buffer.split().freeze());
                    if sender.send(piece).await.is_err() {
                        return;
                    }
                }
                Ok(0) | Err(_) => return,
            }
        }
    });
    while let Some((due, piece)) = under_way.recv().await {
        sleep_until(due).await;
        if to.write_all(&piece).await.is_err() {
            break;
        }
    }
    // A side that is gone already needs no goodbye.
    let _ = to.shutdown().await;
    reading.abort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_takes_a_round_trip_and_arrives_whole() {
        let round_trip = Duration::from_millis(60);
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Delay::start(server.local_addr().unwrap(), round_trip).await.unwrap();
        let echo = tokio::spawn(async move {
            let (mut socket, _) = server.accept().await.unwrap();
            let (mut from, mut to) = socket.split();
            tokio::io::copy(&mut from, &mut to).await.unwrap();
        });
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let mut answer = vec![0; 100_000];
        for filling in [1, 2] {
            let asked = Instant::now();
            client.write_all(&vec![filling; 100_000]).await.unwrap();
            client.read_exact(&mut answer).await.unwrap();
            assert!(asked.elapsed() >= round_trip, "{:?}", asked.elapsed());
            assert!(answer.iter().all(|byte| *byte == filling));
        }
        client.shutdown().await.unwrap();
        assert_eq!(client.read(&mut answer).await.unwrap(), 0);
        echo.await.unwrap();
    }
}
