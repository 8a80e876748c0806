//! What the examples share: a socket whose input is kept, and a line for each packet.

use std::fs::File;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use media::Packet;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub(crate) fn print(packet: &Packet) {
    println!(
        "{:?} pts {} dts {} {} bytes{}",
        packet.track,
        packet.pts,
        packet.dts,
        packet.data.len(),
        if packet.is_keyframe { " key" } else { "" },
    );
}

/// A socket that keeps what is read from it, if there is a file for it.
pub(crate) struct Recorder {
    pub(crate) stream: TcpStream,
    pub(crate) file: Option<File>,
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if outcome.is_ready()
            && let Some(file) = &mut self.file
        {
            file.write_all(&buffer.filled()[before..])?;
        }
        outcome
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
