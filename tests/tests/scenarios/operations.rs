//! What whoever runs Weir looks at.

use scenarios::{Source, Weir, encode};

#[tokio::test]
async fn health_metrics_and_the_description_of_the_api_are_there() {
    let weir = Weir::start().await;
    let anybody = weir.anonymous();
    for path in ["/healthz", "/readyz"] {
        let answer = anybody.get(path).await;
        assert_eq!(answer.code, 200, "{path}: {}", answer.text);
    }
    let described = anybody.get("/api/openapi.json").await.json();
    assert!(described["openapi"].as_str().unwrap_or_default().starts_with("3."), "{described}");
    for path in ["/api/live/create", "/api/live", "/api/live/{videoId}/status", "/api/live/{videoId}/stop"] {
        assert!(described["paths"][path].is_object(), "{path} isn't described");
    }
}

#[tokio::test]
async fn a_live_stream_shows_in_the_status_and_in_the_metrics() {
    let weir = Weir::builder().env("WEIR_LOG_FORMAT", "json").start().await;
    let stream = weir.api().create("measured").await;
    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(3).await;
    player.finish();
    let status = stream.status().await;
    for part in ["ingest", "encode", "upload"] {
        assert!(status[part].is_object(), "no {part} in {status}");
    }
    assert!(status["startedAt"].is_string(), "{status}");
    let metrics = weir.anonymous().get("/metrics").await;
    assert_eq!(metrics.code, 200);
    for name in [
        "ingest_bits_per_second",
        "ingest_frames_per_second",
        "encode_frames_per_second",
        "encode_speed_ratio",
        "encode_queue_packets",
        "encode_dropped_frames",
        "upload_queue_segments",
        "upload_duration_seconds_bucket",
        "segments_total",
        "upload_segments_dropped_total",
    ] {
        let line = metrics.text.lines().find(|line| line.starts_with(&format!("weir_{name}")));
        assert!(line.is_some(), "no weir_{name} in the metrics:\n{}", metrics.text);
    }
    publisher.stop().await;
    stream.reaches("READY").await;
    for line in weir.log().lines().filter(|line| line.starts_with('{')) {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert!(weir.log().lines().any(|line| line.starts_with('{')), "a JSON log:\n{}", weir.log());
}
