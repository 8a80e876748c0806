//! SIGTERM, and life after it.

use std::time::Duration;

use scenarios::{Expected, Picture, SeaweedFs, Source, Weir, assert_broadcast, encode, eventually};

#[tokio::test]
async fn sigterm_while_live_finishes_the_broadcast_in_the_bucket() {
    let store = SeaweedFs::bucket("sigterm").await;
    let weir = Weir::builder().objects_in(&store);
    let mut weir = weir.start().await;
    let stream = weir.api().create("sigterm").await;
    let mut player = stream.watch_s3();
    let _publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(2).await;
    let before = player.count();
    let status = weir.terminate(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0), "{}", weir.log());
    player.ended().await;
    let recording = player.finish();
    assert!(recording.segments.len() > before, "the segment that was being made is there too");
    let picture = Picture { width: 320, height: 180, fps: 30.0 };
    assert_broadcast(&recording, Expected { picture: Some(picture), sound: true, segments: 3 }).await;
}

#[tokio::test]
async fn a_drain_waits_for_those_on_air_and_lets_nobody_in() {
    let mut weir = Weir::builder().env("WEIR_DRAIN", 60).start().await;
    let (stream, other) = (weir.api().create("on air").await, weir.api().create("late").await);
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(1).await;
    weir.ask_to_stop().await;
    eventually("not ready", Duration::from_secs(5), || async {
        (weir.anonymous().get("/readyz").await.code == 503).then_some(())
    })
    .await;
    let (status, said) = other.publish(encode(&Source::default())).ends(Duration::from_secs(10)).await;
    assert!(!status.success() && said.contains("Server error"), "{said}");
    let before = player.count();
    player.segments(before + 2).await;
    publisher.assert_running();
    player.finish();
    publisher.stop().await;
    let status = weir.exits(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(0), "{}", weir.log());
}

#[tokio::test]
async fn sigterm_while_idle_is_quick() {
    let mut weir = Weir::start().await;
    let status = weir.terminate(Duration::from_secs(3)).await;
    assert_eq!(status.code(), Some(0), "{}", weir.log());
}
