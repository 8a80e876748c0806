//! How old a picture is where a viewer finds it, and what the way there costs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what this program is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use benches::Error;
use benches::comparison::{Comparison, compare};
use benches::delay::Delay;
use benches::ffmpeg_stack::{FfmpegStack, Threads};
use benches::measurement::{Conditions, Join, Measurement, Subject, measure};
use benches::process::load_average;
use benches::publisher::{Format, Size};
use benches::report::Report;
use benches::seaweed::ObjectStore;
use benches::weir::Weir;
use clap::Parser;

/// Measures glass-to-glass latency, start-up, CPU, memory and disk of Weir, and of ffmpeg writing
/// HLS to disk, on a live source whose frames carry the time at which they were made.
#[derive(Parser)]
struct Options {
    /// Seconds that each system is published to.
    #[arg(long, default_value_t = 40)]
    duration: u64,
    /// Size of the published picture.
    #[arg(long, default_value = "1280x720")]
    size: Size,
    /// Pictures a second.
    #[arg(long, default_value_t = 30)]
    fps: u32,
    /// Have Weir write to S3 and read from there: a SeaweedFS started for the purpose, or
    /// --s3=ENDPOINT with bucket (WEIR_S3_BUCKET) and keys (AWS_…) in the environment.
    #[arg(long, value_name = "ENDPOINT", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    s3: Option<String>,
    /// The server under test [default: the one built beside this program].
    #[arg(long, value_name = "PATH")]
    weir: Option<PathBuf>,
    /// Seconds that a player may take to settle before its latency and stalls count.
    #[arg(long, default_value_t = 5)]
    settle: u64,
    /// Milliseconds from a segment's listing to the moment at which the browser opens the page: the
    /// player's latency depends on it, and 1000 is the mean of all viewers.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1000)]
    join_after: u64,
    /// Open the page before anything is published, and say how long after that it shows a picture.
    #[arg(long, conflicts_with = "join_after")]
    open_first: bool,
    /// Have Weir's page play whole segments rather than parts.
    #[arg(long)]
    plain: bool,
    /// Milliseconds of round-trip time between Weir and the browser.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    round_trip: u64,
    /// Leave Weir out.
    #[arg(long)]
    no_weir: bool,
    /// Leave out ffmpeg writing to disk.
    #[arg(long)]
    no_rival: bool,
    /// Leave Chromium out.
    #[arg(long)]
    no_browser: bool,
    /// Leave out the comparison of processor time.
    #[arg(long)]
    no_cpu: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(report) => {
            println!("{report}");
            match serde_json::to_string(&report) {
                Ok(json) => println!("{json}"),
                Err(error) => eprintln!("no JSON: {error}"),
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<Report, Error> {
    let format = Format { size: options.size, fps: options.fps };
    let conditions = Conditions {
        format,
        duration: Duration::from_secs(options.duration),
        browser: !options.no_browser,
        settle: Duration::from_secs(options.settle),
        join: if options.open_first {
            Join::Before
        } else {
            Join::After(Duration::from_millis(options.join_after))
        },
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut report = Report {
        conditions: format!(
            "{} at {} fps and {} Mb/s published, {} s each; {cores} cores, load average {:.1} before.",
            format.size,
            format.fps,
            f64::from(format.bit_rate()) / 1e6,
            options.duration,
            load_average(),
        ),
        systems: Vec::new(),
        comparison: None,
    };
    if !options.no_weir {
        let name = if options.s3.is_some() { "Weir, read from S3" } else { "Weir, read from its origin" };
        eprintln!("measuring {name} …");
        report.systems.push((name.into(), measure_weir(&options, conditions).await?));
    }
    if !options.no_rival {
        eprintln!("measuring ffmpeg to disk …");
        report.systems.push(("ffmpeg to disk, hls.js defaults".into(), measure_rival(conditions).await?));
    }
    if !options.no_weir && !options.no_cpu {
        eprintln!("comparing processor time …");
        report.comparison = Some(compare_cpu(&options).await?);
    }
    Ok(report)
}

async fn measure_weir(options: &Options, conditions: Conditions) -> Result<Measurement, Error> {
    let store = match options.s3.as_deref() {
        Some("") => Some(ObjectStore::start().await?),
        Some(endpoint) => Some(ObjectStore::at(endpoint.to_owned())),
        None => None,
    };
    let weir = Weir::start(&binary(options), store.as_ref()).await?;
    let stream = weir.create_stream().await?;
    let delay = Delay::start(weir.http_address(), Duration::from_millis(options.round_trip)).await?;
    let subject = Subject {
        publish_url: stream.publish_url(),
        playlist_url: stream.s3_playback_url.clone().unwrap_or_else(|| stream.playback_url.clone()),
        player_url: page(&stream.player_url, options, &delay)?,
        parts_url: options.s3.is_none().then(|| stream.playback_url.clone()),
        process: weir.process(),
    };
    let measured = measure(&subject, conditions).await;
    for complaint in weir.complaints() {
        eprintln!("weir: {complaint}");
    }
    let measurement = measured?;
    eprintln!("weir's data folder holds {} kB after the run", weir.data_folder_bytes() / 1000);
    weir.stop().await?;
    Ok(measurement)
}

/// The player page, behind the delay if there is one.
fn page(player: &str, options: &Options, delay: &Delay) -> Result<String, Error> {
    let mut url = url::Url::parse(player)?;
    if options.round_trip > 0 {
        // An address that has a port takes another.
        let _ = url.set_port(Some(delay.address().port()));
    }
    if options.plain {
        url.query_pairs_mut().append_pair("latency", "plain");
    }
    Ok(url.into())
}

async fn measure_rival(conditions: Conditions) -> Result<Measurement, Error> {
    let stack = FfmpegStack::start(Threads::Default, conditions.format.fps).await?;
    let subject = Subject {
        publish_url: stack.rtmp_url(),
        playlist_url: stack.playlist_url(),
        player_url: stack.player_url(),
        parts_url: None,
        process: stack.process(),
    };
    measure(&subject, conditions).await
}

async fn compare_cpu(options: &Options) -> Result<Comparison, Error> {
    const FORMAT: Format = Format { size: Size { width: 1920, height: 1080 }, fps: 30 };
    const SECONDS: u32 = 20;
    let weir = Weir::start(&binary(options), None).await?;
    let comparison = compare(&weir, FORMAT, SECONDS).await?;
    weir.stop().await?;
    Ok(comparison)
}

fn binary(options: &Options) -> PathBuf {
    options.weir.clone().unwrap_or_else(Weir::default_binary)
}
