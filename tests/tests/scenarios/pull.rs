//! A stream that is played from another RTMP server: an ffmpeg that listens.

use std::time::Duration;

use reqwest::Method;
use scenarios::{Publisher, SelfSigned, Source, TlsFront, Weir, continuity_errors, encode, free_port};
use serde_json::json;

/// An ffmpeg that serves one player at `url`.
fn serve(url: &str, seconds: u32) -> Publisher {
    let mut args = vec!["-listen".to_owned(), "1".to_owned()];
    args.splice(0..0, encode(&Source { size: Some((320, 180)), seconds, ..Source::default() }));
    Publisher::start(args, url)
}

#[tokio::test]
async fn a_stream_is_played_from_a_server_that_comes_goes_and_returns() {
    let mut weir = Weir::builder().env("WEIR_RECONNECT_WINDOW", 30).start().await;
    let stream = weir.api().create("pulled").await;
    let port = free_port();
    let url = format!("rtmp://127.0.0.1:{port}/live/secretname?pass=secretword");
    let start = stream.path("start");
    for wrong in ["http://127.0.0.1/live/x", "rtmp://user:word@host/live/x", "rtmp://host/x", ""] {
        let answer = weir.api().call(Method::POST, &start, Some(json!({"sourceUrl": wrong}))).await;
        answer.assert_problem(400);
    }
    assert_eq!(stream.status().await["source"], json!(null), "a wrong URL changes nothing");

    let answer = weir.api().call(Method::POST, &start, Some(json!({"sourceUrl": url}))).await;
    assert_eq!(answer.code, 200, "{}", answer.text);
    let waits = stream.reports("a dead source", |status| status["source"]["state"] == "waiting").await;
    let error = waits["source"]["lastError"].as_str().unwrap();
    assert!(error.starts_with("it cannot be connected to"), "{error}");
    assert!(waits["source"]["retryAt"].is_string(), "{waits}");
    assert_eq!(waits["source"]["url"], format!("rtmp://127.0.0.1:{port}/live/…"));

    let mut player = stream.watch();
    let mut source = serve(&url, 60);
    player.segments(2).await;
    let plays = stream.status().await;
    assert_eq!((&plays["source"]["state"], &plays["source"]["lastError"]), (&json!("playing"), &json!(null)));
    assert_eq!(plays["ingest"]["videoCodec"], "H264", "{plays}");
    source.kill().await;
    stream.reports("reconnecting", |status| status["reconnecting"] == true).await;
    let before = player.count();
    let mut source = serve(&url, 60);
    player.segments(before + 3).await;

    assert_eq!(stream.post("stop").await.code, 200);
    player.ended().await;
    let over = stream.reaches("READY").await;
    assert_eq!((&over["source"], &over["endReason"]["code"]), (&json!(null), &json!("stopped")));
    source.ends(Duration::from_secs(15)).await;
    assert_eq!(continuity_errors(&player.finish().concatenated()).await, 0);
    for secret in ["secretname", "secretword"] {
        assert!(!weir.log().contains(secret), "the log tells {secret}:\n{}", weir.log());
    }
    weir.assert_healthy().await;
}

#[tokio::test]
async fn an_encrypted_source_is_played_again_after_its_end_and_a_restart_until_the_stream_is_deleted() {
    let certificates = tempfile::tempdir().unwrap();
    let trusted = SelfSigned::make(certificates.path(), "trusted");
    let other = SelfSigned::make(certificates.path(), "other");
    let weir =
        Weir::builder().env("SSL_CERT_FILE", trusted.certificate.display()).env("WEIR_RECONNECT_WINDOW", 30);
    let weir = weir.start().await;
    let stream = weir.api().create("encrypted").await;
    let port = free_port();
    let start = stream.path("start");
    let (impostor, front) = (TlsFront::start(&other, port).await, TlsFront::start(&trusted, port).await);
    let from =
        |front: &TlsFront| json!({"sourceUrl": format!("rtmps://127.0.0.1:{}/live/name", front.port())});
    assert_eq!(weir.api().call(Method::POST, &start, Some(from(&impostor))).await.code, 200);
    stream
        .reports("whom it does not trust", |status| {
            status["source"]["lastError"].as_str().is_some_and(|error| error.contains("certificate"))
        })
        .await;

    let url = format!("rtmp://127.0.0.1:{port}/live/name");
    let mut source = serve(&url, 5);
    assert_eq!(weir.api().call(Method::POST, &start, Some(from(&front))).await.code, 200);
    stream.reaches("LIVE").await;
    source.finishes().await;
    let waits = stream.reports("reconnecting", |status| status["reconnecting"] == true).await;

    let mut weir = weir.crash_and_restart().await;
    let mut source = serve(&url, 60);
    let plays = stream.reports("playing again", |status| status["source"]["state"] == "playing").await;
    assert_eq!((&plays["status"], &plays["startedAt"]), (&json!("LIVE"), &waits["startedAt"]), "{plays}");
    let path = format!("/api/live/{}", stream.id);
    assert_eq!(weir.api().delete(&path).await.code, 204);
    source.ends(Duration::from_secs(15)).await;
    weir.assert_healthy().await;
}
