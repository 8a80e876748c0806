//! The Prometheus recorder, and what its figures mean.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
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
    let handle = builder(IDLE)?.install_recorder()?;
    describe();
    Ok(handle)
}

fn builder(idle: Duration) -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .idle_timeout(MetricKindMask::GAUGE, Some(idle))
        .set_buckets_for_metric(Matcher::Full(UPLOAD_DURATION.to_owned()), &SECONDS)
}

/// The figures as they are now, in Prometheus' text format.
pub(crate) fn render(handle: &PrometheusHandle) -> String {
    // The recorder forgets what doesn't change, which is right for streams alone: what is only counted up and down would
    // come back as -1.
    for (name, _) in GAUGES {
        gauge!(*name).increment(0.0);
    }
    handle.render()
}

fn describe() {
    for (name, what) in COUNTERS {
        describe_counter!(*name, *what);
        // A counter that is missing until something goes wrong can't be alerted on.
        counter!(*name).absolute(0);
    }
    for (name, what) in COUNTERS_BY_REASON {
        describe_counter!(*name, *what);
    }
    for (name, what) in GAUGES.iter().chain(STREAM_GAUGES) {
        describe_gauge!(*name, *what);
    }
    describe_histogram!(UPLOAD_DURATION, Unit::Seconds, "From a segment's end to its being stored.");
}

const UPLOAD_DURATION: &str = "weir_upload_duration_seconds";

const COUNTERS: &[(&str, &str)] = &[
    ("weir_rtmp_accept_errors_total", "Connections that the system refused."),
    ("weir_certificate_errors_total", "New certificates of RTMPS and HTTPS that could not be used."),
    ("weir_https_handshakes_failed_total", "HTTPS connections that failed in their TLS handshake."),
    ("weir_on_publish_failures_total", "Publishes refused because the on_publish hook gave no answer."),
    ("weir_ingest_bytes_total", "Bytes of coded media received."),
    ("weir_pull_attempts_total", "Attempts to play streams from other servers."),
    ("weir_pull_failures_total", "Those of them that failed; a source that ended its stream did not."),
    (
        "weir_broadcasts_recovered_total",
        "Broadcasts that were live when a server died, found at the next start.",
    ),
    ("weir_mux_errors_total", "Encoded access units that could not be muxed."),
    ("weir_segments_total", "Segments made."),
    ("weir_upload_retries_total", "Attempts to store an object beyond its first."),
    ("weir_upload_failures_total", "Rounds of attempts that the object store refused."),
    ("weir_upload_segments_dropped_total", "Segments that the object store never took."),
    ("weir_objects_left_behind_total", "Old objects that could not be removed."),
    ("weir_poster_failures_total", "Posters that could not be stored."),
    (
        "weir_sprites_failures_total",
        "Sheets of small pictures that could not be stored when they were to be.",
    ),
    (
        "weir_sprites_dropped_total",
        "Small pictures that were left out because storing the ones before took too long.",
    ),
    ("weir_recording_failures_total", "Attempts to make recordings that failed."),
    ("weir_recording_parts_total", "Parts of recordings that were stored."),
    ("weir_recording_segments_missing_total", "Segments that recordings show as pictures that stand still."),
    (
        "weir_recording_segments_forgotten_total",
        "Segments that are in no recording because the catalog did not take them.",
    ),
    ("weir_janitor_removed_total", "Objects removed because nothing named them any more."),
    ("weir_janitor_uploads_aborted_total", "Uploads in parts given up because nobody went on with them."),
    ("weir_origin_bytes_total", "Bytes of playlists, media and pictures that players were sent."),
    ("weir_events_lost_total", "Events that the catalog did not take."),
    (
        "weir_webhook_events_missed_total",
        "Events that were removed before a webhook's endpoint was told of them.",
    ),
    ("weir_webhooks_disabled_total", "Webhooks' endpoints that were disabled because they failed."),
    ("weir_encoders_left_behind_total", "Encoders' threads that hang, and were given up."),
    ("weir_http_refused_total", "HTTP connections that were closed because there were too many."),
    ("weir_http_panics_total", "HTTP calls that met a bug."),
];

