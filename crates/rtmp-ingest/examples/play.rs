//! Plays a stream from another server and prints what it brings: `play URL [RECORDING]`.
//!
//! With a second argument, what the server sends is kept there byte for byte. That is how the
//! recordings of servers in `tests/fixtures` are made.
#![allow(clippy::print_stdout)]

mod recorder;

use std::fs::File;
use std::io;

use media::MediaEvent;
use recorder::Recorder;
use rtmp_ingest::{Connection, Event, Limits, SourceUrl};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_default();
    let source: SourceUrl = url.parse().map_err(io::Error::other)?;
    let file = arguments.next().map(File::create).transpose()?;
    let stream = TcpStream::connect((source.host(), source.port())).await?;
    stream.set_nodelay(true)?;
    let mut connection = Connection::play(Recorder { stream, file }, source, Limits::default());
    loop {
        match connection.next_event().await {
            Ok(Some(Event::Media(MediaEvent::Packet(packet)))) => recorder::print(&packet),
            Ok(Some(event)) => println!("{event:?}"),
            Ok(None) => break println!("the end"),
            Err(error) => break println!("failed: {error}"),
        }
    }
    println!("{:?}", connection.stats());
    connection.close().await;
    Ok(())
}
