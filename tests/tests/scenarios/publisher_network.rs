//! A network between the encoder and Weir, in every kind of trouble.

use std::time::Duration;

use scenarios::{Fault, FaultProxy, Publisher, Source, Stream, Weir, play_file_in_a_loop};

#[tokio::test]
async fn a_bad_network_to_the_encoder_leaves_no_trace_in_the_playlist() {
    let mut weir =
        Weir::builder().env("WEIR_RECONNECT_WINDOW", 30).env("WEIR_SEGMENT_DURATION", 1).start().await;
    let network = FaultProxy::start(weir.rtmp_port()).await;
    let mut stream = weir.api().create("bad network").await;
    stream.rtmp_url = format!("rtmp://127.0.0.1:{}/live", network.port());
    let source = Source { size: Some((320, 180)), seconds: 60, ..Source::default() };
    let source = play_file_in_a_loop(&source).await;
    let mut publisher = stream.publish(source.clone());
    let mut player = stream.watch();
    player.segments(1).await;
    // All that it says comes late, and in lumps; the encoder stays.
    network.set(Fault::Latency(Duration::from_millis(500)));
    player.segments(player.count() + 2).await;
    network.set(Fault::None);
    publisher.assert_running();
    for (fault, goes) in [
        (Fault::Reset, true),
        // A message ends in its middle.
        (Fault::CutOff, true),
        // The server can't know, and the next one comes while it waits for more of the first.
        (Fault::HalfOpen, false),
    ] {
        network.set(fault);
        publisher.ends(Duration::from_secs(15)).await;
        if goes {
            stream.reports("gone", |status| status["reconnecting"] == true).await;
        }
        network.set(Fault::None);
        publisher = returns(&stream, &source).await;
    }
    player.segments(player.count() + 1).await;
    assert_eq!(stream.post("stop").await.code, 200);
    player.ended().await;
    drop(publisher);
    let recording = player.finish();
    recording.assert_seamless().await;
    weir.assert_healthy().await;
}

/// Publishes again, until pictures of this connection are encoded.
async fn returns(stream: &Stream, source: &[String]) -> Publisher {
    let connected = stream.status().await["ingest"]["remoteAddress"].clone();
    let publisher = stream.publish(source.to_vec());
    stream
        .reports("pictures of the next connection", |status| {
            let ingest = &status["ingest"];
            ingest["remoteAddress"].is_string()
                && ingest["remoteAddress"] != connected
                && ingest["bytesReceived"].as_u64() > Some(100_000)
        })
        .await;
    publisher
}
