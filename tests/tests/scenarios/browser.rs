//! A viewer: headless Chromium on the player page.

use std::time::{Duration, Instant};

use scenarios::{Browser, Source, Weir, encode, eventually};
use serde_json::Value;

/// Where the video is and a fingerprint of its picture.
const LOOK: &str = r"
    const video = document.querySelector('video');
    if (!video || video.readyState < 2 || !video.videoWidth) return null;
    const canvas = document.createElement('canvas');
    canvas.width = 64; canvas.height = 36;
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 64, 36);
    const pixels = Array.from(context.getImageData(0, 0, 64, 36).data);
    return { at: video.currentTime, width: video.videoWidth, height: video.videoHeight, pixels };
";

#[tokio::test]
async fn the_player_page_shows_a_moving_picture() {
    let weir = Weir::start().await;
    let stream = weir.api().create("watched").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 120, ..Source::default() }));
    player.segments(1).await;
    let browser = Browser::open(&weir.url(&format!("/live/{}", stream.id))).await;
    let look = || async { Some(browser.run(LOOK).await).filter(|seen| !seen.is_null()) };
    let first: Value = eventually("a first picture", Duration::from_secs(40), look).await;
    assert_eq!((first["width"].as_u64(), first["height"].as_u64()), (Some(640), Some(360)));
    let later: Value = eventually("three seconds more of it", Duration::from_secs(40), || async {
        let seen = look().await?;
        (seen["at"].as_f64()? >= first["at"].as_f64()? + 3.0).then_some(seen)
    })
    .await;
    let (before, after) = (pixels(&first), pixels(&later));
    let changed = before.iter().zip(&after).filter(|(before, after)| before.abs_diff(**after) > 16).count();
    assert!(changed > before.len() / 50, "only {changed} of {} samples have changed", before.len());
    assert!(before.iter().any(|&sample| sample > 100), "the picture isn't black");
    assert_eq!(browser.errors().await, Vec::<String>::new(), "errors in the page's console");
    browser.close().await;
    player.finish();
    publisher.stop().await;
}

fn pixels(seen: &Value) -> Vec<u64> {
    seen["pixels"].as_array().unwrap().iter().filter_map(Value::as_u64).collect()
}

/// What the page itself measures.
const STATS: &str = "return window.weir ? window.weir.stats() : null;";

/// Plays `page` for 30 s once it has settled, without a stall or an error of hls.js. Answers the latencies,
/// in order of size, and what the page measured at last.
async fn play(page: &str) -> (Vec<f64>, Value) {
    let weir = Weir::start().await;
    let stream = weir.api().create("latency").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 120, ..Source::default() }));
    player.segments(1).await;
    player.finish();
    let browser = Browser::open(&weir.url(&format!("/live/{}{page}", stream.id))).await;
    let stats = || async { Some(browser.run(STATS).await).filter(|seen| seen["latency"].is_number()) };
    let settled = eventually("a settled pace", Duration::from_secs(40), || async {
        let seen = stats().await?;
        (seen["interval"].as_f64()? > 0.0 && seen["rate"] == 1.0).then_some(seen)
    })
    .await;
    let (mut latencies, until) = (Vec::new(), Instant::now() + Duration::from_secs(30));
    while Instant::now() < until {
        let seen = stats().await.expect("it goes on playing");
        latencies.push(seen["latency"].as_f64().unwrap());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    latencies.sort_by(f64::total_cmp);
    let last = stats().await.expect("it goes on playing");
    for what in ["stalls", "errors", "recoveries"] {
        assert_eq!(last[what], settled[what], "{what}: {settled} became {last}");
    }
    // The page tells the server what it sees; with its socket and its player it is one viewer.
    let seen = stream.reports("the player's report", |seen| seen["playback"]["reports"] == 1).await;
    let (page, server) = (median(&latencies), seen["playback"]["latencyP50"].as_f64().unwrap());
    assert!((page - server).abs() < 0.5, "{page} {seen}");
    assert!(seen["viewers"] == 1 && seen["servedBytes"].as_u64().unwrap() > 100_000, "{seen}");
    assert_eq!(browser.errors().await, Vec::<String>::new(), "errors in the page's console");
    browser.close().await;
    publisher.stop().await;
    (latencies, last)
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

#[tokio::test]
async fn parts_are_played_a_fraction_of_a_second_behind() {
    let (low, stats) = play("").await;
    assert!(stats["interval"].as_f64().unwrap() < 0.4, "parts of 0.2 s arrive: {stats}");
    assert!(median(&low) < 1.2, "{low:?}");
}

#[tokio::test]
async fn whole_segments_are_played_on_request() {
    let (plain, stats) = play("?latency=plain").await;
    assert!(stats["interval"].as_f64().unwrap() > 1.5, "segments of 2 s arrive: {stats}");
    assert!((1.5..4.5).contains(&median(&plain)), "{plain:?}");
}
