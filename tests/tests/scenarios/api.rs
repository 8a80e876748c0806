//! The HTTP API from a stream's creation to its removal.

use std::time::Duration;

use reqwest::Method;
use scenarios::{Answer, Api, Fault, FaultProxy, SeaweedFs, Source, Weir, encode, eventually, json_eq};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_stream_is_made_listed_and_removed() {
    let weir = Weir::start().await;
    let api = weir.api();
    let answer = api.call(Method::POST, "/api/live/create", Some(json!({ "title": "Morning" }))).await;
    assert_eq!(answer.code, 201, "{}", answer.text);
    let made = answer.json();
    let id = made["videoId"].as_str().unwrap();
    let folder = format!("live/{id}");
    json_eq(
        &made,
        &json!({
            "status": "PENDING",
            "rtmpUrl": format!("rtmp://127.0.0.1:{}/live", weir.rtmp_port()),
            "playbackUrl": weir.url(&format!("/{folder}/index.m3u8")),
            "playerUrl": weir.url(&format!("/{folder}")),
            "hlsManifestKey": format!("{folder}/index.m3u8"),
        }),
    );
    assert!(made["streamKey"].as_str().unwrap().len() >= 22, "128 bits at least: {made}");
    assert!(made["s3PlaybackUrl"].is_null(), "S3 is off: {made}");

    let status = api.get(&format!("/api/live/{id}/status")).await.json();
    let fresh = json!({
        "videoId": id, "title": "Morning", "status": "PENDING", "isLiveNow": false, "reconnecting": false,
        "armed": true, "startedAt": null, "endedAt": null, "endReason": null, "viewers": 0,
        "ingest": null, "encode": null, "upload": null,
    });
    json_eq(&status, &fresh);
    assert!(status["createdAt"].is_string(), "{status}");
    assert!(status["streamKey"].is_null(), "a status has no key: {status}");
    let listed = api.get("/api/live").await.json();
    assert_eq!(listed["streams"].as_array().map(Vec::len), Some(1), "{listed}");
    json_eq(&listed["streams"][0], &fresh);
    let nobody = json!({ "viewers": 0, "peak": 0, "total": 0 });
    assert_eq!(api.get(&format!("/api/live/{id}/viewers")).await.json(), nobody);

    let removed = api.delete(&format!("/api/live/{id}")).await;
    assert_eq!((removed.code, removed.text.as_str()), (204, ""));
    api.get(&format!("/api/live/{id}/status")).await.assert_problem(404);
    json_eq(&api.get("/api/live").await.json(), &json!({ "streams": [] }));
}

