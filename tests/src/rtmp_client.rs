//! An RTMP client made of raw bytes, which says whatever a scenario wants, however wrong.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// The chunk size until a client sets another.
const CHUNK: usize = 128;
/// Where the message stream id is in a chunk of type 0.
pub const STREAM_ID: usize = 8;
/// How soon the server must answer what it answers at once.
const SOON: Duration = Duration::from_secs(10);

/// A connection to the RTMP port.
pub struct RtmpClient {
    stream: TcpStream,
    heard: Vec<u8>,
}

/// Message types (RTMP 1.0 §7.1).
pub mod message_type {
    #![allow(missing_docs)]
    pub const SET_CHUNK_SIZE: u8 = 1;
    pub const ABORT: u8 = 2;
    pub const USER_CONTROL: u8 = 4;
    pub const AUDIO: u8 = 8;
    pub const VIDEO: u8 = 9;
    pub const DATA: u8 = 18;
    pub const COMMAND: u8 = 20;
    pub const AGGREGATE: u8 = 22;
}

impl RtmpClient {
    /// Connects from 127.0.0.1.
    pub async fn connect(port: u16) -> Self {
        Self::connect_from([127, 0, 0, 1], port).await
    }

    /// Connects from any address of 127.0.0.0/8, all of which are this machine.
    pub async fn connect_from(local: [u8; 4], port: u16) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(IpAddr::from(local), 0)).unwrap();
        let stream = socket.connect(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)).await.unwrap();
        Self { stream, heard: Vec::new() }
    }

    /// Sends bytes. The server may have hung up, which is for the scenario to find out.
    pub async fn send(&mut self, bytes: &[u8]) -> &mut Self {
        let _ = self.stream.write_all(bytes).await;
        self
    }

    /// Sends the same over and over, reading nothing, until the server hangs up.
    pub async fn send_unread(&mut self, bytes: &[u8]) {
        let sending = async { while self.stream.write_all(bytes).await.is_ok() {} };
        let hung_up = tokio::time::timeout(Duration::from_secs(20), sending).await;
        assert!(hung_up.is_ok(), "a client that never reads is still served");
    }

    /// Does the plain handshake.
    pub async fn shake_hands(&mut self) -> &mut Self {
        self.send(&[&[3][..], &[0; 1536]].concat()).await;
        let mut answer = vec![0; 1 + 1536 + 1536];
        self.stream.read_exact(&mut answer).await.expect("S0, S1 and S2");
        self.send(&answer[1..1537]).await
    }

    /// Shakes hands and connects to an app.
    pub async fn connect_app(&mut self, app: &[u8]) -> &mut Self {
        self.shake_hands().await;
        self.send(&connect(app)).await
    }

    /// Asks to publish, after everything that comes before that.
    pub async fn ask_to_publish(&mut self, key: &str) -> &mut Self {
        self.connect_app(b"live").await;
        self.hears("NetConnection.Connect.Success").await;
        self.send(&create_stream()).await;
        self.send(&publish(key.as_bytes())).await
    }

    /// Publishes, which must be accepted.
    pub async fn publish(&mut self, key: &str) -> &mut Self {
        self.ask_to_publish(key).await.hears("NetStream.Publish.Start").await
    }

    /// Waits until the server has said something with these words in it.
    pub async fn hears(&mut self, words: &str) -> &mut Self {
        let mut buffer = [0; 4096];
        while !contains(&self.heard, words) {
            let read = tokio::time::timeout(SOON, self.stream.read(&mut buffer)).await;
            match read {
                Ok(Ok(length @ 1..)) => self.heard.extend_from_slice(&buffer[..length]),
                other => panic!("{other:?} before {words:?}; heard {:?}", self.heard()),
            }
        }
        self
    }

    /// Waits until the server hangs up; answers all that it said.
    pub async fn is_hung_up_on(&mut self, limit: Duration) -> String {
        let mut buffer = [0; 4096];
        let reading = async {
            while let Ok(length @ 1..) = self.stream.read(&mut buffer).await {
                self.heard.extend_from_slice(&buffer[..length]);
            }
        };
        let ended = tokio::time::timeout(limit, reading).await;
        assert!(ended.is_ok(), "still connected after {limit:?}; heard {:?}", self.heard());
        self.heard()
    }

    /// Whether the server has hung up, or does so at once.
    pub async fn is_closed(&mut self) -> bool {
        let read = tokio::time::timeout(Duration::from_millis(200), self.stream.read(&mut [0; 64])).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }
}

