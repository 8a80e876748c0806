//! What programs are told of.

use std::time::Duration;

use scenarios::{EventStream, Source, Weir, encode, json_eq};
use serde_json::json;

#[tokio::test]
async fn every_event_is_told_once_in_order_also_across_a_crash() {
    let weir =
        Weir::builder().env("WEIR_RECONNECT_WINDOW", 60).env("WEIR_MAX_VIEWERS_PER_STREAM", 1).start().await;
    let mut all = EventStream::open(&weir, "", None).await;
    let other = weir.api().create("other").await;
    let stream = weir.api().create("told of").await;
    let mut one = EventStream::open(&weir, &format!("?videoId={}", stream.id), None).await;
    json_eq(
        &all.expect("stream.created").await.data,
        &json!({"videoId": other.id, "data": {"title": "other"}}),
    );
    let first = all.expect("stream.created").await;
    json_eq(&first.data, &json!({"videoId": stream.id, "data": {"title": "told of"}}));

    let endless = Source { seconds: 120, ..Source::default() };
    let mut publisher = stream.publish(encode(&endless));
    let live = all.expect("stream.live").await;
    json_eq(&live.data, &json!({"videoId": stream.id, "data": {"resumed": false}}));
    assert_eq!(one.expect("stream.live").await.id, live.id);
    assert_eq!(stream.status().await["status"], "LIVE", "what is told is true");

    // One viewer finds room, two don't: that is told once.
    for (agent, code) in [("ann", 200), ("bob", 503), ("cat", 503)] {
        let request = reqwest::Client::new().get(&stream.playback_url).header("User-Agent", agent);
        assert_eq!(request.send().await.unwrap().status(), code, "{agent}");
    }
    let limit = one.expect("viewers.limit").await;
    json_eq(&limit.data["data"], &json!({"of": "stream", "viewers": 1}));

    publisher.kill().await;
    let away = one.expect("stream.reconnecting").await;
    json_eq(&away.data["data"], &json!({"reconnectWindow": 60}));
    let _publisher = stream.publish(encode(&endless));
    let back = one.expect("stream.live").await;
    json_eq(&back.data["data"], &json!({"resumed": true}));

    let weir = weir.crash_and_restart().await;
    let nothing = one.next().await;
    assert!(nothing.is_none(), "{nothing:?}");
    // Who comes back hears of all that it has missed.
    let mut all = EventStream::open(&weir, "", Some(live.id)).await;
    let missed = ["viewers.limit", "stream.reconnecting", "stream.live", "stream.reconnecting"];
    for (kind, id) in missed.into_iter().zip(live.id + 1..) {
        assert_eq!(all.expect(kind).await.id, id, "numbers have no gaps");
    }
    // A server that dies while the publisher is away has told of that.
    let mut weir = weir.crash_and_restart().await;
    let mut all = EventStream::open(&weir, "", Some(live.id + 4)).await;
    assert_eq!(weir.api().post(&stream.path("stop")).await.code, 200);
    assert_eq!(all.expect("stream.ended").await.id, live.id + 5);
    let log = weir.api().get(&format!("/api/live/{}/events?limit=2", stream.id)).await.json();
    let newest = [&log["events"][0], &log["events"][1], &log["events"][2]].map(|event| event["type"].clone());
    assert_eq!(newest, [json!("stream.ended"), json!("stream.reconnecting"), json!(null)], "{log}");
    let reason = json!({ "code": "stopped", "message": "stopped by an API call" });
    json_eq(&log["events"][0]["data"], &json!({"status": "READY", "reason": reason}));

    assert!(weir.terminate(Duration::from_secs(20)).await.success(), "listeners don't hold the server up");
    let nothing = all.next().await;
    assert!(nothing.is_none(), "{nothing:?}");
}

#[tokio::test]
async fn who_asks_for_events_wrongly_is_told() {
    let weir = Weir::start().await;
    let api = weir.api();
    let stream = api.create("asked for").await;
    for query in ["limit=0", "limit=1001", "limit=many"] {
        api.get(&format!("{}?{query}", stream.path("events"))).await.assert_problem(400);
    }
    api.get("/api/live/nobody/events").await.assert_problem(404);
    api.get("/api/events?videoId=not/an/id").await.assert_problem(400);
    weir.anonymous().get("/api/events").await.assert_problem(401);
    weir.anonymous().get(&stream.path("events")).await.assert_problem(401);
    for number in ["-1", "x"] {
        let request = reqwest::Client::new().get(weir.url("/api/events")).bearer_auth(weir.token());
        assert_eq!(request.header("Last-Event-ID", number).send().await.unwrap().status(), 400);
    }
    // One too many; as one leaves there is room again.
    let mut listeners = Vec::new();
    for _ in 0..64 {
        listeners.push(EventStream::open(&weir, "", None).await);
    }
    let refusal = api.get("/api/events").await;
    assert!(refusal.assert_problem(503).ends_with("too-many-listeners"));
    drop(listeners);
    scenarios::eventually("room again", Duration::from_secs(10), || async {
        let request = reqwest::Client::new().get(weir.url("/api/events")).bearer_auth(weir.token());
        (request.send().await.unwrap().status() == 200).then_some(())
    })
    .await;
}
