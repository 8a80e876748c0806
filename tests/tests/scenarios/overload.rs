//! An encoder that can't keep up with real time.

use std::time::Duration;

use scenarios::{Source, Weir, continuity_errors, decode_warnings, encode, eventually, play_file, probe};

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
    // The reader has checked each playlist. One stream comes of it all, and its sound is whole.
    let media = player.finish().concatenated();
    assert_eq!(continuity_errors(&media).await, 0);
    assert_eq!(decode_warnings(&media).await, "");
    let probe = probe(&media).await;
    let (video, sound) = (probe.packets("video"), probe.packets("audio"));
    let gap = sound.windows(2).find(|pair| pair[1].pts - pair[0].pts != AAC_FRAME);
    assert!(gap.is_none(), "{gap:?}");
    let apart = video.last().unwrap().pts - sound.last().unwrap().pts;
    assert!(apart.abs() < 90_000 / 4, "{apart} ticks between the last picture and the last sound");
    weir.assert_healthy().await;
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
