//! An encoder that can't keep up with real time.

#![allow(clippy::print_stdout)]

use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

use scenarios::{
    Recording, Source, Weir, continuity_errors, decode_warnings, encode, eventually, play_file,
    play_file_in_a_loop, probe,
};

/// How soon an encoder must know that there is no room for it.
const SOON: Duration = Duration::from_secs(15);
/// Samples of an AAC frame at 48 kHz, in ticks of 90 kHz.
const AAC_FRAME: i64 = 1920;
/// What waits for the encoder until its preset is a faster one must be worked off again to this.
const LAG_MS: u64 = 1000;

#[tokio::test]
async fn pictures_and_effort_are_spared_and_the_stream_goes_on() {
    // No machine encodes 720p in real time with this preset on one thread.
    let mut weir = Weir::builder().env("WEIR_VIDEO_PRESET", "placebo").start().await;
    let stream = weir.api().create("too much").await;
    let mut player = stream.watch();
    let source = Source { size: Some((1280, 720)), seconds: 60, ..Source::default() };
    let mut publisher = stream.publish(play_file(&source).await);
    let skips = |status: &serde_json::Value| status["encode"]["framesSkipped"].as_u64() > Some(0);
    stream.reports("pictures left out", skips).await;
    let recovers = |status: &serde_json::Value| {
        let encode = &status["encode"];
        encode["preset"].as_str().is_some_and(|preset| preset.ends_with("fast"))
            && encode["lagMs"].as_u64().is_some_and(|lag| lag < LAG_MS)
    };
    stream.reports("a faster preset that catches up", recovers).await;
    assert!(weir.metric("weir_encode_skipped_frames", &stream.id).await > 0.0);
    publisher.stop().await;
    player.ended().await;
    assert!(weir.log().contains("encoding falls behind real time"));
    assert_whole(&player.finish(), 0.25).await;
    weir.assert_healthy().await;
}

/// The reader has checked each playlist. One stream comes of it all, its sound is whole, and the last picture isn't further
/// from the last sound than so many seconds.
async fn assert_whole(recording: &Recording, apart: f64) {
    let media = recording.concatenated();
    assert_eq!(continuity_errors(&media).await, 0);
    assert_eq!(decode_warnings(&media).await, "");
    let probe = probe(&media).await;
    let (video, sound) = (probe.packets("video"), probe.packets("audio"));
    let gap = sound.windows(2).find(|pair| pair[1].pts - pair[0].pts != AAC_FRAME);
    assert!(gap.is_none(), "{gap:?}");
    let last = (video.last().unwrap().pts - sound.last().unwrap().pts) as f64 / 90_000.0;
    assert!(last.abs() < apart, "{last} s between the last picture and the last sound");
}

/// Somebody who wants all of the first core, until dropped.
struct Busy(Child);

impl Busy {
    /// Leaves half of that core to `pid`, and no other.
    fn beside(pid: &str) -> Self {
        let pinned = Command::new("taskset").args(["-a", "-p", "-c", "0", pid]).output().unwrap();
        assert!(pinned.status.success(), "{}", String::from_utf8_lossy(&pinned.stderr));
        let busy = Command::new("taskset").args(["-c", "0", "sh", "-c", "while :; do :; done"]).spawn();
        Self(busy.unwrap())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "encodes 4K60 first, which takes minutes: `make heavy`"]
async fn what_cannot_be_decoded_in_time_keeps_its_latency() {
    let size = Some((3840, 2160));
    let source = Source { size, fps: "60", seconds: 6, heavy: true, ..Source::default() };
    let source = play_file_in_a_loop(&source).await;
    let mut weir = Weir::start().await;
    let pid = weir.proc("").file_name().unwrap().to_str().unwrap().to_owned();
    let busy = Busy::beside(&pid);
    let stream = weir.api().create("too heavy").await;
    let mut publisher = stream.publish(source);
    let mut player = stream.watch();
    player.segments(1).await;
    let (begun, mut lags, mut skips) = (Instant::now(), Vec::new(), Vec::new());
    while begun.elapsed() < Duration::from_secs(90) {
        let encode = stream.status().await["encode"].take();
        lags.push(encode["lagMs"].as_u64().unwrap());
        skips.push(encode["decodeSkip"].as_str().unwrap().to_owned());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    publisher.assert_running();
    drop(busy);
    publisher.stop().await;
    player.ended().await;
    let recording = player.finish();
    lags.sort_unstable();
    let mut late: Vec<_> = recording.segments.iter().map(lateness).collect();
    late.sort_by(f64::total_cmp);
    let at = |part: usize| (lags[(lags.len() - 1) * part / 100], late[(late.len() - 1) * part / 100]);
    println!(
        "ms that packets waited, s that segments were listed after their end: p50 {:?}, p95 {:?}, max {:?}",
        at(50),
        at(95),
        at(100)
    );
    skips.dedup();
    println!("left out of decoding, in turns: {skips:?}");
    assert!(skips.iter().any(|skip| skip == "nonKey"), "half a core is too little");
    assert!(at(95).1 < 4.0, "segments come late");
    // A picture stays for 0.7 s.
    assert_whole(&recording, 0.8).await;
    weir.assert_healthy().await;
}

/// Seconds from the end of a segment, by its PROGRAM-DATE-TIME, until it was listed.
fn lateness(segment: &scenarios::Segment) -> f64 {
    let listed = SystemTime::now() - segment.listed.elapsed();
    let listed = listed.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    listed - (segment.entry.date.unwrap() as f64 / 1e6 + segment.entry.duration)
}

#[tokio::test]
async fn a_publisher_without_room_is_refused_and_one_who_returns_is_not() {
    let weir = Weir::builder()
        .env("WEIR_MAX_LOAD", 1)
        .env("WEIR_VIDEO_PRESET", "slower")
        .env("WEIR_RECONNECT_WINDOW", 30);
    let weir = weir.start().await;
    let (stream, other) = (weir.api().create("on air").await, weir.api().create("no room").await);
    let source = || encode(&Source { size: Some((1280, 720)), seconds: 60, ..Source::default() });
    let mut publisher = stream.publish(source());
    stream.reaches("LIVE").await;
    eventually("the load shows", SOON, || async {
        (weir.metric("weir_processor_load_ratio", "").await > 0.01).then_some(())
    })
    .await;
    let (status, said) = other.publish(source()).ends(SOON).await;
    assert!(!status.success() && said.contains("server is full"), "{said}");
    assert!(weir.log().contains("WEIR_MAX_LOAD"));
    publisher.kill().await;
    stream.reports("reconnecting", |status| status["reconnecting"] == true).await;
    let mut publisher = stream.publish(source());
    stream.reports("back", |status| status["reconnecting"] == false).await;
    publisher.stop().await;
}
