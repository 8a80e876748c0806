//! `make crash`: a server that is killed again and again, at any moment.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scenarios::{HlsPoller, SeaweedFs, Source, Weir, number_from_env, play_file};

#[tokio::test]
#[ignore = "takes minutes: `make crash`"]
async fn a_playlist_goes_on_however_often_the_server_is_killed() {
    let (rounds, seed) = (number_from_env("CRASH_ROUNDS", 200), number_from_env("CRASH_SEED", 1));
    println!("{rounds} rounds of seed {seed} (CRASH_ROUNDS, CRASH_SEED)");
    let mut random = StdRng::seed_from_u64(seed);
    let store = SeaweedFs::bucket("crash-rounds").await;
    let weir = Weir::builder().objects_in(&store);
    let weir = weir.env("WEIR_SEGMENT_DURATION", 1).env("WEIR_RECONNECT_WINDOW", 60);
    let weir = weir.env("WEIR_VIDEO_BITRATE", 200_000).env("WEIR_PLAYLIST_WINDOW", 60);
    let mut weir = weir.start().await;
    let stream = weir.api().create("crash").await;
    let source =
        play_file(&Source { size: Some((160, 90)), seconds: 60, audio: None, ..Source::default() }).await;
    let mut player = stream.watch_s3();
    let mut publisher = stream.publish(source.clone());
    player.segments(1).await;
    let (begun, mut recovered) = (Instant::now(), 0);
    for round in 1..=rounds {
        // Before the publisher is in, while the first segment is made, stored, kept or listed, and after.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..2500))).await;
        weir = weir.crash_and_restart().await;
        recovered += weir.metric("weir_broadcasts_recovered_total", "").await as u64;
        let status = stream.status().await;
        assert_eq!(status["status"], "LIVE", "round {round}: {status}");
        let mut origin = HlsPoller::start(&weir.url(&format!("/live/{}/index.m3u8", stream.id)));
        origin.segments(1).await;
        origin.finish();
        player.assert_right();
        publisher.kill().await;
        publisher = stream.publish(source.clone());
    }
    let before = player.count();
    player.segments(before + 3).await;
    assert_eq!(stream.post("stop").await.code, 200);
    player.ended().await;
    publisher.kill().await;
    let recording = player.finish();
    let (gaps, stored): (Vec<_>, Vec<_>) = recording.segments.iter().partition(|segment| segment.entry.gap);
    let seams = stored.iter().filter(|segment| segment.entry.discontinuity).count();
    println!(
        "{rounds} kills in {:.0?}: {recovered} broadcasts recovered, {} versions read, {} segments fetched, {} gaps, {seams} \
         discontinuities, 0 violations",
        begun.elapsed(),
        recording.versions.len(),
        stored.len(),
        gaps.len(),
    );
    assert_eq!(recovered, rounds, "each restart finds the broadcast");
    assert!(seams as u64 <= rounds);
    weir.assert_healthy().await;
}
