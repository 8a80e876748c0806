//! A publisher that vanishes and comes back, or doesn't.

use std::time::{Duration, Instant};

use scenarios::{Source, Weir, continuity_errors, decode_warnings, encode, last_color, still};

#[tokio::test]
async fn the_same_playlist_goes_on_when_the_publisher_is_back() {
    let mut weir = Weir::builder().env("WEIR_RECONNECT_WINDOW", 30).start().await;
    let stream = weir.api().create("blip").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(2).await;
    publisher.kill().await;
    let away = stream.reports("reconnecting", |status| status["reconnecting"] == true).await;
    assert_eq!(away["status"], "LIVE", "{away}");
    let before = player.count();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    stream.reports("back", |status| status["reconnecting"] == false).await;
    player.segments(before + 3).await;
    assert_eq!(stream.post("stop").await.code, 200);
    player.ended().await;
    publisher.ends(Duration::from_secs(15)).await;
    // The reader has checked that every version continues the one before; here, that the media does.
    let recording = player.finish();
    recording.assert_paced();
    assert_eq!(continuity_errors(&recording.concatenated()).await, 0);
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_slate_is_shown_while_the_publisher_is_away() {
    let weir = Weir::builder().env("WEIR_RECONNECT_WINDOW", 30);
    let slate = weir.home().join("slate.png").display().to_string();
    still("color=red:size=320x180", &slate).await;
    let mut weir = weir.env("WEIR_SLATE", &slate).start().await;
    let stream = weir.api().create("back soon").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(1).await;
    publisher.kill().await;
    stream.reports("reconnecting", |status| status["reconnecting"] == true).await;
    let before = player.count();
    player.segments(before + 3).await;
    let away = player.count();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    stream.reports("back", |status| status["reconnecting"] == false).await;
    player.segments(player.count() + 2).await;
    publisher.stop().await;
    player.ended().await;
    let recording = player.finish();
    recording.assert_paced();
    let is_red = |[red, green, blue]: [u8; 3]| red > 220 && green < 35 && blue < 35;
    let colors = [0, away - 1, recording.segments.len() - 1].map(|n| &recording.segments[n].media);
    let [first, slated, last] =
        [last_color(colors[0]).await, last_color(colors[1]).await, last_color(colors[2]).await];
    assert!(!is_red(first) && is_red(slated) && !is_red(last), "{first:?}, {slated:?}, {last:?}");
    let whole = recording.concatenated();
    assert_eq!(continuity_errors(&whole).await, 0);
    assert_eq!(decode_warnings(&whole).await, "");
    weir.assert_healthy().await;
}

#[tokio::test]
async fn players_go_on_while_a_publisher_that_is_there_sends_nothing() {
    let mut weir = Weir::start().await;
    let stream = weir.api().create("frozen").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(1).await;
    publisher.pause();
    let before = player.count();
    player.segments(before + 3).await;
    let status =
        stream.reports("pictures shown again", |s| s["encode"]["framesRepeated"].as_u64() > Some(0)).await;
    assert_eq!(status["reconnecting"], false, "{status}");
    assert_eq!(status["stalled"], serde_json::json!(["publisher"]), "{status}");
    let decoded = status["encode"]["framesDecoded"].as_u64();
    publisher.resume();
    stream.reports("new pictures", |s| s["encode"]["framesDecoded"].as_u64() > decoded).await;
    let before = player.count();
    player.segments(before + 2).await;
    publisher.stop().await;
    player.ended().await;
    let recording = player.finish();
    recording.assert_seamless().await;
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_publisher_that_stays_away_ends_the_broadcast() {
    let weir = Weir::builder().env("WEIR_RECONNECT_WINDOW", 2).start().await;
    let stream = weir.api().create("gone").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(1).await;
    publisher.kill().await;
    let killed = Instant::now();
    player.ended().await;
    let status = stream.reaches("READY").await;
    let waited = killed.elapsed();
    assert!(waited >= Duration::from_secs(2), "the window was cut short: {waited:?}");
    assert!(waited <= Duration::from_secs(12), "the window is 2 s long, not {waited:?}");
    assert_eq!(status["armed"], true, "{status}");
    player.finish();
}
