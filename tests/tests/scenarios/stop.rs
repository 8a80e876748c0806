//! How a broadcast ends: by its encoder, or by the API.

use std::time::Duration;

use scenarios::{Expected, Picture, Source, Weir, assert_broadcast, encode, play_file};

const PICTURE: Picture = Picture { width: 320, height: 180, fps: 30.0 };

#[tokio::test]
async fn stop_ends_the_playlist_and_keeps_the_encoder_out() {
    let weir = Weir::start().await;
    let stream = weir.api().create("stopped").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(2).await;
    let stopped = stream.post("stop").await;
    assert_eq!(stopped.code, 200, "{}", stopped.text);
    player.ended().await;
    publisher.ends(Duration::from_secs(15)).await;
    let status = stream.reaches("READY").await;
    assert_eq!(status["armed"], false, "{status}");
    assert_eq!(status["isLiveNow"], false, "{status}");
    assert!(status["endReason"]["code"].is_string(), "{status}");
    assert!(status["endedAt"].is_string(), "{status}");
    let expected = Expected { picture: Some(PICTURE), sound: true, segments: 2 };
    assert_broadcast(&player.finish(), expected).await;

    let mut again = stream.publish(encode(&Source::default()));
    let (ended, said) = again.ends(Duration::from_secs(15)).await;
    assert!(!ended.success() && said.contains("Server error"), "it was let in again:\n{said}");
    assert_eq!(stream.status().await["status"], "READY");
}

#[tokio::test]
async fn stop_without_a_broadcast_is_no_mistake() {
    let weir = Weir::start().await;
    let stream = weir.api().create("idle").await;
    for _ in 0..2 {
        assert_eq!(stream.post("stop").await.code, 200);
        assert_eq!(stream.status().await["armed"], false);
    }
}

#[tokio::test]
async fn a_later_broadcast_never_reuses_a_name() {
    let weir = Weir::start().await;
    let stream = weir.api().create("twice").await;
    let source = Source { seconds: 5, ..Source::default() };
    let (mut names, mut ended) = (Vec::new(), serde_json::Value::Null);
    for _ in 0..2 {
        stream.publish(play_file(&source).await).finishes().await;
        let over = |status: &serde_json::Value| status["status"] == "READY" && status["endedAt"] != ended;
        ended = stream.reports("the broadcast's end", over).await["endedAt"].clone();
        // Read only now: a playlist that has ended may start anew, which no strict reader forgives.
        let mut player = stream.watch();
        player.ended().await;
        names.extend(player.finish().segments.into_iter().map(|segment| segment.entry.uri));
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "a name was used twice: {names:?}");
}
