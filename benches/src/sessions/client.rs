//! One publisher, as far as `NetStream.Publish.Start` and with as much media as it is told to send.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use super::script;
use crate::Error;

/// Where a publisher connects to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server's socket.
    pub address: SocketAddr,
    /// The app that it takes streams for.
    pub app: String,
}

const PATIENCE: Duration = Duration::from_secs(20);
const RANDOM: usize = 1536;

/// A publisher that was told to start.
pub struct Client {
    stream: TcpStream,
    /// From the first SYN to `NetStream.Publish.Start`.
    pub started_after: Duration,
}

impl Client {
    /// Connects and publishes `key`.
    pub async fn publish(target: &Target, key: &str) -> Result<Self, Error> {
        let waiting = || Error::Timeout {
            what: "NetStream.Publish.Start",
            seconds: PATIENCE.as_secs(),
            detail: String::new(),
        };
        timeout(PATIENCE, Self::converse(target, key)).await.map_err(|_| waiting())?
    }

    async fn converse(target: &Target, key: &str) -> Result<Self, Error> {
        let began = Instant::now();
        let mut stream = connect(target.address, Ipv4Addr::LOCALHOST).await?;
        let talking = Error::io("talk to the server");
        let result = async {
            stream.write_all(&script::hello()).await?;
            let mut answer = [0; 1 + 2 * RANDOM];
            stream.read_exact(&mut answer).await?;
            stream.write_all(&script::connect(&answer[1..=RANDOM], &target.app)).await?;
            wait_for(&mut stream, b"NetConnection.Connect.Success").await?;
            stream.write_all(&script::create_stream()).await?;
            wait_for(&mut stream, b"_result").await?;
            stream.write_all(&script::publish(key)).await?;
            wait_for(&mut stream, b"NetStream.Publish.Start").await
        };
        result.await.map_err(talking)?;
        Ok(Self { stream, started_after: began.elapsed() })
    }

    /// Sends the codec configurations, without which media is none.
    pub async fn announce(&mut self) -> Result<(), Error> {
        self.stream.write_all(&script::configurations()).await.map_err(Error::io("announce the codecs"))
    }

    /// Sends a picture and its audio; returns how many bytes of media that was.
    pub async fn send(&mut self, frame: &[u8]) -> Result<usize, Error> {
        self.stream.write_all(frame).await.map_err(Error::io("send media"))?;
        // What the server answers, such as acknowledgements, must not fill its side of the connection.
        let mut answers = [0; 1024];
        while self.stream.try_read(&mut answers).is_ok_and(|length| length > 0) {}
        Ok(script::FRAME_BYTES)
    }
}

/// The bytes that [`Client::send`] takes.
pub fn frame() -> Vec<u8> {
    script::frame()
}

/// A connection from the loopback address `from`, without Nagle's delay.
pub async fn connect(to: SocketAddr, from: Ipv4Addr) -> Result<TcpStream, Error> {
    let open = async {
        let socket = TcpSocket::new_v4()?;
        if from != Ipv4Addr::LOCALHOST {
            socket.bind((IpAddr::V4(from), 0).into())?;
        }
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    open.await.map_err(Error::io("connect to the server"))
}

/// Reads until `text` has come by.
async fn wait_for(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<()> {
    let mut seen = Vec::with_capacity(1024);
    while !seen.windows(text.len()).any(|window| window == text) {
        if stream.read_buf(&mut seen).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
