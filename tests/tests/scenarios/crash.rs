//! A server that is killed while streams are live, and started again.

use scenarios::{HlsPoller, SeaweedFs, Source, Weir, encode, probe};

#[tokio::test]
async fn a_broadcast_goes_on_after_a_crash_when_its_publisher_is_back() {
    let store = SeaweedFs::bucket("crash").await;
    let weir = Weir::builder().objects_in(&store);
    let weir = weir.env("WEIR_RECONNECT_WINDOW", 30).start().await;
    let stream = weir.api().create("crash").await;
    let source = Source { seconds: 60, ..Source::default() };
    let _publisher = stream.publish(encode(&source));
    // It reads the bucket's playlist throughout, and checks that each version continues the one before.
    let mut player = stream.watch_s3();
    player.segments(3).await;
    let before = player.count();

    let mut weir = weir.crash_and_restart().await;
    let status = stream.status().await;
    assert_eq!((&status["status"], &status["reconnecting"]), (&"LIVE".into(), &true.into()), "{status}");
    // Whoever watches the origin still finds what was listed.
    let mut origin = HlsPoller::start(&weir.url(&format!("/live/{}/index.m3u8", stream.id)));
    origin.segments(3).await;
    let mut publisher = stream.publish(encode(&source));
    stream.reports("back", |status| status["reconnecting"] == false).await;
    player.segments(before + 6).await;
    assert_eq!(stream.post("stop").await.code, 200);
    player.ended().await;
    origin.ended().await;
    publisher.stop().await;

    let recording = player.finish();
    origin.finish().assert_same_media(&recording);
    let seams = recording.segments.iter().filter(|segment| segment.entry.discontinuity).count();
    assert_eq!(seams, 1, "one discontinuity");
    let gaps = recording.segments.iter().filter(|segment| segment.entry.gap).count();
    assert!((1..=4).contains(&gaps), "what was in hand is lost, and not more: {gaps}");
    for segment in recording.segments.iter().filter(|segment| !segment.entry.gap) {
        let found = probe(&segment.media).await;
        assert!(found.packets("video")[0].flags.contains('K'), "{} decodes", segment.entry.uri);
    }
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_broadcast_is_closed_after_a_crash_when_its_publisher_stays_away() {
    let store = SeaweedFs::bucket("crash-closed").await;
    let weir = Weir::builder().objects_in(&store);
    let weir = weir.start().await;
    let stream = weir.api().create("closed").await;
    let _publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    let mut player = stream.watch_s3();
    player.segments(2).await;
    let weir = weir.crash_and_restart().await;
    player.ended().await;
    let status = stream.reaches("READY").await;
    assert_eq!(status["endReason"]["code"], "interrupted", "{status}");
    player.finish();
    drop(weir);
}

#[tokio::test]
async fn a_crash_leaves_nothing_that_says_live_where_the_store_died_too() {
    let weir = Weir::start().await;
    let stream = weir.api().create("crash").await;
    let _publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    stream.reaches("LIVE").await;
    let weir = weir.crash_and_restart().await;
    let status = stream.reaches("READY").await;
    assert_eq!(status["isLiveNow"], false, "{status}");
    let mut player = HlsPoller::start(&weir.url(&format!("/live/{}/index.m3u8", stream.id)));
    let mut publisher = stream.publish(encode(&Source::default()));
    player.segments(1).await;
    player.finish();
    publisher.stop().await;
}
