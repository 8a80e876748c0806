//! What it costs to record: two servers, one source, one object store.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what this program is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use benches::Error;
use benches::comparison::replay;
use benches::publisher::{self, Format, Size};
use benches::reader::Reader;
use benches::seaweed::ObjectStore;
use benches::statistics::Summary;
use benches::weir::Weir;
use clap::Parser;
use tokio::time::{Instant, sleep};

const FORMAT: Format = Format { size: Size { width: 1280, height: 720 }, fps: 30 };
/// Seconds until the first segments are listed.
const LISTING_SECONDS: u64 = 30;
/// Seconds that a file may take after the end.
const READY_SECONDS: u64 = 30;

/// Publishes the same to a Weir that records and to one that doesn't, at the same time, and compares the time that they
/// take of the processor.
#[derive(Parser)]
struct Options {
    /// Seconds of each round.
    #[arg(long, default_value_t = 60)]
    duration: u32,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// The server under test [default: the one built beside this program].
    #[arg(long, value_name = "PATH")]
    weir: Option<PathBuf>,
}

/// Processor seconds of a round.
struct Cost {
    plain: f64,
    recording: f64,
    /// Seconds from the publisher's end to the file.
    ready: f64,
    /// Peaks of memory, in kB.
    memory: (u64, u64),
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
    let binary = options.weir.unwrap_or_else(Weir::default_binary);
    let folder = tempfile::tempdir().map_err(Error::io("make a folder for a source"))?;
    let source = folder.path().join("source.flv");
    let (recorded, seconds) = (source.clone(), options.duration);
    tokio::task::spawn_blocking(move || publisher::record(FORMAT, seconds, &recorded)).await??;
    let store = ObjectStore::start().await?;
    let mut ratios = Vec::new();
    for round in 1..=options.rounds {
        let Cost { plain, recording, ready, memory } = compare(&binary, &store, &source).await?;
        println!(
            "round {round}: {plain:.2} s of the processor without recording, {recording:.2} s with it: {:+.1} %; the file was \
             ready {ready:.2} s after the publisher's end; memory {} and {} kB",
            (recording / plain - 1.0) * 100.0,
            memory.0,
            memory.1,
        );
        ratios.push(recording / plain);
    }
    let ratios = Summary::of(ratios).ok_or(Error::Nothing("no round was run"))?;
    println!("recording costs {:+.1} % at the median", (ratios.p50 - 1.0) * 100.0);
    Ok(())
}

/// One round: both accounts run from the first listed segments until the file is there.
async fn compare(binary: &Path, store: &ObjectStore, source: &Path) -> Result<Cost, Error> {
    let start = async |record, prefix| {
        Weir::start_with(binary, Some(store), &[("WEIR_RECORD", record), ("WEIR_S3_PREFIX", prefix)]).await
    };
    let (plain, recording) = (start("false", "plain").await?, start("true", "recording").await?);
    let streams = [plain.create_stream().await?, recording.create_stream().await?];
    let mut publishers = Vec::new();
    let mut readers = Vec::new();
    for stream in &streams {
        publishers.push(replay(source, &stream.publish_url())?);
        readers.push(Reader::start(&stream.playback_url)?);
    }
    for mut reader in readers {
        reader.wait_for(2, LISTING_SECONDS).await?;
        reader.finish().await?;
    }
    let accounts = || (plain.process().cpu_seconds(), recording.process().cpu_seconds());
    let before = accounts();
    for publisher in &mut publishers {
        publisher.wait().await.map_err(Error::io("wait for a publisher"))?;
    }
    let ended = Instant::now();
    while !recording.log().contains(": recorded ") {
        if ended.elapsed() > Duration::from_secs(READY_SECONDS) {
            let detail = format!("; its log:\n{}", recording.log());
            return Err(Error::Timeout { what: "the recording", seconds: READY_SECONDS, detail });
        }
        sleep(Duration::from_millis(10)).await;
    }
    let (ready, after) = (ended.elapsed().as_secs_f64(), accounts());
    let memory = (plain.process().peak_resident_kb(), recording.process().peak_resident_kb());
    plain.stop().await?;
    recording.stop().await?;
    Ok(Cost { plain: after.0 - before.0, recording: after.1 - before.1, ready, memory })
}
