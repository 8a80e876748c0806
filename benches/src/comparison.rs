//! The cost of one transcode: Weir and ffmpeg at the same time, on the same input, with the same settings.
//!
//! Side by side, so that whatever else the machine does, and at whatever speed it runs, weighs on both alike.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::Error;
use crate::ffmpeg_stack::{FfmpegStack, Threads};
use crate::process::Process;
use crate::publisher::{self, Format};
use crate::reader::Reader;
use crate::weir::Weir;

/// Until both have started, ffmpeg's analysis of its input included.
const LISTING_SECONDS: u64 = 30;

/// Processor seconds for a second of stream.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Weir's.
    pub weir: f64,
    /// The ffmpeg program's, with one thread for each step.
    pub ffmpeg: f64,
    /// Weir's as a multiple of ffmpeg's.
    pub ratio: f64,
}

/// Records `seconds` of `format`, publishes the recording to both in real time, and reads their accounts.
pub async fn compare(weir: &Weir, format: Format, seconds: u32) -> Result<Comparison, Error> {
    let folder = tempfile::tempdir().map_err(Error::io("make a folder for a recording"))?;
    let recording = folder.path().join("source.flv");
    // The start of both takes its share before the accounts are opened.
    let recorded = recording.clone();
    tokio::task::spawn_blocking(move || publisher::record(format, seconds + 10, &recorded)).await??;

    let stream = weir.create_stream().await?;
    let rival = FfmpegStack::start(Threads::One, format.fps).await?;
    let mut readers = [Reader::start(&stream.playback_url)?, Reader::start(&rival.playlist_url())?];
    let _publishers = [replay(&recording, &stream.publish_url())?, replay(&recording, &rival.rtmp_url())?];
    for reader in &mut readers {
        // By its second segment ffmpeg has worked off what piled up while it analysed its input.
        reader.wait_for(2, LISTING_SECONDS).await?;
    }
    for reader in readers {
        reader.finish().await?;
    }

    let cost = |process: Process| process.cpu_seconds();
    let before = (cost(weir.process()), cost(rival.process()));
    sleep(Duration::from_secs(u64::from(seconds))).await;
    let weir_cpu = (cost(weir.process()) - before.0) / f64::from(seconds);
    let ffmpeg_cpu = (cost(rival.process()) - before.1) / f64::from(seconds);
    if weir_cpu <= 0.0 || ffmpeg_cpu <= 0.0 {
        return Err(Error::Nothing("one of the two did no work to compare"));
    }
    Ok(Comparison { weir: weir_cpu, ffmpeg: ffmpeg_cpu, ratio: weir_cpu / ffmpeg_cpu })
}

/// Publishes a recording in real time.
pub fn replay(recording: &Path, url: &str) -> Result<Child, Error> {
    Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-i"])
        .arg(recording)
        .args(["-c", "copy", "-f", "flv", "-flush_packets", "1", url])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::start("ffmpeg"))
}
