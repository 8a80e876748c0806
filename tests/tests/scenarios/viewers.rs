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
            async move { (api.get(&path).await.json() == json!({ "viewers": count })).then_some(()) }
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
