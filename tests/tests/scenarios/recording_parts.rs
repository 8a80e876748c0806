//! Recordings that are large enough to be stored in parts, each of 8 MiB, while the broadcast runs.

use std::time::{Duration, Instant};

use scenarios::{Fault, FaultProxy, SeaweedFs, Source, Weir, encode, probe};

use crate::recording::{assert_plays, download, ready};

/// Parts come every three seconds, of grain that no encoder can make small.
fn grain() -> Vec<String> {
    let mut args = encode(&Source { seconds: 120, ..Source::default() });
    args.extend("-vf noise=alls=60:allf=t -b:v 24M".split(' ').map(str::to_owned));
    args
}

#[tokio::test]
async fn a_recording_in_parts_outlives_a_store_that_fails_and_a_server_that_dies() {
    let store = SeaweedFs::bucket("parts").await;
    let proxy = FaultProxy::start(store.port()).await;
    let weir = Weir::builder()
        .objects_through(proxy.port(), &store)
        .fast_video(24_000_000)
        .env("WEIR_RECORD", true)
        .env("WEIR_SEGMENT_DURATION", 1)
        .env("WEIR_PLAYLIST_WINDOW", 60)
        .env("WEIR_RECONNECT_WINDOW", 30);
    let weir = weir.start().await;
    let stream = weir.api().create("parts").await;
    let (mut player, mut origin) = (stream.watch_s3(), stream.watch());
    let _publisher = stream.publish(grain());

    // The store refuses the file alone: the recording says why it waits, and viewers notice nothing.
    proxy.set(Fault::ResetPath("/recordings/"));
    let status = stream.reports("its trouble", |status| status["recording"]["reason"].is_string()).await;
    assert_eq!(status["status"], "LIVE", "{status}");
    assert_eq!(status["recording"]["state"], "RECORDING", "{status}");
    let reason = status["recording"]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("the object store") && reason.contains(".mp4"), "{status}");
    // Then it is gone for longer than a segment.
    proxy.set(Fault::Refuse);
    let seen = origin.count();
    origin.segments(seen + 2).await;
    proxy.set(Fault::None);
    let stored = || async { (weir.metric("weir_recording_parts_total", "").await >= 1.0).then_some(()) };
    scenarios::eventually("a part", Duration::from_secs(30), stored).await;
    origin.finish();

    let before = player.count();
    let mut weir = weir.crash_and_restart().await;
    let mut publisher = stream.publish(grain());
    player.segments(before + 4).await;
    assert_eq!(stream.post("stop").await.code, 200);
    let ended = Instant::now();
    let recording = ready(&weir, &stream, 1).await;
    println!("ready {:.2} s after the end: {recording}", ended.elapsed().as_secs_f64());
    player.ended().await;
    publisher.stop().await;

    assert!(recording["reason"].is_null(), "{recording}");
    let movie = download(&recording).await;
    let seen = player.finish();
    let listed: f64 = seen.segments.iter().map(|segment| segment.entry.duration).sum();
    assert_plays(&movie, &recording, listed).await;
    let mut pictures = 0;
    for segment in seen.segments.iter().filter(|segment| !segment.entry.gap) {
        pictures += probe(&segment.media).await.packets("video").len();
    }
    assert_eq!(movie.probe().await["streams"][0]["nb_read_packets"], pictures.to_string());
    assert_eq!(weir.log().matches("begins anew").count(), 0, "it went on in the same upload");
    weir.assert_healthy().await;
}
