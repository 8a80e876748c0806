//! Whether thousands of connections that say nothing delay a live stream.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what this program is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use benches::Error;
use benches::publisher::{Format, Publisher, Size};
use benches::reader::{ListedSegment, Reader};
use benches::sessions::silent::Silence;
use benches::statistics::Summary;
use benches::weir::Weir;
use clap::Parser;
use tokio::time::{Instant, sleep};

/// Publishes to Weir, then has silent clients fill its RTMP port, and says how late segments were
/// before and meanwhile.
#[derive(Parser)]
struct Options {
    /// Silent clients.
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// Seconds that each half is measured.
    #[arg(long, default_value_t = 30)]
    duration: u64,
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
    const FORMAT: Format = Format { size: Size { width: 1280, height: 720 }, fps: 30 };
    let weir = Weir::start(&options.weir.unwrap_or_else(Weir::default_binary), None).await?;
    let stream = weir.create_stream().await?;
    let publisher = Publisher::start(FORMAT, &stream.publish_url())?;
    let mut reader = Reader::start(&stream.playback_url)?;
    reader.wait_for(3, 30).await?;
    let half = Duration::from_secs(options.duration);

    sleep(half).await;
    let alone = (weir.process().resident_kb(), weir.process().cpu_seconds());
    let began = benches::stamp::now();
    let silence = Silence::start(weir.rtmp_address(), options.clients);
    let mut most_open = 0;
    let end = Instant::now() + half;
    while Instant::now() < end {
        sleep(Duration::from_millis(100)).await;
        most_open = most_open.max(silence.tally.open.load(Ordering::Relaxed));
    }
    let beset = (weir.process().resident_kb(), weir.process().cpu_seconds());
    let of = |count: &std::sync::atomic::AtomicUsize| count.load(Ordering::Relaxed);
    let tally = silence.tally.clone();
    println!(
        "{} silent clients for {} s: at most {most_open} open at once, {} let in, {} hung up on, {} not connected",
        options.clients,
        options.duration,
        of(&tally.connected),
        of(&tally.closed),
        of(&tally.failed),
    );
    silence.stop().await;
    let segments = reader.finish().await?.segments;
    show("alone", &segments, |segment| segment.listed_at < began)?;
    show("beset", &segments, |segment| segment.listed_at >= began)?;
    println!(
        "memory: {} kB alone, {} kB beset; CPU meanwhile {:.2} cores, pictures included",
        alone.0,
        beset.0,
        (beset.1 - alone.1) / half.as_secs_f64(),
    );
    tokio::task::spawn_blocking(move || drop(publisher)).await?;
    weir.stop().await
}

/// How long after the segment before it, and its own duration, each segment was listed.
fn show(
    when: &str,
    segments: &[ListedSegment],
    counts: impl Fn(&ListedSegment) -> bool,
) -> Result<(), Error> {
    let first = segments.first().ok_or(Error::Nothing("nothing was listed"))?;
    let mut due = first.listed_at;
    let mut late = Vec::new();
    for segment in &segments[1..] {
        due += segment.seconds * 1e3;
        if counts(segment) {
            late.push(segment.listed_at - due);
        }
    }
    let late = Summary::of(late).ok_or(Error::Nothing("no segment was listed meanwhile"))?;
    println!(
        "{when}: {} segments, against the first one's time: p50 {:+.0} ms, p95 {:+.0}, max {:+.0}",
        late.count, late.p50, late.p95, late.max
    );
    Ok(())
}
