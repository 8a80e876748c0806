//! What low-latency viewers cost the origin, and how soon they have each part.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what this program is for")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use benches::Error;
use benches::origin::nginx_static::NginxStatic;
use benches::origin::ready::{self, LOG_FILTER};
use benches::origin::viewers::{CONNECTIONS, Crowd, Seen};
use benches::process::{Process, load_average};
use benches::publisher::{Format, Publisher, Size};
use benches::reader::Reader;
use benches::statistics::Summary;
use benches::weir::{Stream, Weir};
use clap::Parser;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Has many low-latency viewers watch one stream over HTTP/1.1: each asks for the part that is hinted at, and beside
/// it, on another connection, for the playlist that lists it, and waits for both. The server runs on one core; the viewers and the publisher on another. Then nginx,
/// on the server's core, serves the same bytes as files, at the same times.
#[derive(Parser)]
struct Options {
    /// Viewers.
    #[arg(long, default_value_t = 2000)]
    viewers: usize,
    /// Seconds that each server is measured.
    #[arg(long, default_value_t = 30)]
    duration: u64,
    /// Bits a second of the video that is served: 2000 viewers of 2.5 Mb/s would measure the loopback interface.
    #[arg(long, default_value_t = 400_000)]
    bitrate: u32,
    /// Width of the picture that is served: the transcode shares the server's core.
    #[arg(long, default_value_t = 320)]
    width: u32,
    /// The server under test [default: the one built beside this program].
    #[arg(long, value_name = "PATH")]
    weir: Option<PathBuf>,
}

const GENERATOR_CORE: usize = 0;
const SERVER_CORE: usize = 1;
const FORMAT: Format = Format { size: Size { width: 640, height: 360 }, fps: 30 };
const PART: Duration = Duration::from_millis(200);
/// Until everybody has joined and buffers have their size.
const WARM_UP: Duration = Duration::from_secs(5);

/// What a crowd cost.
struct Cost {
    cores: f64,
    kib_a_viewer: f64,
    seen: Seen,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Error> {
    Process(std::process::id()).pin(GENERATOR_CORE)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Error::io("start a runtime"))?.block_on(measure(options))
}

async fn measure(options: Options) -> Result<(), Error> {
    println!("load average before: {:.1}", load_average());
    let (bitrate, width) = (options.bitrate.to_string(), options.width.to_string());
    let settings = [
        ("WEIR_LOG", LOG_FILTER),
        ("WEIR_LOG_FORMAT", "json"),
        ("WEIR_VIDEO_BITRATE", bitrate.as_str()),
        ("WEIR_VIDEO_MAXRATE", bitrate.as_str()),
        ("WEIR_VIDEO_BUFSIZE", bitrate.as_str()),
        ("WEIR_VIDEO_WIDTH", width.as_str()),
        ("WEIR_VIDEO_PRESET", "ultrafast"),
    ];
    let binary = options.weir.clone().unwrap_or_else(Weir::default_binary);
    let weir = Weir::start_with(&binary, None, &settings).await?;
    weir.process().pin(SERVER_CORE)?;
    let stream = weir.create_stream().await?;
    let publisher = Publisher::start(FORMAT, &stream.publish_url())?;
    let mut reader = Reader::start(&stream.playback_url)?;
    reader.wait_for(3, 30).await?;
    reader.finish().await?;

    let measured = Duration::from_secs(options.duration);
    let alone = cores(weir.process(), measured / 3).await;
    let folder = format!("/live/{}", stream.video_id);
    let rest = weir.process().resident_kb();
    let crowd = Crowd::join(weir.http_address(), &folder, options.viewers).await?;
    let ours = cost(weir.process(), crowd, options.viewers, rest, measured).await?;
    report_delivery(&ours.seen, &weir.log());
    show("Weir", &ours, ours.cores - alone, &options);
    println!("Weir without viewers: {alone:.3} cores, for the transcode");

    let files = collect(weir.http_address(), &stream).await?;
    // Its threads wait for frames to be sent; it is blocking work.
    tokio::task::spawn_blocking(move || publisher.finish()).await?;
    weir.stop().await?;
    let theirs = compare(&files, &options).await?;
    show("nginx", &theirs, theirs.cores, &options);
    println!("Weir's CPU a viewer is {:.2} of nginx's", (ours.cores - alone) / theirs.cores);
    Ok(())
}

