//! One viewer's keep-alive connection: HTTP/1.1, as lean as it gets, so that two thousand fit on a core.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Error;

/// What is kept of a body; the rest is read and counted.
const KEPT: usize = 16 << 10;

/// A connection to an origin.
pub struct Connection {
    stream: TcpStream,
    agent: usize,
    buffer: Vec<u8>,
}

/// An answer.
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The body's beginning; all of it, of a playlist.
    pub body: &'a str,
    /// The whole body's length in bytes.
    pub length: usize,
}

impl Connection {
    /// Connects the viewer of that number, which tells it from the others.
    pub async fn open(origin: SocketAddr, number: usize) -> Result<Self, Error> {
        let stream = TcpStream::connect(origin).await.map_err(Error::io("connect to the origin"))?;
        stream.set_nodelay(true).map_err(Error::io("set TCP_NODELAY"))?;
        Ok(Self { stream, agent: number, buffer: vec![0; KEPT] })
    }

    /// Asks for a path and reads the answer to its end.
    pub async fn get(&mut self, path: &str) -> Result<Answer<'_>, Error> {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: origin\r\nuser-agent: viewer/{}\r\n\r\n", self.agent);
        self.exchange(&request).await.map_err(Error::io("ask the origin"))
    }

    async fn exchange(&mut self, request: &str) -> std::io::Result<Answer<'_>> {
        self.stream.write_all(request.as_bytes()).await?;
        let mut filled = 0;
        let head = loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some(end) = self.buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let (status, length) = read_head(&self.buffer[..head]).ok_or(std::io::ErrorKind::InvalidData)?;
        let mut received = filled - head;
        while received < length {
            // Beyond what is kept, each piece takes the last one's place.
            let from = if filled < KEPT { filled } else { head };
            let to = KEPT.min(from + length - received);
            let read = self.stream.read(&mut self.buffer[from..to]).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            received += read;
            filled = from + read;
        }
        let body = std::str::from_utf8(&self.buffer[head..filled.max(head)]).unwrap_or_default();
        Ok(Answer { status, body, length })
    }
}

/// Status and length out of a head.
fn read_head(head: &[u8]) -> Option<(u16, usize)> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    Some((status, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_a_status_and_a_length() {
        assert_eq!(read_head(b"HTTP/1.1 200 OK\r\nvary: x\r\nContent-Length: 7\r\n\r\n"), Some((200, 7)));
        assert_eq!(read_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), None);
    }
}
