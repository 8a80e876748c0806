//! Accepts every publish and prints what it brings: `listen ADDRESS [RECORDING]`.
//!
//! With a second argument, what the next client sends is kept there byte for byte, and the program
//! ends with that client. That is how the recordings in `tests/fixtures` are made.
#![allow(clippy::print_stdout)]

use std::fs::File;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use media::MediaEvent;
use rtmp_ingest::{Connection, Event, Limits};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:1935".to_owned());
    let recording = arguments.next();
    let listener = TcpListener::bind(&address).await?;
    println!("listening on rtmp://{}/live", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        println!("{peer} connected");
        match &recording {
            Some(path) => return serve(Recorder { stream, file: File::create(path)? }).await,
            None => serve(stream).await?,
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> io::Result<()> {
    let mut connection = Connection::new(stream, Limits::default());
    loop {
        match connection.next_event().await {
            Ok(Some(Event::Media(MediaEvent::Packet(packet)))) => println!(
                "{:?} pts {} dts {} {} bytes{}",
                packet.track,
                packet.pts,
                packet.dts,
                packet.data.len(),
                if packet.is_keyframe { " key" } else { "" },
            ),
            Ok(Some(event)) => {
                println!("{event:?}");
                if matches!(event, Event::PublishRequested(_))
                    && let Err(error) = connection.accept_publish().await
                {
                    println!("failed: {error}");
                }
            }
            Ok(None) => break println!("the end"),
            Err(error) => break println!("failed: {error}"),
        }
    }
    println!("{:?}", connection.stats());
    connection.close().await;
    Ok(())
}

/// Keeps what is read.
struct Recorder {
    stream: TcpStream,
    file: File,
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if outcome.is_ready() {
            self.file.write_all(&buffer.filled()[before..])?;
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
