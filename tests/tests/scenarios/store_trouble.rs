//! An object store, and a network before it, in every kind of trouble. Players read the bucket past it.

use std::time::Duration;

use reqwest::StatusCode;
use scenarios::{
    Fault, FaultProxy, KeyFault, KeyFaults, SeaweedFs, Source, Stream, Weir, WeirBuilder, encode,
};
use serde_json::Value;

use crate::recording::{assert_plays, download, ready};

/// A Weir with segments of a second that reaches its bucket through the proxy.
async fn weir(store: &SeaweedFs) -> (Weir, FaultProxy) {
    let proxy = FaultProxy::start(store.port()).await;
    (behind(store, proxy.port()).await, proxy)
}

/// The same, with the bucket behind any port.
async fn behind(store: &SeaweedFs, port: u16) -> Weir {
    builder(store, port).start().await
}

fn builder(store: &SeaweedFs, port: u16) -> WeirBuilder {
    Weir::builder()
        .objects_through(port, store)
        .env("WEIR_SEGMENT_DURATION", 1)
        .env("WEIR_PLAYLIST_WINDOW", 60)
        .env("WEIR_UPLOAD_QUEUE_DURATION", 5)
}

fn source() -> Vec<String> {
    encode(&Source { size: Some((320, 180)), seconds: 120, ..Source::default() })
}

fn waiting(status: &Value) -> u64 {
    status["upload"]["pendingSegments"].as_u64().unwrap_or_default()
}

async fn all_is_stored(stream: &Stream) {
    stream.reports("nothing waits", |status| waiting(status) == 0).await;
}

#[tokio::test]
async fn an_object_store_in_trouble_delays_what_fits_the_queue_and_loses_none_of_it() {
    let store = SeaweedFs::bucket("trouble").await;
    let (mut weir, proxy) = weir(&store).await;
    let stream = weir.api().create("trouble").await;
    let mut publisher = stream.publish(source());
    let (mut bucket, mut origin) = (stream.watch_s3(), stream.watch());
    bucket.segments(1).await;
    for fault in [
        Fault::Status(503),
        Fault::Reset,
        Fault::Truncate(20),
        Fault::Status(403),
        Fault::Refuse,
        Fault::Latency(Duration::from_millis(700)),
    ] {
        proxy.set(fault);
        let seen = origin.count();
        // Viewers of the origin notice nothing.
        origin.segments(seen + 2).await;
        proxy.set(Fault::None);
        all_is_stored(&stream).await;
    }
    publisher.stop().await;
    bucket.ended().await;
    origin.ended().await;
    let recording = bucket.finish();
    let origin = origin.finish();
    origin.assert_paced();
    origin.assert_same_media(&recording);
    assert!(recording.segments.iter().all(|segment| !segment.entry.gap));
    assert!(weir.metric("weir_upload_failures_total", "").await > 0.0);
    assert_eq!(weir.metric("weir_upload_segments_dropped_total", "").await, 0.0);
    weir.assert_healthy().await;
}

#[tokio::test]
async fn what_an_outage_leaves_no_room_for_is_a_gap_and_the_rest_comes_in_order() {
    let store = SeaweedFs::bucket("outage").await;
    let (mut weir, proxy) = weir(&store).await;
    let stream = weir.api().create("outage").await;
    let mut publisher = stream.publish(source());
    let mut bucket = stream.watch_s3();
    bucket.segments(1).await;
    proxy.set(Fault::BlackHole);
    let dropped = |status: &Value| status["upload"]["segmentsDropped"].as_u64().unwrap_or_default();
    let status = stream.reports("some had to make room", |status| dropped(status) >= 2).await;
    assert!(waiting(&status) <= 5, "{status}");
    proxy.set(Fault::None);
    all_is_stored(&stream).await;
    let lost = dropped(&stream.status().await);
    publisher.stop().await;
    bucket.ended().await;
    let recording = bucket.finish();
    let gaps = recording.segments.iter().filter(|segment| segment.entry.gap).count() as u64;
    assert_eq!(gaps, lost, "each that was given up has its place");
    assert_eq!(weir.metric("weir_upload_segments_dropped_total", "").await, lost as f64);
    assert_eq!(weir.log().matches("too many segments wait").count(), 1, "told once an episode");
    weir.assert_healthy().await;
}

