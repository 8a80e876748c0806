use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// A network that fails as it is told to, between a client and a server here. Its connections end when it is dropped.
pub struct FaultProxy {
    port: u16,
    fault: watch::Sender<Fault>,
    task: JoinHandle<()>,
}

/// What is wrong with it. Connections that are open suffer as new ones do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Each piece of a request is held back so long.
    Latency(Duration),
    /// Connections break, with an RST.
    Reset,
    /// Nobody listens.
    Refuse,
    /// Connections stay open, and what is sent vanishes.
    BlackHole,
    /// The client's side is gone; the server isn't told.
    HalfOpen,
    /// A request ends in the middle of its next piece.
    CutOff,
    /// An answer ends after so many bytes.
    Truncate(usize),
    /// Each HTTP request is answered with this status.
    Status(u16),
    /// A connection breaks, with an RST, when a request begins in which this is part of the path.
    ResetPath(&'static str),
    /// The server answers a request in which this is part of the path, and the client never learns of it.
    LoseAnswer(&'static str),
}

impl FaultProxy {
    /// Passes connections on to `target` here.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (fault, receiver) = watch::channel(Fault::None);
        let task = tokio::spawn(serve(listener, target, receiver));
        Self { port, fault, task }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// This is wrong from now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, target: u16, mut fault: watch::Receiver<Fault>) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        if *fault.borrow_and_update() == Fault::Refuse {
            listener = None;
        } else if listener.is_none() {
            listener = Some(TcpListener::bind(address).await.unwrap());
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok((client, _)) = accepted => {
                let fault = fault.clone();
                connections.spawn(async move {
                    // Whatever ends a connection, its other side sees it end.
                    let _ = connection(client, target, fault).await;
                });
            }
            changed = fault.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(
    mut client: TcpStream,
    target: u16,
    mut fault: watch::Receiver<Fault>,
) -> std::io::Result<()> {
    let begun = *fault.borrow_and_update();
    if let Fault::Status(code) = begun {
        return answer(&mut client, code).await;
    }
    let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
    let (mut request, mut reply) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let (mut swallowed, mut loses) = (false, false);
    let mut replied = 0;
    loop {
        let now = *fault.borrow_and_update();
        match now {
            // What has vanished can't be made good for.
            Fault::None
            | Fault::Latency(_)
            | Fault::CutOff
            | Fault::Truncate(_)
            | Fault::ResetPath(_)
            | Fault::LoseAnswer(_)
                if !swallowed => {}
            Fault::BlackHole => swallowed = true,
            Fault::HalfOpen => {
                drop(client);
                // Until it finds out by itself.
                while server.read(&mut reply).await? > 0 {}
                return Ok(());
            }
            _ => {
                client.set_zero_linger()?;
                return server.set_zero_linger();
            }
        }
        tokio::select! {
            read = client.read(&mut request) => {
                let length @ 1.. = read? else { return server.shutdown().await };
                if now == Fault::CutOff {
                    server.write_all(&request[..length / 2]).await?;
                    return server.shutdown().await;
                }
                if matches!(now, Fault::ResetPath(path) if asks_for(path, &request[..length])) {
                    return client.set_zero_linger();
                }
                loses |= matches!(now, Fault::LoseAnswer(path) if asks_for(path, &request[..length]));
                if let Fault::Latency(latency) = now {
                    sleep(latency).await;
                }
                if !swallowed {
                    server.write_all(&request[..length]).await?;
                }
            }
            read = server.read(&mut reply) => {
                let mut length = match read? {
                    0 => return client.shutdown().await,
                    length => length,
                };
                if loses {
                    return client.set_zero_linger();
                }
                if let Fault::Truncate(limit) = now {
                    length = length.min(limit.saturating_sub(replied));
                    replied += length;
                }
                if !swallowed {
                    client.write_all(&reply[..length]).await?;
                }
                if matches!(now, Fault::Truncate(limit) if replied >= limit) {
                    return client.shutdown().await;
                }
            }
            changed = fault.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

/// Whether an HTTP request begins there whose path has this part.
fn asks_for(path: &str, data: &[u8]) -> bool {
    let line = data.split(|byte| *byte == b'\r').next().unwrap_or_default();
    std::str::from_utf8(line).is_ok_and(|line| line.contains(" HTTP/1.1") && line.contains(path))
}

/// Reads one HTTP request to its end, and answers it.
async fn answer(client: &mut TcpStream, code: u16) -> std::io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    while request.len() < head + length {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let head = format!("HTTP/1.1 {code} Fault\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).await?;
    client.shutdown().await
}
