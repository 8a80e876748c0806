//! One live stream through one system, watched by a reader and, if wanted, by a browser.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until};

use crate::Error;
use crate::browser::{Browser, Sightings};
use crate::part_reader::{self, PartReader, Parts};
use crate::process::Process;
use crate::publisher::{Format, Publisher, Times};
use crate::reader::{ListedSegment, Listing, Reader};
use crate::segment_frames;
use crate::statistics::Summary;

/// Segments that are listed when the browser joins: it meets a stream that runs.
const SEGMENTS_BEFORE_BROWSER: usize = 3;
const LISTING_SECONDS: u64 = 30;
/// Until an open page has nothing to do but wait.
const PAGE_LOADS: Duration = Duration::from_secs(3);

/// The system under test, by its addresses.
pub struct Subject {
    /// Where to publish, key included.
    pub publish_url: String,
    /// The playlist to poll.
    pub playlist_url: String,
    /// The page to watch.
    pub player_url: String,
    /// The low-latency playlist, where there is one.
    pub parts_url: Option<String>,
    /// The process that does the work.
    pub process: Process,
}

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// What is published.
    pub format: Format,
    /// For how long.
    pub duration: Duration,
    /// Whether a browser watches.
    pub browser: bool,
    /// When the browser opens the page.
    pub join: Join,
    /// What the browser's player may take to settle before its figures count.
    pub settle: Duration,
}

/// When a browser opens the page.
#[derive(Clone, Copy, Debug)]
pub enum Join {
    /// Before anything is published.
    Before,
    /// So long after a segment was listed.
    After(Duration),
}

/// What was measured. Times are in milliseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// Age of a segment's oldest frame when the segment was first seen in the playlist.
    pub oldest_frame_listed: Option<Summary>,
    /// The same of each segment, in their order: whether a delay, once it is there, stays.
    pub oldest_frame_listed_each: Vec<f64>,
    /// Age of a segment's newest frame at that moment: what is left when the segment's own length is taken away.
    pub newest_frame_listed: Option<Summary>,
    /// The same from the moment at which the oldest frame had left the publisher's encoder: the system's own share.
    pub oldest_frame_sent_listed: Option<Summary>,
    /// From the moment at which a part's oldest frame had left the publisher's encoder to the part's last byte.
    pub oldest_frame_in_part: Option<Summary>,
    /// The same of its newest frame: what is left when the part's own length is taken away.
    pub newest_frame_in_part: Option<Summary>,
    /// From the listing's arrival to the segment's last byte.
    pub segment_fetch: Option<Summary>,
    /// Segments listed but not there at once.
    pub not_fetchable: usize,
    /// Pictures in the segments, and how many of them had no readable stamp.
    pub frames: usize,
    /// Pictures whose stamp the codec has spoilt.
    pub unreadable_frames: usize,
    /// Pictures that EXTINF promises and the segments lack.
    pub missing_frames: i64,
    /// From the accepted publish to the first segment listed.
    pub first_listed_after_publish: Option<f64>,
    /// From the first frame made to the first segment listed; holds the publisher's own start.
    pub first_listed_after_first_frame: Option<f64>,
    /// From a frame's stamp to the publisher's encoder's output: part of every latency here.
    pub publisher_encode: Option<Summary>,
    /// How far the source fell behind its grid: a busy machine shows here.
    pub source_lateness_worst: f64,
    /// Processor seconds that the system takes for a second of stream.
    pub cpu_per_stream_second: f64,
    /// The most memory that its process used, in kB.
    pub peak_memory_kb: u64,
    /// Bytes that its process wrote to disk, a second of stream.
    pub disk_bytes_per_second: f64,
    /// Media bits a second in the segments.
    pub output_bits_per_second: f64,
    /// What the browser showed.
    pub browser: Option<BrowserMeasurement>,
}

/// What the browser showed. Times are in milliseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BrowserMeasurement {
    /// Age of the picture on the screen.
    pub glass_to_glass: Option<Summary>,
    /// From the opening of the page to its first picture, where the stream was on air.
    pub first_picture: Option<f64>,
    /// From the accepted publish to the first picture, where the page was open.
    pub first_picture_after_publish: Option<f64>,
    /// Times that playback stood still for more than a quarter of a second, once settled.
    pub stalls: usize,
    /// For how long altogether.
    pub stalled: f64,
    /// The same while settling.
    pub stalls_while_settling: usize,
    /// Pictures whose stamp could not be read.
    pub unreadable: usize,
    /// What went wrong in the page.
    pub errors: Vec<String>,
}