#[tokio::test]
async fn the_end_of_a_broadcast_reaches_a_store_that_is_away_when_it_comes() {
    let store = SeaweedFs::bucket("late").await;
    let proxy = FaultProxy::start(store.port()).await;
    let mut weir = builder(&store, proxy.port()).env("WEIR_RECORD", true).start().await;
    let stream = weir.api().create("late").await;
    let mut publisher = stream.publish(source());
    let mut bucket = stream.watch_s3();
    bucket.segments(2).await;
    proxy.set(Fault::BlackHole);
    stream.reports("a segment waits", |status| waiting(status) > 0).await;
    publisher.stop().await;
    // The stream is over without the store.
    stream.reaches("READY").await;
    assert!(weir.log().contains("has not taken the last segments yet"));
    let folder = |url: &str| url.rsplit_once('/').unwrap().0.to_owned();
    let vod = format!("{}/vod.m3u8", folder(&stream.playback_url));
    let waits = reqwest::get(&vod).await.unwrap().text().await.unwrap();
    assert!(!waits.contains("ENDLIST"), "more is to come: {waits}");
    proxy.set(Fault::None);
    bucket.ended().await;
    let seen = bucket.finish();
    assert!(seen.segments.iter().all(|segment| !segment.entry.gap));
    // So is what is kept.
    let recording = ready(&weir, &stream, 1).await;
    let listed: f64 = seen.segments.iter().map(|segment| segment.entry.duration).sum();
    assert_plays(&download(&recording).await, &recording, listed).await;
    for url in [vod, format!("{}/vod.m3u8", folder(stream.s3_playback_url.as_deref().unwrap()))] {
        let kept = reqwest::get(&url).await.unwrap().text().await.unwrap();
        assert_eq!(kept.matches("#EXTINF").count(), seen.segments.len(), "{kept}");
        assert!(kept.ends_with("#EXT-X-ENDLIST\n"), "{kept}");
    }
    assert_eq!(weir.metric("weir_upload_segments_dropped_total", "").await, 0.0);
    weir.assert_healthy().await;
}

#[tokio::test]
async fn one_streams_trouble_with_its_objects_is_not_anothers() {
    let store = SeaweedFs::bucket("neighbors").await;
    let front = KeyFaults::start(store.port()).await;
    let mut weir = behind(&store, front.port()).await;
    let (unlucky, lucky) = (weir.api().create("unlucky").await, weir.api().create("lucky").await);
    let mut publishers = [unlucky.publish(source()), lucky.publish(source())];
    let (mut theirs, mut ours) = (unlucky.watch_s3(), lucky.watch_s3());
    theirs.segments(1).await;
    ours.segments(1).await;
    let keys = format!("/live/{}/", unlucky.id);
    for fault in [
        KeyFault::Slow(keys.clone(), Duration::from_secs(60)),
        KeyFault::Refused(keys, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        front.set(fault);
        unlucky.reports("segments wait", |status| waiting(status) >= 2).await;
        let seen = ours.count();
        ours.segments(seen + 2).await;
        let status = lucky.status().await;
        assert!(status["upload"]["retries"] == 0 && waiting(&status) <= 1, "{status}");
    }
    front.set(KeyFault::None);
    all_is_stored(&unlucky).await;
    for publisher in &mut publishers {
        publisher.stop().await;
    }
    theirs.ended().await;
    ours.ended().await;
    theirs.finish();
    let ours = ours.finish();
    assert!(ours.segments.iter().all(|segment| !segment.entry.gap));
    weir.assert_healthy().await;
}