#[tokio::test]
async fn control_calls_need_the_token_and_playback_does_not() {
    let weir = Weir::start().await;
    let stream = weir.api().create("private").await;
    let strangers = [weir.anonymous(), Api::new(weir.url(""), Some("not-the-token-0123456789".into()))];
    for stranger in strangers {
        for (method, path) in [
            (Method::POST, "/api/live/create".to_owned()),
            (Method::GET, "/api/live".to_owned()),
            (Method::GET, stream.path("status")),
            (Method::GET, stream.path("key")),
            (Method::POST, stream.path("key")),
            (Method::POST, stream.path("start")),
            (Method::POST, stream.path("stop")),
            (Method::DELETE, format!("/api/live/{}", stream.id)),
        ] {
            let answer = stranger.call(method, &path, None).await;
            answer.assert_problem(401);
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{path}");
        }
    }
    let page = weir.anonymous().get(&format!("/live/{}", stream.id)).await;
    assert_eq!(page.code, 200, "{}", page.text);
    assert!(page.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn mistakes_are_problem_documents() {
    let weir = Weir::start().await;
    let api = weir.api();
    let stranger = "/api/live/01890000-0000-7000-8000-000000000000";
    let kind = api.get(&format!("{stranger}/status")).await.assert_problem(404);
    for call in ["start", "stop", "key"] {
        let answer = api.post(&format!("{stranger}/{call}")).await;
        assert_eq!(answer.assert_problem(404), kind, "one type for one problem");
    }
    assert_eq!(api.delete(stranger).await.assert_problem(404), kind);
    api.get("/api/live/..%2f..%2fetc/status").await.assert_problem(404);
    api.get("/api/nothing").await.assert_problem(404);
    api.delete("/api/live/create").await.assert_problem_of(&[404, 405]);

    let create = |body| api.call(Method::POST, "/api/live/create", Some(body));
    let unknown = create(json!({ "title": "x", "titel": "y" })).await;
    unknown.assert_problem_of(&[400, 422]);
    assert!(unknown.text.contains("titel"), "it names the field: {}", unknown.text);
    create(json!({ "title": 7 })).await.assert_problem_of(&[400, 422]);
    create(json!({ "title": "x".repeat(100_000) })).await.assert_problem_of(&[400, 413, 422]);
    let folder = weir.anonymous().get("/live/01890000-0000-7000-8000-000000000000/index.m3u8").await;
    assert_eq!(folder.code, 404);
    for path in [
        "/live/a/%FF",
        "/recordings/%FF",
        "/assets/%FF",
        "/api/live/%FF/status",
        "/api/live/a/recordings/%FF/convert",
        "/api/transcode-jobs/%FF",
    ] {
        let method = if path.ends_with("convert") { Method::POST } else { Method::GET };
        api.call(method, path, None).await.assert_problem(404);
    }
    let stream = api.create("watched").await;
    api.get(&stream.path("watch?viewerId=a&viewerId=b")).await.assert_problem(400);
    api.get(&stream.path("watch")).await.assert_problem(400);
}

#[tokio::test]
async fn the_list_has_pages() {
    let weir = Weir::start().await;
    let api = weir.api();
    let mut made = Vec::new();
    for title in ["first", "second", "third"] {
        made.push(api.create(title).await.id);
    }
    let page = async |query: &str| {
        let listed = api.get(&format!("/api/live{query}")).await.json();
        let ids: Vec<_> =
            listed["streams"].as_array().unwrap().iter().map(|s| s["videoId"].clone()).collect();
        (ids, listed["next"].clone())
    };
    assert_eq!(page("").await, (vec![json!(made[2]), json!(made[1]), json!(made[0])], Value::Null));
    assert_eq!(page("?limit=2").await, (vec![json!(made[2]), json!(made[1])], json!(made[1])));
    // What is gone since still has its place.
    assert_eq!(api.delete(&format!("/api/live/{}", made[1])).await.code, 204);
    assert_eq!(page(&format!("?limit=2&after={}", made[1])).await, (vec![json!(made[0])], Value::Null));
    for wrong in ["limit=0", "limit=1001", "limit=x"] {
        api.get(&format!("/api/live?{wrong}")).await.assert_problem(400);
    }
}

#[tokio::test]
async fn of_two_changes_at_once_none_is_lost() {
    let weir = Weir::start().await;
    let api = weir.api();
    let path = format!("/api/live/{}", api.create("changed").await.id);
    for round in 1..=20 {
        let change = |wishes| api.call(Method::PATCH, &path, Some(wishes));
        let title = format!("round {round}");
        let answers = tokio::join!(
            change(json!({ "title": title })),
            change(json!({ "reconnectWindow": round })),
            change(json!({ "dvrWindow": round })),
        );
        for answer in [answers.0, answers.1, answers.2] {
            assert_eq!(answer.code, 200, "{}", answer.text);
        }
        let status = api.get(&format!("{path}/status")).await.json();
        json_eq(&status, &json!({ "title": title, "reconnectWindow": round, "dvrWindow": round }));
    }
    let (deleted, changed) =
        tokio::join!(api.delete(&path), api.call(Method::PATCH, &path, Some(json!({ "title": "late" }))));
    assert_eq!(deleted.code, 204, "{}", deleted.text);
    assert!([200, 404].contains(&changed.code), "{}", changed.text);
}

#[tokio::test]
async fn a_new_key_kills_the_old_one() {
    let weir = Weir::start().await;
    let stream = weir.api().create("rotated").await;
    let shown = weir.api().get(&stream.path("key")).await.json();
    json_eq(&shown, &json!({ "streamKey": stream.key, "rtmpUrl": stream.rtmp_url }));

    let rotated = stream.post("key").await;
    assert_eq!(rotated.code, 200, "{}", rotated.text);
    let renewed = stream.with_key(rotated.json()["streamKey"].as_str().unwrap());
    assert_ne!(renewed.key, stream.key);

    let (status, said) =
        stream.publish(encode(&Source::default())).ends(std::time::Duration::from_secs(20)).await;
    assert!(!status.success(), "the old key still works");
    assert!(said.contains("Server error"), "{said}");
    let mut publisher = renewed.publish(encode(&Source::default()));
    renewed.reaches("LIVE").await;
    publisher.stop().await;
}

#[tokio::test]
async fn removing_a_live_stream_ends_it() {
    let mut weir = Weir::start().await;
    let stream = weir.api().create("removed").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(1).await;
    player.finish();
    let removed = weir.api().delete(&format!("/api/live/{}", stream.id)).await;
    assert_eq!(removed.code, 204, "{}", removed.text);
    publisher.ends(std::time::Duration::from_secs(15)).await;
    let gone = weir.anonymous().get(&format!("/live/{}/index.m3u8", stream.id)).await;
    assert_eq!(gone.code, 404, "{}", gone.text);
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_stream_is_removed_though_nobody_waits_for_it() {
    let store = SeaweedFs::bucket("abandoned").await;
    let proxy = FaultProxy::start(store.port()).await;
    let weir = Weir::builder().objects_through(proxy.port(), &store).start().await;
    let stream = weir.api().create("abandoned").await;
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    stream.reaches("LIVE").await;
    // The end of the playlist is not stored while the caller waits.
    proxy.set(Fault::Status(503));
    let request = format!(
        "DELETE /api/live/{} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n",
        stream.id,
        weir.token()
    );
    let address = weir.url("").replace("http://", "");
    let mut caller = tokio::net::TcpStream::connect(address).await.unwrap();
    caller.write_all(request.as_bytes()).await.unwrap();
    stream.reports("it has begun", |status| status["armed"] == false).await;
    drop(caller);
    proxy.set(Fault::None);
    eventually("it is gone", Duration::from_secs(20), || async {
        (weir.api().get(&stream.path("status")).await.code == 404).then_some(())
    })
    .await;
    publisher.ends(Duration::from_secs(15)).await;
}

/// A problem whose exact code is nobody's business.
trait AnyOf {
    fn assert_problem_of(&self, codes: &[u16]);
}

impl AnyOf for Answer {
    fn assert_problem_of(&self, codes: &[u16]) {
        assert!(codes.contains(&self.code), "{} isn't one of {codes:?}: {}", self.code, self.text);
        self.assert_problem(self.code);
    }
}
