//! Many streams at once: each gets its own picture, and none waits for another.

use std::time::Duration;

use scenarios::{Expected, Picture, SeaweedFs, Source, Weir, WeirBuilder, assert_broadcast, play_file};

#[tokio::test]
async fn two_streams_share_a_bucket() {
    let store = SeaweedFs::bucket("two").await;
    let weir = Weir::builder().objects_in(&store);
    publish_together(weir, &[(640, 360), (480, 270)], true).await;
}

#[tokio::test]
async fn four_streams_share_a_server() {
    publish_together(Weir::builder(), &[(640, 360), (480, 270), (320, 240), (426, 240)], false).await;
}

/// Publishes pictures of different sizes at the same time, so that a mix-up shows.
async fn publish_together(weir: WeirBuilder, sizes: &[(u32, u32)], from_bucket: bool) {
    let mut weir = weir.start().await;
    let mut running = Vec::new();
    for &size in sizes {
        let stream = weir.api().create(&format!("{size:?}")).await;
        let player = if from_bucket { stream.watch_s3() } else { stream.watch() };
        let publisher =
            stream.publish(play_file(&Source { size: Some(size), seconds: 30, ..Source::default() }).await);
        running.push((size, stream, player, publisher));
    }
    for (_, stream, ..) in &running {
        stream.reaches("LIVE").await;
    }
    let listed = weir.api().get("/api/live").await.json();
    let live = listed["streams"].as_array().unwrap().iter().filter(|stream| stream["isLiveNow"] == true);
    assert_eq!(live.count(), sizes.len(), "{listed}");
    for (_, stream, player, _) in &mut running {
        player.segments(4).await;
        assert_eq!(stream.post("stop").await.code, 200);
    }
    for ((width, height), _, mut player, _) in running {
        player.ended().await;
        let recording = player.finish();
        recording.assert_steady(Duration::from_secs(6));
        let picture = Some(Picture { width, height, fps: 30.0 });
        assert_broadcast(&recording, Expected { picture, sound: true, segments: 4 }).await;
    }
    weir.assert_healthy().await;
}
