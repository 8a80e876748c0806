//! Being counted, and hearing what becomes of a stream.

use std::time::Duration;

use futures_util::StreamExt;
use scenarios::{Source, Weir, encode, eventually};
use serde_json::json;

#[tokio::test]
async fn a_viewer_is_counted_and_hears_of_the_broadcast() {
    let weir = Weir::start().await;
    let stream = weir.api().create("audience").await;
    let url = weir.url(&stream.path("watch")).replace("http://", "ws://");
    let (mut viewer, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let viewers = |count: u64| {
        let (api, path) = (weir.anonymous(), stream.path("viewers"));
        eventually("viewers are counted", Duration::from_secs(5), move || {
            let (api, path) = (api.clone(), path.clone());
            async move { (api.get(&path).await.json()["viewers"] == json!(count)).then_some(()) }
        })
    };
    viewers(1).await;
    let mut publisher = stream.publish(encode(&Source::default()));
    let heard = tokio::time::timeout(Duration::from_secs(20), async {
        while let Some(message) = viewer.next().await {
            let text = message.unwrap().into_text().unwrap().to_string();
            if text.contains("LIVE") {
                return text;
            }
        }
        panic!("the server hung up")
    });
    heard.await.expect("the viewer hears that it is live");
    publisher.stop().await;
    drop(viewer);
    viewers(0).await;
}

/// Asks for a playlist as a player of its own would.
async fn read(weir: &Weir, id: &str, agent: &str) -> (u16, String) {
    ask(weir, &format!("/live/{id}/index.m3u8"), agent).await
}

async fn ask(weir: &Weir, path: &str, agent: &str) -> (u16, String) {
    let client = reqwest::Client::builder().user_agent(agent).build().unwrap();
    let answer = client.get(weir.url(path)).send().await.unwrap();
    let retry = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let code = answer.status().as_u16();
    assert_eq!(retry.is_some(), code == 503);
    (code, answer.text().await.unwrap())
}

#[tokio::test]
async fn players_without_a_socket_are_counted_and_limited() {
    let weir = Weir::builder().env("WEIR_MAX_VIEWERS_PER_STREAM", 2).start().await;
    let stream = weir.api().create("full").await;
    let mut publisher = stream.publish(encode(&Source { seconds: 120, ..Source::default() }));
    stream.reaches("LIVE").await;
    for agent in ["VLC", "VLC", "AVPlayer", "VLC"] {
        assert_eq!(read(&weir, &stream.id, agent).await.0, 200, "{agent}");
    }
    let (code, problem) = read(&weir, &stream.id, "late").await;
    assert!(code == 503 && problem.contains("urn:weir:problem:stream-full"), "{problem}");
    assert_eq!(read(&weir, &stream.id, "AVPlayer").await.0, 200, "those who watch stay");
    // Who names itself is somebody else, even behind the same address and with the same player.
    let named = format!("/live/{}/index.m3u8?viewerId=ann", stream.id);
    assert_eq!(ask(&weir, &named, "VLC").await.0, 503);
    let url = weir.url(&stream.path("watch?viewerId=ann")).replace("http://", "ws://");
    let refused = tokio_tungstenite::connect_async(url).await.map(drop).unwrap_err();
    let tokio_tungstenite::tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    let (head, body) = answer.into_parts();
    assert_eq!(head.status, 503, "a socket has no more room than a playlist");
    assert!(head.headers.contains_key("retry-after"), "{head:?}");
    assert_eq!(head.headers["content-type"], "application/problem+json");
    let body = String::from_utf8(body.unwrap_or_default()).unwrap();
    assert!(body.contains("urn:weir:problem:stream-full"), "{body}");
    let viewers = weir.anonymous().get(&stream.path("viewers")).await.json();
    assert_eq!(viewers, json!({ "viewers": 2, "peak": 2, "total": 2 }));
    let status = stream.status().await;
    assert_eq!((&status["viewers"], &status["peakViewers"]), (&json!(2), &json!(2)), "{status}");
    assert!(status["servedBytes"].as_u64().unwrap() > 0, "{status}");

    // The course of the broadcast: what was so as it went live, and what is so ten seconds later.
    let history = eventually("there are two samples", Duration::from_secs(30), || async {
        let history = weir.api().get(&stream.path("viewers/history")).await.json();
        (history["samples"].as_array().unwrap().len() >= 2).then_some(history)
    })
    .await;
    assert_eq!(history["startedAt"], status["startedAt"]);
    let samples = history["samples"].as_array().unwrap();
    assert_eq!((&samples[0]["at"], &samples[1]["viewers"]), (&status["startedAt"], &json!(2)), "{history}");
    assert!(samples[1]["servedBitrate"].is_u64(), "{history}");
    let earlier = weir.api().get(&stream.path("viewers/history?startedAt=2026-01-01T00:00:00Z")).await;
    assert_eq!(earlier.json()["samples"], json!([]));
    weir.api().get(&stream.path("viewers/history?startedAt=soon")).await.assert_problem(400);
    weir.anonymous().get(&stream.path("viewers/history")).await.assert_problem(401);
    publisher.stop().await;
}
