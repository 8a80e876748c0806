//! A viewer: headless Chromium on the player page.

use std::time::Duration;

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
