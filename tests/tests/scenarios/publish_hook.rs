//! Who may publish, when another server is asked.

use std::time::Duration;

use scenarios::{HookAnswer, PublishHook, RtmpClient, Source, Weir, encode, json_eq};
use serde_json::json;

const SOON: Duration = Duration::from_secs(10);

async fn asking(hook: &PublishHook) -> Weir {
    Weir::builder()
        .env("WEIR_ON_PUBLISH_URL", &hook.url)
        .env("WEIR_ON_PUBLISH_TOKEN", "token-of-the-hook")
        .env("WEIR_ON_PUBLISH_TIMEOUT", 1)
        .env("WEIR_FAILED_KEYS", 1000)
        .start()
        .await
}

/// Asks to publish expecting a refusal; answers what the encoder was told.
async fn refused(weir: &Weir, key: &str) -> String {
    let mut client = RtmpClient::connect(weir.rtmp_port()).await;
    client.ask_to_publish(key).await;
    let said = client.is_hung_up_on(SOON).await;
    assert!(!said.contains("NetStream.Publish.Start"), "{key} was let in: {said}");
    said
}

#[tokio::test]
async fn a_hook_allows_refuses_and_maps_keys() {
    let hook = PublishHook::start(HookAnswer::ok(json!({"allow": true}))).await;
    let weir = asking(&hook).await;
    let stream = weir.api().create("hooked").await;

    // The catalog's key, allowed.
    let mut publisher =
        stream.with_key(&format!("{}?user=me", stream.key)).publish(encode(&Source::default()));
    stream.reaches("LIVE").await;
    let asked = hook.questions();
    json_eq(
        &asked[0].body,
        &json!({"key": stream.key, "app": "live", "address": "127.0.0.1", "query": "user=me"}),
    );
    assert!(asked[0].body["encoder"].as_str().unwrap().starts_with("FMLE/3.0"), "{asked:?}");
    assert_eq!(asked[0].authorization, "Bearer token-of-the-hook");
    publisher.stop().await;
    stream.reaches("READY").await;

    // The hook's yes is no stream.
    let said = refused(&weir, "of-no-stream").await;
    assert!(said.contains("NetStream.Publish.Unauthorized"), "{said}");

    // A reason is for the encoder to show.
    hook.answer(HookAnswer::ok(json!({"allow": false, "reason": "The subscription has\nended."})));
    let said = refused(&weir, &stream.key).await;
    assert!(
        said.contains("NetStream.Publish.Unauthorized") && said.contains("subscription hasended"),
        "{said}"
    );

    // A key of the application's own.
    hook.answer(HookAnswer::ok(json!({"videoId": stream.id})));
    RtmpClient::connect(weir.rtmp_port()).await.publish("studio-7").await;

    // Disarmed is disarmed, whatever a hook says.
    assert_eq!(stream.post("stop").await.code, 200);
    let said = refused(&weir, "studio-7").await;
    assert!(said.contains("was stopped"), "{said}");

    let log = weir.log();
    for secret in ["studio-7", "token-of-the-hook", "of-the-url", "user=me"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_hook_that_gives_no_clear_answer_refuses() {
    let slow = HookAnswer { delay: Duration::from_secs(5), ..HookAnswer::ok(json!({"allow": true})) };
    let status = |code| HookAnswer { code, ..HookAnswer::ok(json!({"allow": true})) };
    let answers = [
        (slow, "no answer within 1 s"),
        (status(500), "it answered 500"),
        (status(302), "it answered 302"),
        (status(204), "it answered 204"),
        (HookAnswer::ok("yes"), "no JSON object"),
        (HookAnswer::ok("{}"), "no JSON object"),
        (HookAnswer::ok(format!("{}{{\"allow\": true}}", " ".repeat(20_000))), "more than 16384 bytes"),
        (HookAnswer::ok(json!({"videoId": "nobody"})), "a stream that does not exist"),
    ];
    let hook = PublishHook::start(answers[0].0.clone()).await;
    let mut weir = asking(&hook).await;
    let stream = weir.api().create("unanswered").await;
    for (answer, log) in answers {
        hook.answer(answer);
        let said = refused(&weir, &stream.key).await;
        assert!(said.contains("NetStream.Publish.Failed") && said.contains("cannot check"), "{log}: {said}");
        assert!(weir.log().contains(log), "nothing of {log:?}:\n{}", weir.log());
    }
    drop(hook);
    let said = refused(&weir, &stream.key).await;
    assert!(said.contains("NetStream.Publish.Failed"), "{said}");
    assert_eq!(stream.status().await["status"], "PENDING");
    weir.assert_healthy().await;
}

#[tokio::test]
async fn an_answer_that_comes_after_the_encoder_left_does_nothing() {
    let hook = PublishHook::start(HookAnswer {
        delay: Duration::from_millis(600),
        ..HookAnswer::ok(json!({"allow": true}))
    })
    .await;
    let mut weir = asking(&hook).await;
    let stream = weir.api().create("late").await;
    let mut client = RtmpClient::connect(weir.rtmp_port()).await;
    client.ask_to_publish(&stream.key).await;
    scenarios::eventually("a question", SOON, || async { (!hook.questions().is_empty()).then_some(()) })
        .await;
    drop(client);
    // Whoever comes next is served, and the stream is nobody's: the late answer took nothing.
    RtmpClient::connect(weir.rtmp_port()).await.publish(&stream.key).await;
    assert!(weir.log().contains("gone before its publish was checked"), "{}", weir.log());
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_stream_that_is_stopped_while_the_hook_is_asked_does_not_go_on_air() {
    let hook = PublishHook::start(HookAnswer {
        delay: Duration::from_millis(600),
        ..HookAnswer::ok(json!({"allow": true}))
    })
    .await;
    let mut weir = asking(&hook).await;
    let stream = weir.api().create("stopped").await;
    let mut client = RtmpClient::connect(weir.rtmp_port()).await;
    client.ask_to_publish(&stream.key).await;
    scenarios::eventually("a question", SOON, || async { (!hook.questions().is_empty()).then_some(()) })
        .await;
    assert_eq!(stream.post("stop").await.code, 200);
    let said = client.is_hung_up_on(SOON).await;
    assert!(said.contains("NetStream.Publish.BadName") && said.contains("was stopped"), "{said}");
    weir.assert_healthy().await;
}
