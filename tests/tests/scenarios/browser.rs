//! A viewer: headless Chromium on the player page.

use std::time::{Duration, Instant};

use scenarios::{Browser, Source, Weir, brightening, encode, eventually};
use serde_json::{Value, json};

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

const ASKED_TWICE: &str = r"
    const names = performance.getEntriesByType('resource').map((entry) => entry.name);
    const parts = names.filter((name) => name.includes('.part_'));
    if (parts.length === 0) return null;
    return parts.filter((name, index) => parts.indexOf(name) !== index);
";

#[tokio::test]
async fn the_player_page_shows_a_moving_picture() {
    let weir = Weir::start().await;
    let stream = weir.api().create("watched").await;
    // It is open before there is anything to see.
    let browser = Browser::open(&weir.url(&format!("/live/{}", stream.id))).await;
    eventually("a page that waits", Duration::from_secs(40), || async {
        (browser.run(STATS).await["phase"] == "notStarted").then_some(())
    })
    .await;
    let missing = browser.errors().await;
    assert!(missing.iter().all(|error| error.contains("index.m3u8") && error.contains("404")), "{missing:?}");
    let mut publisher = stream.publish(encode(&Source { seconds: 120, ..Source::default() }));
    let look = || async { Some(browser.run(LOOK).await).filter(|seen| !seen.is_null()) };
    let first: Value = eventually("a first picture", Duration::from_secs(40), look).await;
    assert_eq!((first["width"].as_u64(), first["height"].as_u64()), (Some(320), Some(180)));
    let later: Value = eventually("three seconds more of it", Duration::from_secs(40), || async {
        let seen = look().await?;
        (seen["at"].as_f64()? >= first["at"].as_f64()? + 3.0).then_some(seen)
    })
    .await;
    let (before, after) = (pixels(&first), pixels(&later));
    let changed = before.iter().zip(&after).filter(|(before, after)| before.abs_diff(**after) > 16).count();
    assert!(changed > before.len() / 50, "only {changed} of {} samples have changed", before.len());
    assert!(before.iter().any(|&sample| sample > 100), "the picture isn't black");
    let twice = browser.run(ASKED_TWICE).await;
    assert_eq!(twice, json!([]), "parts of a stream's first segments are asked for once");
    assert_eq!(browser.errors().await, Vec::<String>::new(), "errors in the page's console");
    browser.close().await;
    publisher.stop().await;
}

fn pixels(seen: &Value) -> Vec<u64> {
    seen["pixels"].as_array().unwrap().iter().filter_map(Value::as_u64).collect()
}

/// Animations that run, and so take processor from the picture.
const MOVING: &str = r"
    const running = document.getAnimations().filter((animation) => animation.playState === 'running');
    return running.map((animation) => animation.animationName ?? animation.transitionProperty);
";

/// What the page itself measures.
const STATS: &str = "return window.weir ? window.weir.stats() : null;";