/// The playlist and a segment's worth of parts, as they are now.
async fn collect(origin: SocketAddr, stream: &Stream) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let base = format!("http://{origin}/live/{}", stream.video_id);
    let playlist = client.get(format!("{base}/index.m3u8")).send().await?.text().await?;
    let names: Vec<&str> = playlist
        .lines()
        .filter(|line| line.starts_with("#EXT-X-PART:"))
        .filter_map(|line| line.split_once("URI=\"")?.1.split('"').next())
        .collect();
    let mut files = vec![("index.m3u8".to_owned(), playlist.clone().into_bytes())];
    for name in names.iter().rev().take(10) {
        let part = client.get(format!("{base}/{name}")).send().await?.error_for_status()?.bytes().await?;
        files.push(((*name).to_owned(), part.to_vec()));
    }
    Ok(files)
}

async fn compare(files: &[(String, Vec<u8>)], options: &Options) -> Result<Cost, Error> {
    let served: Vec<(&str, &[u8])> =
        files.iter().map(|(name, data)| (name.as_str(), data.as_slice())).collect();
    let nginx = NginxStatic::start(&served).await?;
    nginx.process().pin(SERVER_CORE)?;
    let rest = nginx.process().resident_kb();
    let paths: Vec<String> = files.iter().map(|(name, _)| format!("/{name}")).collect();
    let (tick, ticks) = watch::channel(0);
    let crowd = Crowd::poll(nginx.address(), &paths, options.viewers, &ticks).await?;
    let clock = tokio::spawn(async move {
        let mut period = interval(PART);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            period.tick().await;
            tick.send_modify(|turn| *turn += 1);
        }
    });
    let measured = Duration::from_secs(options.duration);
    let cost = cost(nginx.process(), crowd, options.viewers, rest, measured).await;
    clock.abort();
    cost
}

async fn cost(
    process: Process,
    crowd: Crowd,
    viewers: usize,
    rest_kb: u64,
    measured: Duration,
) -> Result<Cost, Error> {
    sleep(WARM_UP).await;
    let cores = cores(process, measured).await;
    let kib_a_viewer = process.resident_kb().saturating_sub(rest_kb) as f64 / viewers as f64;
    Ok(Cost { cores, kib_a_viewer, seen: crowd.finish().await? })
}

async fn cores(process: Process, measured: Duration) -> f64 {
    let (since, before) = (tokio::time::Instant::now(), process.cpu_seconds());
    sleep(measured).await;
    (process.cpu_seconds() - before) / since.elapsed().as_secs_f64()
}

fn report_delivery(seen: &Seen, log: &str) {
    let ready = ready::times(log);
    let waited = |(place, at): &(ready::Place, f64)| Some(at - ready.get(place)?);
    let mut delays: Vec<f64> = seen.fetched.iter().filter_map(waited).collect();
    delays.sort_by(f64::total_cmp);
    // A figure in a hundred more than `Summary` has.
    let p99 = delays.get((delays.len() * 99).div_ceil(100).saturating_sub(1));
    let Some(Summary { p50, p95, max, count }) = Summary::of(delays.iter().copied()) else {
        println!("no part was fetched");
        return;
    };
    println!(
        "part ready -> fetched: p50 {p50:.1} ms, p95 {p95:.1}, p99 {:.1} (target 50), max {max:.1}, of {count}",
        p99.copied().unwrap_or(max)
    );
}

fn show(name: &str, cost: &Cost, cores: f64, options: &Options) {
    let viewers = options.viewers as f64;
    println!(
        "{name}: {viewers} viewers: {:.3} cores for them, {:.1} µs of CPU a viewer-second, {:.1} KiB a viewer ({:.1} a connection), {} failures, {} MB sent",
        cores,
        cores / viewers * 1e6,
        cost.kib_a_viewer,
        cost.kib_a_viewer / CONNECTIONS as f64,
        cost.seen.failures,
        cost.seen.bytes / 1_000_000,
    );
}