fn contains(heard: &[u8], words: &str) -> bool {
    heard.windows(words.len()).any(|window| window == words.as_bytes())
}

/// A chunk of type 0 with any declared length.
pub fn chunk(chunk_stream: u8, timestamp: u32, length: usize, type_id: u8, payload: &[u8]) -> Vec<u8> {
    let field = timestamp.min(0xFF_FFFF).to_be_bytes();
    let mut bytes = vec![chunk_stream, field[1], field[2], field[3]];
    bytes.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
    bytes.push(type_id);
    // Media goes to the first message stream, everything else to the connection itself.
    let stream = u32::from(matches!(type_id, message_type::AUDIO | message_type::VIDEO | message_type::DATA));
    bytes.extend_from_slice(&stream.to_le_bytes());
    if timestamp >= 0xFF_FFFF {
        bytes.extend_from_slice(&timestamp.to_be_bytes());
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// A whole message, in as many chunks as it needs.
pub fn message(chunk_stream: u8, timestamp: u32, type_id: u8, payload: &[u8]) -> Vec<u8> {
    in_chunks(CHUNK, chunk_stream, timestamp, type_id, payload)
}

/// The same, in chunks of another size than the usual.
pub fn in_chunks(size: usize, chunk_stream: u8, timestamp: u32, type_id: u8, payload: &[u8]) -> Vec<u8> {
    let first = payload.len().min(size);
    let mut bytes = chunk(chunk_stream, timestamp, payload.len(), type_id, &payload[..first]);
    for rest in payload[first..].chunks(size) {
        bytes.push(0xC0 | chunk_stream);
        if timestamp >= 0xFF_FFFF {
            bytes.extend_from_slice(&timestamp.to_be_bytes());
        }
        bytes.extend_from_slice(rest);
    }
    bytes
}

/// A command: its name, a transaction number, and its arguments as AMF0 bytes.
pub fn command(name: &str, transaction: f64, arguments: &[u8]) -> Vec<u8> {
    let payload = [text(name.as_bytes()), number(transaction), arguments.to_vec()].concat();
    message(3, 0, message_type::COMMAND, &payload)
}

/// The payload of `connect` to an app, whose name need not be text.
pub fn connect_payload(app: &[u8]) -> Vec<u8> {
    [text(b"connect"), number(1.0), vec![3], property("app", &text(app)), vec![0, 0, 9]].concat()
}

/// `connect` to an app.
pub fn connect(app: &[u8]) -> Vec<u8> {
    message(3, 0, message_type::COMMAND, &connect_payload(app))
}

/// `createStream`.
pub fn create_stream() -> Vec<u8> {
    command("createStream", 2.0, &[5])
}

/// `publish` on the first message stream, with a key, which need not be text.
pub fn publish(key: &[u8]) -> Vec<u8> {
    let mut bytes = command("publish", 3.0, &[vec![5], text(key), text(b"live")].concat());
    bytes[STREAM_ID] = 1;
    bytes
}

/// An AMF0 string.
pub fn text(text: &[u8]) -> Vec<u8> {
    [&[2][..], &(text.len() as u16).to_be_bytes(), text].concat()
}

/// An AMF0 number.
pub fn number(number: f64) -> Vec<u8> {
    [&[0][..], &number.to_be_bytes()].concat()
}

fn property(name: &str, value: &[u8]) -> Vec<u8> {
    [&(name.len() as u16).to_be_bytes(), name.as_bytes(), value].concat()
}
