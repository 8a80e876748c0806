//! Whether Weir's memory stays flat while a stream runs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what this program is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use benches::Error;
use benches::publisher::{Format, Publisher, Size};
use benches::reader::Reader;
use benches::statistics::slope;
use benches::weir::Weir;
use clap::Parser;
use tokio::time::{Instant, sleep};

const EVERY: Duration = Duration::from_secs(10);
/// Until caches, windows and pools are full; what grows after that grows for good.
const WARM_UP: Duration = Duration::from_secs(60);

/// Publishes to Weir for a long time, samples its memory, and prints the slope.
#[derive(Parser)]
struct Options {
    /// Minutes to run, the first of which is not counted.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Size of the published picture.
    #[arg(long, default_value = "1280x720")]
    size: Size,
    /// Pictures a second.
    #[arg(long, default_value_t = 30)]
    fps: u32,
    /// Streams at once.
    #[arg(long, default_value_t = 1)]
    streams: usize,
    /// The server under test [default: the one built beside this program].
    #[arg(long, value_name = "PATH")]
    weir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Error> {
    let format = Format { size: options.size, fps: options.fps };
    let weir = Weir::start(&options.weir.unwrap_or_else(Weir::default_binary), None).await?;
    let idle = weir.process().resident_kb();
    println!("idle: {idle} kB");
    let mut publishers = Vec::new();
    for _ in 0..options.streams {
        let stream = weir.create_stream().await?;
        publishers.push(Publisher::start(format, &stream.publish_url())?);
        let mut reader = Reader::start(&stream.playback_url)?;
        reader.wait_for(1, 30).await?;
        reader.finish().await?;
    }

    let start = Instant::now();
    let end = start + Duration::from_secs_f64(options.minutes * 60.0);
    let mut points = Vec::new();
    while Instant::now() + EVERY <= end {
        sleep(EVERY).await;
        let minutes = start.elapsed().as_secs_f64() / 60.0;
        let resident = weir.process().resident_kb();
        println!("{minutes:.1} min: {resident} kB");
        if start.elapsed() >= WARM_UP {
            points.push((minutes, resident as f64));
        }
    }
    let slope = slope(&points).ok_or(Error::Nothing("too short a run for a slope: give more --minutes"))?;
    let process = weir.process();
    println!(
        "{} streams of {}p{}: peak {} kB, {slope:+.1} kB/min over {} samples, {} bytes written to disk",
        options.streams,
        format.size.height,
        format.fps,
        process.peak_resident_kb(),
        points.len(),
        process.disk_bytes_written(),
    );
    tokio::task::spawn_blocking(move || drop(publishers)).await?;
    weir.stop().await
}