const COUNTERS_BY_REASON: &[(&str, &str)] = &[
    ("weir_rtmp_refused_total", "RTMP connections and publishers that were refused, by reason."),
    ("weir_rtmp_limit_hits_total", "Limits that RTMP peers met, by limit."),
    ("weir_ingest_faults_total", "What publishers got wrong, by kind; told as sessions end."),
    ("weir_sessions_ended_total", "Publishing sessions that ended, by reason."),
    ("weir_broadcasts_ended_total", "Broadcasts that ended, by reason."),
    ("weir_recordings_total", "Recordings that came to an end, by result."),
    ("weir_stalls_total", "Times that something of a broadcast stood still, by station."),
    ("weir_webhook_attempts_total", "Requests to webhooks' endpoints, by outcome."),
];

/// Of the whole server. They are always there.
const GAUGES: &[(&str, &str)] = &[
    ("weir_broadcasts", "Broadcasts on air, or waiting for their publisher."),
    ("weir_recordings", "Recordings that are being made."),
    ("weir_processor_load_ratio", "Share of all cores' time that Weir used, over the last ten seconds."),
    ("weir_rtmp_connections", "Open RTMP connections."),
    ("weir_origin_bits_per_second", "What the viewers of all streams are sent from memory."),
];

/// Of a stream on air, set with each reading.
const STREAM_GAUGES: &[(&str, &str)] = &[
    ("weir_stalled", "1 while that of a stream stands still: its publisher, its encoder or its upload."),
    ("weir_viewers", "Viewers of a stream: by their sockets, or by the playlists that they ask for."),
    ("weir_served_bytes", "Bytes that a broadcast's viewers were sent from memory."),
    ("weir_served_bits_per_second", "What a stream's viewers are sent from memory."),
    ("weir_viewer_latency_seconds", "How far behind a stream's viewers are, as their players report it."),
    ("weir_viewer_stalls", "Times that pictures stood still, of those who watch a stream now."),
    ("weir_ingest_bits_per_second", "What a stream's publisher sends."),
    ("weir_ingest_frames_per_second", "Pictures that a stream's publisher sends."),
    ("weir_encode_frames_per_second", "Pictures that a stream's encoder makes."),
    ("weir_encode_speed_ratio", "Seconds of media made in a second of the encoder's work."),
    ("weir_encode_queue_packets", "Packets that wait for a stream's encoder."),
    ("weir_encode_lag_seconds", "How long the last packet had waited for a stream's encoder."),
    ("weir_encode_one_picture_in", "Of so many pictures one is encoded; above 1, the machine can't keep up."),
    ("weir_encode_skipped_frames", "Pictures left out because of that, since the broadcast began."),
    ("weir_encode_dropped_frames", "Pictures left out since the broadcast began."),
    ("weir_upload_queue_segments", "Segments of a stream that aren't stored yet."),
    ("weir_upload_queue_bytes", "Bytes of a stream that aren't stored yet."),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_gauges_of_streams_are_forgotten_and_those_of_the_server_are_not() {
        let recorder = builder(Duration::from_millis(1)).unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            gauge!("weir_broadcasts").increment(2);
            gauge!("weir_viewers", "stream" => "a").set(3);
            let read = || render(&recorder.handle());
            assert!(read().contains("weir_viewers"));
            std::thread::sleep(Duration::from_millis(20));
            let later = read();
            assert!(later.contains("\nweir_broadcasts 2\n") && !later.contains("weir_viewers"), "{later}");
            gauge!("weir_broadcasts").decrement(1);
            assert!(read().contains("\nweir_broadcasts 1\n"));
        });
    }

    #[test]
    fn every_figure_is_described() {
        let lists = [COUNTERS, COUNTERS_BY_REASON, GAUGES, STREAM_GAUGES];
        let mut described: Vec<_> = lists.into_iter().flatten().map(|(name, _)| *name).collect();
        described.push(UPLOAD_DURATION);
        let mut used = Vec::new();
        names(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
        assert!(used.len() > 50, "{used:?}");
        used.retain(|name| !described.contains(&name.as_str()));
        assert!(used.is_empty(), "{used:?}");
    }

    /// The names of figures in the sources beneath a folder.
    fn names(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                names(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let named = text.split("!(\"weir_").skip(1).filter_map(|rest| rest.split_once('"'));
            found.extend(named.map(|(name, _)| "weir_".to_owned() + name));
        }
    }
}
