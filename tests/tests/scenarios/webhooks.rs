//! Other servers that are told what happens.

use std::time::Duration;

use reqwest::Method;
use scenarios::{Api, Message, Reaction, WebhookReceiver, Weir, assert_signed, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

async fn add(api: &Api, receiver: &WebhookReceiver, wishes: Value) -> Value {
    let mut wishes = wishes;
    wishes["url"] = receiver.url.clone().into();
    let answer = api.call(Method::POST, "/api/webhooks", Some(wishes)).await;
    assert_eq!(answer.code, 201, "{}", answer.text);
    let made = answer.json();
    let path = path(&made, "");
    assert_eq!(answer.header("location"), path);
    assert!(!api.get(&path).await.text.contains("whsec_"), "the secret is told once");
    made
}

fn path(webhook: &Value, call: &str) -> String {
    format!("/api/webhooks/{}{call}", webhook["webhookId"].as_str().unwrap())
}

/// Waits until it has got so many messages.
async fn has_got(receiver: &WebhookReceiver, count: usize) -> Vec<Message> {
    eventually(&format!("{count} messages"), SOON, || async {
        Some(receiver.messages()).filter(|messages| messages.len() >= count)
    })
    .await
}

/// Waits until the API says something of it that `enough` accepts.
async fn becomes(api: &Api, webhook: &Value, what: &str, enough: impl Fn(&Value) -> bool) -> Value {
    eventually(what, SOON, || async { Some(api.get(&path(webhook, "")).await.json()).filter(&enough) }).await
}

fn ids(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.body["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn every_event_is_delivered_in_order_whatever_goes_wrong() {
    let weir =
        Weir::builder().env("WEIR_WEBHOOK_ALLOW_PRIVATE", true).env("WEIR_WEBHOOK_TIMEOUT", 1).start().await;
    let api = weir.api();
    let [shaky, hanging, choosy] =
        [Reaction::Answer(200), Reaction::Hang, Reaction::Answer(204)].map(WebhookReceiver::start);
    let (shaky, hanging, choosy) = tokio::join!(shaky, hanging, choosy);
    let webhook = add(&api, &shaky, json!({})).await;
    add(&api, &hanging, json!({})).await;
    let chosen = add(&api, &choosy, json!({"eventTypes": ["stream.ended", "stream.created"]})).await;

    // Each event is tried until it is taken; the next one waits for it, and other endpoints don't.
    shaky.react([Reaction::Answer(500), Reaction::Hang], Reaction::Answer(200));
    for title in ["first", "second", "third"] {
        api.create(title).await;
    }
    let got = has_got(&choosy, 3).await;
    assert_eq!(ids(&got), [1, 2, 3]);
    assert_eq!(got[0].body["type"], "stream.created");
    assert_signed(&got, chosen["secret"].as_str().unwrap()).await;
    let got = has_got(&shaky, 5).await;
    assert_eq!(ids(&got), [1, 1, 1, 2, 3]);
    assert_eq!(got[0].headers[0], got[2].headers[0], "another attempt is the same message");
    assert_ne!(got[2].headers[0], got[3].headers[0]);
    assert_signed(&got, webhook["secret"].as_str().unwrap()).await;
    becomes(&api, &webhook, "its place", |seen| seen["lastEventId"] == 3 && seen["failures"] == 0).await;
    let log = api.get(&path(&webhook, "/deliveries")).await.json();
    let told: Vec<_> = log["deliveries"].as_array().unwrap().iter().rev().collect();
    let statuses: Vec<_> = told.iter().map(|attempt| attempt["status"].clone()).collect();
    assert_eq!(statuses, [json!(500), json!(null), json!(200), json!(200), json!(200)], "{log}");
    assert_eq!(told[1]["error"], "no answer within 1 s");
    assert_eq!((&told[2]["answer"], &told[2]["error"]), (&json!("told 200 OK"), &json!(null)));

    // What was not delivered when the server died is delivered by the next one.
    shaky.react([], Reaction::Answer(503));
    api.create("fourth").await;
    becomes(&api, &webhook, "a failure", |seen| seen["failures"] == 1).await;
    let before = shaky.messages().len();
    let weir = weir.crash_and_restart().await;
    let api = weir.api();
    api.create("fifth").await;
    shaky.react([], Reaction::Answer(200));
    let got = eventually("the fifth", SOON, || async {
        Some(shaky.messages()).filter(|got| ids(got).last() == Some(&5))
    })
    .await;
    let since = ids(&got[before..]);
    assert!(since.iter().rev().skip(1).all(|id| *id == 4), "{since:?}");
    assert_eq!(ids(&has_got(&choosy, 5).await), [1, 2, 3, 4, 5]);

    // While a secret is replaced, both sign.
    let new = api.post(&path(&webhook, "/secret")).await.json();
    shaky.react([], Reaction::Answer(302));
    let tried = api.post(&path(&webhook, "/test")).await.json();
    assert_eq!((&tried["delivered"], &tried["status"]), (&json!(false), &json!(302)), "{tried}");
    let last = &shaky.messages()[got.len()..];
    assert_eq!((last.len(), last[0].path.as_str()), (1, "/hook"), "redirects are not followed");
    assert_eq!(last[0].body["type"], "webhook.test");
    for secret in [&webhook["secret"], &new["secret"]] {
        assert_signed(last, secret.as_str().unwrap()).await;
    }

    assert_eq!(ids(&hanging.messages()).iter().max(), Some(&1), "it was never past the first");
    assert_eq!(api.delete(&path(&webhook, "")).await.code, 204);
    api.get(&path(&webhook, "/deliveries")).await.assert_problem(404);
    let log = weir.log();
    for secret in ["whsec_", "of-the-url"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_for_too_long_is_disabled_and_can_be_enabled_again() {
    let weir = Weir::builder()
        .env("WEIR_WEBHOOK_ALLOW_PRIVATE", true)
        .env("WEIR_WEBHOOK_RETRY_FOR", 1)
        .start()
        .await;
    let api = weir.api();
    let (broken, gone, well) = tokio::join!(
        WebhookReceiver::start(Reaction::Answer(500)),
        WebhookReceiver::start(Reaction::Answer(410)),
        WebhookReceiver::start(Reaction::Answer(200)),
    );
    let webhook = add(&api, &broken, json!({"eventTypes": ["stream.created"]})).await;
    let other = add(&api, &gone, json!({"eventTypes": ["stream.created"]})).await;
    add(&api, &well, json!({"eventTypes": ["webhook.disabled"]})).await;
    api.create("first").await;
    let seen = becomes(&api, &webhook, "disabled", |seen| seen["enabled"] == false).await;
    assert!(seen["disabledReason"].as_str().unwrap().contains("500"), "{seen}");
    let seen = becomes(&api, &other, "disabled", |seen| seen["enabled"] == false).await;
    assert!(seen["disabledReason"].as_str().unwrap().contains("410"), "{seen}");
    assert_eq!(gone.messages().len(), 1, "who is gone isn't asked again");
    let mut told: Vec<_> =
        has_got(&well, 2).await.iter().map(|got| got.body["data"]["webhookId"].clone()).collect();
    told.sort_by_key(|id| id != &other["webhookId"]);
    assert_eq!(told, [other["webhookId"].clone(), webhook["webhookId"].clone()]);
    assert!(well.messages().iter().all(|got| got.body.get("videoId").is_none()), "it is of no stream");
    assert_eq!(weir.metric("weir_webhooks_disabled_total", "").await, 2.0);

    api.create("second").await;
    let asked = broken.messages().len();
    broken.react([], Reaction::Answer(200));
    let enabled = api.call(Method::PATCH, &path(&webhook, ""), Some(json!({"enabled": true}))).await;
    assert_eq!(enabled.json()["disabledReason"], json!(null));
    let got = has_got(&broken, asked + 2).await;
    let titles: Vec<_> = got[asked..].iter().map(|got| got.body["data"]["title"].clone()).collect();
    assert_eq!(titles, ["first", "second"], "it goes on where it stopped");
}

#[tokio::test]
async fn webhooks_stay_out_of_private_networks_and_wrong_ones_are_refused() {
    let weir = Weir::start().await;
    let api = weir.api();
    let create = async |body: Value| api.call(Method::POST, "/api/webhooks", Some(body)).await;
    for url in
        ["http://127.0.0.1:1/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/", "http://2130706433/"]
    {
        let refusal = create(json!({ "url": url })).await;
        refusal.assert_problem(400);
        assert!(refusal.text.contains("WEIR_WEBHOOK_ALLOW_PRIVATE"), "{url}: {}", refusal.text);
    }
    for wrong in [
        json!({"url": "nowhere"}),
        json!({"url": "ftp://app.example/"}),
        json!({"url": "https://app.example/", "eventTypes": []}),
    ] {
        create(wrong).await.assert_problem(400);
    }
    for misshapen in [json!({}), json!({"url": "https://app.example/", "eventTypes": ["stream.exploded"]})] {
        create(misshapen).await.assert_problem(422);
    }
    // A name is judged by the address that is connected to.
    let receiver = WebhookReceiver::start(Reaction::Answer(200)).await;
    let url = receiver.url.replace("127.0.0.1", "localhost");
    let webhook = create(json!({ "url": url })).await.json();
    let tried = api.post(&path(&webhook, "/test")).await.json();
    assert_eq!((&tried["delivered"], &tried["status"]), (&json!(false), &json!(null)), "{tried}");
    assert!(tried["error"].as_str().unwrap().contains("WEIR_WEBHOOK_ALLOW_PRIVATE"), "{tried}");
    assert!(receiver.messages().is_empty());
    for _ in 1..32 {
        assert_eq!(create(json!({"url": "https://app.example/"})).await.code, 201);
    }
    create(json!({"url": "https://app.example/"})).await.assert_problem(409);
    weir.anonymous().get("/api/webhooks").await.assert_problem(401);
    api.get("/api/webhooks/nothing").await.assert_problem(404);
}
