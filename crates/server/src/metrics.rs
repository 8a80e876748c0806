//! The Prometheus recorder, and what its figures mean.

use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

/// A stream's gauges are forgotten this long after it has gone off the air.
const IDLE: Duration = Duration::from_secs(60);
/// Upload times, in seconds: from a fast store's to one that is too slow for live segments.
const SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0];

/// Makes this process's recorder. The handle renders the figures.
///
/// # Errors
///
/// There is a recorder already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .idle_timeout(MetricKindMask::GAUGE, Some(IDLE))
        .set_buckets_for_metric(Matcher::Full("weir_upload_duration_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_gauge!("weir_broadcasts", "Broadcasts on air, or waiting for their publisher.");
    describe_gauge!("weir_rtmp_connections", "Open RTMP connections.");
    describe_gauge!("weir_viewers", "Viewers of a stream, by their sockets.");
    describe_counter!(
        "weir_rtmp_refused_total",
        "RTMP connections and publishers that were refused, by reason."
    );
    describe_counter!("weir_rtmp_accept_errors_total", "Connections that the system refused.");
    describe_counter!("weir_sessions_ended_total", "Publishing sessions that ended, by reason.");
    describe_counter!("weir_broadcasts_ended_total", "Broadcasts that ended, by reason.");
    describe_counter!("weir_ingest_bytes_total", Unit::Bytes, "Coded media received.");
    describe_counter!(
        "weir_ingest_faults_total",
        "What publishers got wrong, by kind; told as sessions end."
    );
    describe_gauge!("weir_ingest_bits_per_second", "What a stream's publisher sends.");
    describe_gauge!("weir_ingest_frames_per_second", "Pictures that a stream's publisher sends.");
    describe_gauge!("weir_encode_frames_per_second", "Pictures that a stream's encoder makes.");
    describe_gauge!("weir_encode_speed_ratio", "Seconds of media made in a second of the encoder's work.");
    describe_gauge!("weir_encode_queue_packets", "Packets that wait for a stream's encoder.");
    describe_gauge!("weir_encode_dropped_frames", "Pictures left out since the broadcast began.");
    describe_counter!("weir_mux_errors_total", "Encoded access units that could not be muxed.");
    describe_counter!("weir_segments_total", "Segments made.");
    describe_histogram!(
        "weir_upload_duration_seconds",
        Unit::Seconds,
        "From a segment's end to its being stored."
    );
    describe_counter!("weir_upload_retries_total", "Attempts to store an object beyond its first.");
    describe_counter!("weir_upload_failures_total", "Rounds of attempts that the object store refused.");
    describe_counter!("weir_upload_segments_dropped_total", "Segments that the object store never took.");
    describe_gauge!("weir_upload_queue_segments", "Segments of a stream that aren't stored yet.");
    describe_gauge!("weir_upload_queue_bytes", "Bytes of a stream that aren't stored yet.");
    describe_counter!("weir_objects_left_behind_total", "Old objects that could not be removed.");
    describe_counter!("weir_origin_bytes_total", Unit::Bytes, "Playlists and segments served from memory.");
    describe_counter!("weir_http_panics_total", "HTTP calls that met a bug.");
}
