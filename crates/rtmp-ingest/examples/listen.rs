//! Accepts every publish and prints what it brings: `listen ADDRESS [RECORDING]`.
//!
//! With a second argument, what the next client sends is kept there byte for byte, and the program
//! ends with that client. That is how the recordings in `tests/fixtures` are made.
#![allow(clippy::print_stdout)]

mod recorder;

use std::fs::File;
use std::io;

use media::MediaEvent;
use recorder::Recorder;
use rtmp_ingest::{Connection, Event, Limits};
use tokio::net::TcpListener;

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
        let file = recording.as_ref().map(File::create).transpose()?;
        serve(Recorder { stream, file }).await?;
        if recording.is_some() {
            return Ok(());
        }
    }
}

async fn serve(stream: Recorder) -> io::Result<()> {
    let mut connection = Connection::new(stream, Limits::default());
    loop {
        match connection.next_event().await {
            Ok(Some(Event::Media(MediaEvent::Packet(packet)))) => recorder::print(&packet),
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
