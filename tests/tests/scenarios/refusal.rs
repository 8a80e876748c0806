//! Who may not publish hears why, in the encoder's own log, and isn't kept waiting.

use std::time::Duration;

use scenarios::{Source, Stream, Weir, encode};

/// How soon an encoder must know.
const SOON: Duration = Duration::from_secs(15);

/// Publishes expecting a refusal; answers what the encoder showed of it.
async fn refused(stream: &Stream, key: &str) -> String {
    let mut publisher = stream.with_key(key).publish(encode(&Source::default()));
    let (status, said) = publisher.ends(SOON).await;
    assert!(!status.success(), "{key} was let in");
    let line = said.lines().find(|line| line.contains("Server error"));
    line.unwrap_or_else(|| panic!("ffmpeg was told nothing:\n{said}")).to_owned()
}

#[tokio::test]
async fn unknown_keys_are_refused_with_a_reason() {
    let weir = Weir::start().await;
    let stream = weir.api().create("guarded").await;
    let nearly = format!("{}x", stream.key);
    for key in ["no-such-key", nearly.as_str(), &stream.id, "x?token=1"] {
        let reason = refused(&stream, key).await;
        assert!(reason.to_lowercase().contains("key"), "{reason}");
    }
    assert_eq!(stream.status().await["status"], "PENDING");
}

#[tokio::test]
async fn a_disarmed_key_is_refused_until_it_is_armed() {
    let weir = Weir::start().await;
    let stream = weir.api().create("disarmed").await;
    assert_eq!(stream.post("stop").await.code, 200);
    assert_eq!(stream.status().await["armed"], false);
    let reason = refused(&stream, &stream.key).await;
    assert!(reason.contains("Start it again"), "it says what to do: {reason}");

    assert_eq!(stream.post("start").await.code, 200);
    let mut publisher = stream.publish(encode(&Source::default()));
    stream.reaches("LIVE").await;
    publisher.stop().await;
}

#[tokio::test]
async fn another_app_is_refused() {
    let weir = Weir::start().await;
    let mut stream = weir.api().create("app").await;
    stream.rtmp_url = stream.rtmp_url.replace("/live", "/vod");
    let mut publisher = stream.publish(encode(&Source::default()));
    let (status, said) = publisher.ends(SOON).await;
    assert!(!status.success(), "{said}");
    assert_eq!(stream.status().await["status"], "PENDING");
}

#[tokio::test]
async fn a_query_after_the_key_is_no_part_of_it() {
    let weir = Weir::start().await;
    let stream = weir.api().create("query").await;
    let key = format!("{}?user=me&x=%20", stream.key);
    let mut publisher = stream.with_key(&key).publish(encode(&Source::default()));
    stream.reaches("LIVE").await;
    publisher.stop().await;
    stream.reaches("READY").await;
}

#[tokio::test]
async fn keys_and_the_token_are_never_logged() {
    let weir = Weir::builder().env("WEIR_LOG", "trace").start().await;
    let stream = weir.api().create("secret").await;
    let wrong = "wrong-key-that-nobody-may-read";
    refused(&stream, wrong).await;
    let mut publisher = stream.publish(encode(&Source::default()));
    stream.reaches("LIVE").await;
    let metrics = weir.anonymous().get("/metrics").await.text;
    publisher.stop().await;
    let ended = stream.reaches("READY").await.to_string();
    let log = weir.log();
    assert!(log.contains(&stream.id), "the log speaks of the stream");
    for secret in [stream.key.as_str(), wrong, "scenario-token-0123456789abcdef"] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!metrics.contains(secret), "{secret} is in the metrics");
        assert!(!ended.contains(secret), "{secret} is in the status");
    }
}

#[tokio::test]
async fn one_stream_too_many_is_refused_and_those_on_air_may_return() {
    let weir = Weir::builder().env("WEIR_MAX_STREAMS", 1).env("WEIR_RECONNECT_WINDOW", 30).start().await;
    let api = weir.api();
    let (stream, other) = (api.create("on air").await, api.create("one too many").await);
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    stream.reaches("LIVE").await;
    let reason = refused(&other, &other.key).await;
    assert!(reason.contains("server is full"), "{reason}");
    assert_eq!(weir.metric("weir_rtmp_refused_total", "overloaded").await, 1.0);
    publisher.kill().await;
    stream.reports("reconnecting", |status| status["reconnecting"] == true).await;
    let reason = refused(&other, &other.key).await;
    assert!(reason.contains("server is full"), "the place is kept: {reason}");
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    stream.reports("back", |status| status["reconnecting"] == false).await;
    publisher.stop().await;
    stream.reaches("READY").await;
    let mut next = other.publish(encode(&Source { seconds: 60, ..Source::default() }));
    other.reaches("LIVE").await;
    next.stop().await;
}