/// Publishes to a system, watches it, and sums up.
pub async fn measure(subject: &Subject, conditions: Conditions) -> Result<Measurement, Error> {
    let mut browser = if conditions.browser { Some(Browser::launch().await?) } else { None };
    if let (Some(browser), Join::Before) = (&mut browser, conditions.join) {
        browser.open(&subject.player_url).await?;
        sleep(PAGE_LOADS).await;
    }
    let mut reader = Reader::start(&subject.playlist_url)?;
    let publisher = Publisher::start(conditions.format, &subject.publish_url)?;
    let end = Instant::now() + conditions.duration;

    reader.wait_for(1, LISTING_SECONDS).await?;
    // From here on: what a stream costs while it runs, without what it costs to start.
    let running_since = Instant::now();
    let cpu_at_start = subject.process.cpu_seconds();
    let disk_at_start = subject.process.disk_bytes_written();

    let parts = subject.parts_url.as_deref().map(PartReader::start).transpose()?;
    if let (Some(browser), Join::After(join_after)) = (&mut browser, conditions.join) {
        reader.wait_for(SEGMENTS_BEFORE_BROWSER, LISTING_SECONDS).await?;
        sleep(join_after).await;
        browser.open(&subject.player_url).await?;
    }
    sleep_until(end).await;

    let ran = running_since.elapsed().as_secs_f64();
    let cpu = subject.process.cpu_seconds() - cpu_at_start;
    let disk = subject.process.disk_bytes_written() - disk_at_start;
    let peak_memory_kb = subject.process.peak_resident_kb();

    let listing = reader.finish().await?;
    let parts = match parts {
        Some(parts) => parts.finish().await?,
        None => Parts::new(),
    };
    let sightings = match browser {
        Some(browser) => Some(browser.finish().await?),
        None => None,
    };
    // Both block, for as long as an encoder's last frames or a decoder's run takes.
    let (times, listing, frames, delays) = tokio::task::spawn_blocking(move || {
        let times = publisher.finish();
        let frames = read_segments(&listing)?;
        let delays = part_reader::delays(&parts, &sent(&times))?;
        Ok::<_, Error>((times, listing, frames, delays))
    })
    .await??;
    let mut measurement = sum_up(&listing, &frames, &times);
    (measurement.oldest_frame_in_part, measurement.newest_frame_in_part) = (delays.oldest, delays.newest);
    measurement.cpu_per_stream_second = cpu / ran;
    measurement.peak_memory_kb = peak_memory_kb;
    measurement.disk_bytes_per_second = disk as f64 / ran;
    measurement.missing_frames = missing_frames(&listing, &frames, conditions.format.fps);
    measurement.browser = sightings.map(|sightings| sum_up_browser(&sightings, conditions, times.accepted));
    Ok(measurement)
}

/// The stamps of each segment's frames.
type SegmentStamps = Vec<Vec<Option<u64>>>;

fn read_segments(listing: &Listing) -> Result<SegmentStamps, Error> {
    listing.segments.iter().map(|segment| segment_frames::stamps(&segment.bytes)).collect()
}

fn sum_up(listing: &Listing, frames: &SegmentStamps, times: &Times) -> Measurement {
    let first_listed = listing.segments.first().map(|segment| segment.listed_at);
    let since = |start: Option<f64>| Some(first_listed? - start?);
    let sent = sent(times);
    let ages = |born: &dyn Fn(&[u64]) -> Option<f64>| {
        let age = |(segment, stamps): (&ListedSegment, &Vec<Option<u64>>)| {
            let readable: Vec<u64> = stamps.iter().flatten().copied().collect();
            Some(segment.listed_at - born(&readable)?)
        };
        // The first segment holds the frames that piled up while the publisher connected.
        listing.segments.iter().zip(frames).skip(1).filter_map(age).collect::<Vec<f64>>()
    };
    let oldest_frame_listed_each = ages(&|stamps| stamps.iter().min().map(|stamp| *stamp as f64));
    let bytes: usize = listing.segments.iter().map(|segment| segment.bytes.len()).sum();
    let seconds: f64 = listing.segments.iter().map(|segment| segment.seconds).sum();
    let all_frames = || frames.iter().flatten();
    Measurement {
        oldest_frame_listed: Summary::of(oldest_frame_listed_each.iter().copied()),
        oldest_frame_listed_each,
        newest_frame_listed: Summary::of(ages(&|stamps| stamps.iter().max().map(|stamp| *stamp as f64))),
        oldest_frame_sent_listed: Summary::of(ages(&|stamps| sent.get(stamps.iter().min()?).copied())),
        oldest_frame_in_part: None,
        newest_frame_in_part: None,
        segment_fetch: Summary::of(listing.segments.iter().map(|segment| segment.fetch_millis)),
        not_fetchable: listing.not_fetchable,
        frames: all_frames().count(),
        unreadable_frames: all_frames().filter(|stamp| stamp.is_none()).count(),
        missing_frames: 0,
        first_listed_after_publish: since(times.accepted),
        first_listed_after_first_frame: since(times.first_frame),
        publisher_encode: Summary::of(times.sent.iter().map(|(stamped, sent)| sent - stamped)),
        source_lateness_worst: times.worst_lateness_millis,
        cpu_per_stream_second: 0.0,
        peak_memory_kb: 0,
        disk_bytes_per_second: 0.0,
        output_bits_per_second: bytes as f64 * 8.0 / seconds.max(f64::EPSILON),
        browser: None,
    }
}

/// When each frame had left the publisher's encoder, by its stamp.
fn sent(times: &Times) -> HashMap<u64, f64> {
    times.sent.iter().map(|(stamped, sent)| (*stamped as u64, *sent)).collect()
}

fn missing_frames(listing: &Listing, frames: &SegmentStamps, fps: u32) -> i64 {
    let promised: f64 = listing.segments.iter().map(|segment| segment.seconds * f64::from(fps)).sum();
    promised.round() as i64 - frames.iter().map(Vec::len).sum::<usize>() as i64
}

fn sum_up_browser(
    sightings: &Sightings,
    conditions: Conditions,
    accepted: Option<f64>,
) -> BrowserMeasurement {
    let was_open = matches!(conditions.join, Join::Before);
    let first = sightings.samples.first().map(|sample| sample.at);
    let settle = conditions.settle.as_secs_f64() * 1000.0;
    BrowserMeasurement {
        glass_to_glass: Summary::of(sightings.latencies(settle)),
        first_picture: sightings.first_picture_millis.filter(|_| !was_open),
        first_picture_after_publish: first.zip(accepted).map(|(at, since)| at - since).filter(|_| was_open),
        stalls: sightings.stalls(settle).count(),
        stalled: sightings.stalls(settle).fold(0.0, |sum, freeze| sum + freeze.millis),
        stalls_while_settling: sightings.freezes.len() - sightings.stalls(settle).count(),
        unreadable: sightings.unreadable,
        errors: sightings.errors.clone(),
    }
}