/// Plays `page` for so long once it has settled, without a stall or an error of hls.js. Answers the latencies,
/// in order of size, and what the page measured at last.
async fn play(page: &str, length: Duration) -> (Vec<f64>, Value) {
    let weir = Weir::start().await;
    let stream = weir.api().create("latency").await;
    let mut publisher = stream.publish(encode(&Source { seconds: 120, ..Source::default() }));
    stream.reaches("LIVE").await;
    let browser = Browser::open(&weir.url(&format!("/live/{}{page}", stream.id))).await;
    let stats = || async { Some(browser.run(STATS).await).filter(|seen| seen["latency"].is_number()) };
    let settled = eventually("a settled pace", Duration::from_secs(40), || async {
        let seen = stats().await?;
        // Its rate is 1 also before it knows how low its buffer gets, which takes some arrivals.
        let excess = seen["trough"].as_f64()? - seen["target"].as_f64()?;
        (seen["rate"] == 1.0 && excess < 0.1).then_some(seen)
    })
    .await;
    let (mut latencies, until) = (Vec::new(), Instant::now() + length);
    while Instant::now() < until {
        let seen = stats().await.expect("it goes on playing");
        latencies.push(seen["latency"].as_f64().unwrap());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(browser.run(MOVING).await, json!([]), "nothing moves that nobody sees");
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
    let (low, stats) = play("", Duration::from_secs(60)).await;
    assert!(stats["interval"].as_f64().unwrap() < 0.4, "parts of 0.2 s arrive: {stats}");
    assert!(median(&low) < 1.2, "{low:?}");
}

#[tokio::test]
async fn whole_segments_are_played_on_request() {
    let (plain, stats) = play("?latency=plain", Duration::from_secs(12)).await;
    assert!(stats["interval"].as_f64().unwrap() > 1.5, "segments of 2 s arrive: {stats}");
    assert!((1.5..4.5).contains(&median(&plain)), "{plain:?}");
}

/// How far playback is, how bright its picture is, from 0 to 255, and what the seek bar says.
const REPLAY: &str = r"
    const video = document.querySelector('video'), bar = document.querySelector('[role=slider]');
    if (bar.hidden || video.seeking || video.readyState < 2 || window.weir.stats().phase !== 'replay') return null;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 1, 1);
    const said = (name) => bar.getAttribute('aria-' + name);
    return { at: video.currentTime, brightness: context.getImageData(0, 0, 1, 1).data[1],
             now: Number(said('valuenow')), most: Number(said('valuemax')), text: said('valuetext') };
";
const PRESS: &str = "const bar = document.querySelector('[role=slider]'); bar.focus();
    bar.dispatchEvent(new KeyboardEvent('keydown', { key: KEY, bubbles: true }));";
const CLICK: &str = "const bar = document.querySelector('[role=slider]'), box = bar.getBoundingClientRect();
    const at = { clientX: box.left + box.width / 2, clientY: box.top + 5, button: 0, pointerId: 1 };
    bar.setPointerCapture = () => {};
    for (const type of ['pointerdown', 'pointerup']) bar.dispatchEvent(new PointerEvent(type, at));";

#[tokio::test]
async fn what_was_recorded_is_gone_back_in_while_live_and_sought_in_afterwards() {
    let weir = Weir::builder().env("WEIR_RECORD", true).start().await;
    let stream = weir.api().create("kept").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(brightening(10));
    player.segments(2).await;
    let browser = Browser::open(&weir.url(&format!("/live/{}", stream.id))).await;
    let wait = Duration::from_secs(40);
    eventually("the live picture and the bar", wait, || async {
        let stats = browser.run(STATS).await;
        let shown = browser.run("return !document.querySelector('[role=slider]').hidden").await;
        (stats["phase"] == "live" && shown == true).then_some(())
    })
    .await;
    browser.run(&PRESS.replace("KEY", "'Home'")).await;
    let replay = |what: &'static str, enough: fn(&Value) -> bool| {
        let browser = &browser;
        eventually(what, wait, move || async move {
            Some(browser.run(REPLAY).await).filter(|seen| !seen.is_null() && enough(seen))
        })
    };
    replay("the beginning", |seen| seen["at"].as_f64().unwrap() < 6.0).await;
    publisher.finishes().await;
    stream.reaches("READY").await;
    replay("the whole of it", |seen| seen["most"] == 10).await;
    browser.run("document.querySelector('video').pause()").await;
    browser.run(CLICK).await;
    let middle = replay("the middle", |seen| seen["at"].as_f64().unwrap() >= 4.9).await;
    let (at, brightness) = (middle["at"].as_f64().unwrap(), middle["brightness"].as_f64().unwrap());
    assert!((at / 10.0 - brightness / 255.0).abs() < 0.06, "{middle}");
    assert!(middle["text"].as_str().unwrap().ends_with(" seconds of 10 seconds"), "{middle}");
    // Who comes now sees it from its beginning.
    browser.run("location.reload()").await;
    replay("the recording", |seen| (0.1..4.5).contains(&seen["at"].as_f64().unwrap())).await;
    assert_eq!(browser.errors().await, Vec::<String>::new(), "errors in the page's console");
    browser.close().await;
    player.finish();
}
