//! `make watch`: somebody watches in a browser while the publisher, and then the server, go and come back, and while the
//! publisher's pictures come as they like.

#![allow(clippy::print_stdout)]

use std::time::Duration;

use scenarios::{
    Browser, SeaweedFs, Source, Stream, Weir, WeirBuilder, encode, eventually, play_file_in_a_loop,
};
use serde_json::Value;

const RECONNECTS: u32 = 10;

/// What the page measures; nothing where it was loaded anew.
const STATS: &str = "return window.weir && window.unbroken ? window.weir.stats() : null;";

/// Waits until the playhead has moved on by so many seconds; answers what the page measured then.
async fn watches_on(browser: &Browser, seconds: f64) -> Value {
    let at =
        || async { browser.run("return window.weir.video.currentTime;").await.as_f64().unwrap_or_default() };
    let mut from = at().await;
    let mut watched = 0.0;
    while watched < seconds {
        let now = eventually("the picture moves", Duration::from_secs(60), || async {
            let now = at().await;
            (now != from).then_some(now)
        })
        .await;
        // A source that is loaded again counts anew, and who goes to the live edge leaps.
        watched += if now > from { (now - from).min(1.0) } else { 0.0 };
        from = now;
    }
    let seen = browser.run(STATS).await;
    assert!(seen.is_object(), "the page was loaded anew");
    seen
}

async fn is_fed(stream: &Stream, fed: bool) {
    stream.reports("the publisher's coming and going", |seen| seen["reconnecting"] == !fed).await;
}

/// Plays `page` through it all, and answers its stalls and recoveries: during the reconnects, and after the restart.
async fn watch(page: &str, weir: WeirBuilder) {
    let weir = weir.env("WEIR_RECONNECT_WINDOW", 60).env("WEIR_VIDEO_BITRATE", 300_000);
    let weir = weir.start().await;
    let stream = weir.api().create("watched").await;
    let source = Source { seconds: 60, ..Source::default() };
    let source = play_file_in_a_loop(&source).await;
    let mut publisher = stream.publish(source.clone());
    stream.reaches("LIVE").await;
    let browser = Browser::open(&weir.url(&format!("/live/{}{page}", stream.id))).await;
    browser.run("window.unbroken = true;").await;
    let begun = watches_on(&browser, 10.0).await;
    for _ in 0..RECONNECTS {
        publisher.kill().await;
        is_fed(&stream, false).await;
        watches_on(&browser, 2.0).await;
        publisher = stream.publish(source.clone());
        is_fed(&stream, true).await;
        watches_on(&browser, 4.0).await;
    }
    let reconnected = watches_on(&browser, 1.0).await;
    let mut weir = weir.crash_and_restart().await;
    publisher.kill().await;
    let publisher = stream.publish(source);
    is_fed(&stream, true).await;
    let restarted = watches_on(&browser, 15.0).await;
    println!("{page:?} at first: {begun}");
    println!("{page:?} after {RECONNECTS} reconnects: {reconnected}");
    println!("{page:?} after a restart: {restarted}");
    for what in ["stalls", "recoveries", "errors"] {
        assert_eq!(reconnected[what], begun[what], "{what} at a publisher's reconnects");
    }
    assert_eq!(restarted["phase"], "live", "{restarted}");
    browser.close().await;
    drop(publisher);
    weir.assert_healthy().await;
}

#[tokio::test]
#[ignore = "takes minutes: `make watch`"]
async fn a_viewer_of_parts_stays_through_ten_reconnects_and_a_restart() {
    let store = SeaweedFs::bucket("watched").await;
    watch("", Weir::builder().objects_in(&store)).await;
}

#[tokio::test]
#[ignore = "takes minutes: `make watch`"]
async fn a_viewer_of_segments_stays_through_ten_reconnects_and_a_restart() {
    watch("?latency=plain", Weir::builder()).await;
}

/// Watches a minute of a source whose pictures go through `filter`. Chromium tells by holes what it threw away.
async fn watch_pictures(filter: &str) {
    let mut weir = Weir::builder().env("WEIR_VIDEO_BITRATE", 300_000).start().await;
    let stream = weir.api().create("uneven").await;
    let mut source = encode(&Source { seconds: 120, ..Source::default() });
    source.extend(["-vf", filter, "-vsync", "vfr", "-enc_time_base", "1/1000"].map(str::to_owned));
    let publisher = stream.publish(source);
    stream.reaches("LIVE").await;
    let browser = Browser::open(&weir.url(&format!("/live/{}", stream.id))).await;
    browser.run("window.unbroken = true;").await;
    let begun = watches_on(&browser, 5.0).await;
    let watched = watches_on(&browser, 60.0).await;
    println!("{filter}: {watched}");
    let ranges = "return window.weir.hls.bufferController.tracks.video.buffer.buffered.length;";
    assert_eq!(browser.run(ranges).await, 1, "pieces of video in the browser's buffer");
    for what in ["stalls", "recoveries", "errors"] {
        assert_eq!(watched[what], begun[what], "{what}");
    }
    browser.close().await;
    drop(publisher);
    weir.assert_healthy().await;
}

#[tokio::test]
#[ignore = "takes minutes: `make watch`"]
async fn lost_pictures_do_not_make_the_picture_stand_still() {
    watch_pictures("select=gt(random(1)\\,0.06)").await;
}

#[tokio::test]
#[ignore = "takes minutes: `make watch`"]
async fn a_wavering_camera_does_not_make_the_picture_stand_still() {
    watch_pictures("settb=1/1000,setpts=PTS+(random(2)-0.5)*25").await;
}
