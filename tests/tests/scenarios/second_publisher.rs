//! A second encoder comes with the key of a stream that is on air.

use std::time::Duration;

use reqwest::Method;
use scenarios::{Publisher, Relay, Source, Stream, Weir, encode};
use serde_json::json;

/// How soon an encoder must know that it isn't wanted.
const SOON: Duration = Duration::from_secs(15);
/// Longer than a publisher may be silent and keep its stream.
const SILENCE: Duration = Duration::from_secs(3);

/// Waits until the encoder is told that it is not wanted; answers what it showed of it.
async fn told(mut publisher: Publisher) -> String {
    let (status, said) = publisher.ends(SOON).await;
    assert!(!status.success(), "it went on to its end:\n{said}");
    let line = said.lines().find(|line| line.contains("Server error"));
    line.unwrap_or_else(|| panic!("ffmpeg was told nothing:\n{said}")).to_owned()
}

/// Waits until Weir gets pictures of this size.
async fn on_air(stream: &Stream, (width, height): (u32, u32)) {
    let what = format!("{width}x{height} comes in");
    stream
        .reports(&what, |status| {
            let ingest = &status["ingest"];
            ingest["width"] == width && ingest["height"] == height
        })
        .await;
}

fn source(size: (u32, u32)) -> Vec<String> {
    encode(&Source { size: Some(size), seconds: 90, ..Source::default() })
}

#[tokio::test]
async fn it_takes_over_from_its_own_address_and_from_the_silent_unseen_by_viewers() {
    let mut weir = Weir::start().await;
    let elsewhere = Relay::start(weir.rtmp_port(), [127, 0, 0, 2].into()).await;
    let stream = weir.api().create("taken over").await;
    let mut from_elsewhere = stream.clone();
    from_elsewhere.rtmp_url = format!("rtmp://127.0.0.1:{}/live", elsewhere.port());
    let mut player = stream.watch();

    let first = stream.publish(source((640, 360)));
    player.segments(2).await;
    let second = stream.publish(source((480, 270)));
    let why = told(first).await;
    assert!(why.contains("taken over"), "{why}");
    on_air(&stream, (480, 270)).await;
    let before = player.count();
    player.segments(before + 2).await;

    let why = told(from_elsewhere.publish(source((320, 180)))).await;
    assert!(why.contains("already"), "{why}");
    second.pause();
    tokio::time::sleep(SILENCE).await;
    let mut third = from_elsewhere.publish(source((320, 180)));
    on_air(&stream, (320, 180)).await;
    let before = player.count();
    player.segments(before + 2).await;
    third.assert_running();
    assert_eq!(stream.post("stop").await.code, 200);
    player.ended().await;

    let recording = player.finish();
    for pair in recording.segments.windows(2) {
        assert_eq!(pair[1].entry.msn, pair[0].entry.msn + 1, "a segment is missing");
    }
    recording.assert_seamless().await;
    weir.assert_healthy().await;
}

#[tokio::test]
async fn it_is_refused_where_the_stream_says_so_and_the_first_goes_on() {
    let weir = Weir::start().await;
    let stream = weir.api().create("mine").await;
    let options = json!({ "secondPublisher": "reject" });
    let changed = weir.api().call(Method::PATCH, &format!("/api/live/{}", stream.id), Some(options)).await;
    assert_eq!(changed.code, 200, "{}", changed.text);
    let mut player = stream.watch();
    let mut first = stream.publish(source((640, 360)));
    player.segments(1).await;
    let why = told(stream.publish(source((640, 360)))).await;
    assert!(why.contains("already"), "{why}");
    first.assert_running();
    let before = player.count();
    player.segments(before + 2).await;
    player.finish().assert_paced();
    first.stop().await;
}
