//! Media whose clock or codecs do what they should not, and what viewers then get: whole segments of
//! 2 s on a clock that only goes forward.

use std::path::PathBuf;
use std::time::Duration;

use scenarios::rtmp_client::publish;
use scenarios::{Expected, Picture, RtmpClient, Source, Tag, Weir, assert_broadcast, flv_tags, source_file};

const SMALL: (u32, u32) = (320, 180);
const PICTURE: Picture = Picture { width: 320, height: 180, fps: 30.0 };
const SECONDS: u32 = 8;

async fn tags(size: (u32, u32)) -> Vec<Tag> {
    let source = Source { size: Some(size), b_frames: 2, seconds: SECONDS, ..Source::default() };
    let file: PathBuf = source_file(&source).await;
    flv_tags(&file)
}

/// Publishes the tags as fast as the server takes them, and asserts that a player gets a whole broadcast.
async fn assert_watchable(weir: &Weir, name: &str, tags: &[Tag], expected: Expected) {
    let stream = weir.api().create(name).await;
    let mut player = stream.watch();
    let mut client = RtmpClient::connect(weir.rtmp_port()).await;
    client.publish(&stream.key).await;
    for tag in tags {
        client.send(&tag.message()).await;
    }
    // The answer comes when all before it was taken.
    client.send(&publish(b"again")).await.hears("already publishes").await;
    drop(client);
    player.ended().await;
    assert_broadcast(&player.finish(), expected).await;
}

fn both(segments: usize) -> Expected {
    Expected { picture: Some(PICTURE), sound: true, segments }
}

#[tokio::test]
async fn clocks_that_start_late_wrap_and_jump_make_whole_segments() {
    let mut weir = Weir::builder().env("WEIR_RECONNECT_WINDOW", 0).start().await;
    let tags = tags(SMALL).await;
    let half = SECONDS * 500;
    let shifted = |by: &dyn Fn(u32) -> u32| -> Vec<Tag> {
        tags.iter().map(|tag| Tag { timestamp: by(tag.timestamp), ..tag.clone() }).collect()
    };
    let later = |at: u32, by: u32| if at < half { at } else { at.wrapping_add(by) };
    for (name, tags) in [
        ("wraps at 2^32 ms", shifted(&|at| at.wrapping_sub(half))),
        ("crosses 24 bits", shifted(&|at| at + 0xFF_FFFF - half)),
        ("jumps a minute ahead", shifted(&|at| later(at, 60_000))),
        ("jumps three hours ahead", shifted(&|at| later(at, 3 * 3_600_000))),
        (
            "goes back a minute",
            shifted(&|at| later(at.wrapping_add(90_000), 0).wrapping_sub(60_000 * u32::from(at >= half))),
        ),
    ] {
        assert_watchable(&weir, name, &tags, both(4)).await;
    }
    weir.assert_healthy().await;
}

#[tokio::test]
async fn pictures_shown_before_they_are_decoded_make_whole_segments() {
    let mut weir = Weir::builder().env("WEIR_RECONNECT_WINDOW", 0).start().await;
    let mut tags = tags(SMALL).await;
    // The encoder's composition offsets, less what would make them all positive.
    for tag in tags.iter_mut().filter(|tag| tag.type_id == 9 && !tag.is_configuration()) {
        let offset = i32::from_be_bytes([tag.data[2], tag.data[3], tag.data[4], 0]) >> 8;
        tag.data[2..5].copy_from_slice(&(offset - 67).to_be_bytes()[1..]);
    }
    assert_watchable(&weir, "negative composition offsets", &tags, both(4)).await;
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_picture_that_changes_its_size_goes_on_in_the_same_broadcast() {
    let mut weir = Weir::builder().env("WEIR_RECONNECT_WINDOW", 0).start().await;
    let (small, large) = (tags(SMALL).await, tags((640, 360)).await);
    let after = SECONDS * 1000;
    let rest = large.into_iter().map(|tag| Tag { timestamp: tag.timestamp + after, ..tag });
    let changing: Vec<Tag> = small.into_iter().chain(rest).collect();
    assert_watchable(&weir, "another size", &changing, both(8)).await;
    weir.assert_healthy().await;
}

#[tokio::test]
async fn pictures_without_a_configuration_leave_the_sound() {
    let mut weir = Weir::builder().env("WEIR_RECONNECT_WINDOW", 0).start().await;
    let tags: Vec<Tag> =
        tags(SMALL).await.into_iter().filter(|tag| tag.type_id == 8 || !tag.is_configuration()).collect();
    assert_watchable(&weir, "no configuration", &tags, Expected { picture: None, sound: true, segments: 3 })
        .await;
    assert!(weir.metric("weir_ingest_faults_total", "unconfigured_access_unit").await >= 200.0);
    weir.assert_healthy().await;
}

/// An encoder that sends a minute at once is held back by TCP, and what waits stays bounded.
#[tokio::test]
async fn a_sender_faster_than_the_encoder_is_held_back() {
    let mut weir =
        Weir::builder().env("WEIR_RECONNECT_WINDOW", 0).env("WEIR_PLAYLIST_WINDOW", 40).start().await;
    let once = tags(SMALL).await;
    let copies = 6;
    let many: Vec<Tag> = (0..copies)
        .flat_map(|copy| {
            let later = copy * SECONDS * 1000;
            once.iter().map(move |tag| Tag { timestamp: tag.timestamp + later, ..tag.clone() })
        })
        .collect();
    let stream = weir.api().create("fast").await;
    let mut player = stream.watch();
    let mut client = RtmpClient::connect(weir.rtmp_port()).await;
    client.publish(&stream.key).await;
    let started = std::time::Instant::now();
    for tag in &many {
        client.send(&tag.message()).await;
    }
    client.send(&publish(b"again")).await.hears("already publishes").await;
    let sent = started.elapsed();
    drop(client);
    player.ended().await;
    assert!(
        sent < Duration::from_secs(u64::from(copies * SECONDS)),
        "it was sent faster than it plays: {sent:?}"
    );
    assert_broadcast(&player.finish(), both(24)).await;
    assert_eq!(weir.metric("weir_encode_dropped_frames", "").await, 0.0, "no frame was dropped for it");
    weir.assert_healthy().await;
}
