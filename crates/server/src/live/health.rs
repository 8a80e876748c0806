//! How a broadcast is doing, in figures that the status call and the metrics tell.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use media::{MediaEvent, Timestamp, Track};
use serde::Serialize;
use utoipa::ToSchema;

use super::watchdog::Station;

/// What the publisher sends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IngestHealth {
    /// What the encoder says it is.
    pub(crate) encoder: Option<String>,
    pub(crate) remote_address: Option<String>,
    /// When its present session began (RFC 3339).
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) connected_at: Option<time::OffsetDateTime>,
    /// Bits a second, over the last few seconds.
    pub(crate) bitrate: u64,
    /// Pictures a second, over the last few seconds.
    pub(crate) frame_rate: f64,
    pub(crate) video_codec: Option<String>,
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) audio_codec: Option<String>,
    pub(crate) sample_rate: Option<u32>,
    pub(crate) channels: Option<u8>,
    /// Seconds from the last keyframe but one to the last.
    pub(crate) keyframe_interval: Option<f64>,
    /// Whether pictures came in another order than they are shown in, over the last few seconds.
    pub(crate) b_frames: bool,
    pub(crate) bytes_received: u64,
}

/// What the encoder makes of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EncodeHealth {
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) frame_rate: f64,
    /// Seconds of media made in a second of the encoder's work; below 1 it falls behind.
    pub(crate) speed: Option<f64>,
    pub(crate) queued_packets: usize,
    /// Milliseconds that the last packet had waited for the encoder.
    pub(crate) lag_ms: u64,
    /// The encoder's preset in force: a faster one than the configured while the machine can't keep up.
    pub(crate) preset: String,
    /// Of so many pictures one is encoded; more than 1 while the machine can't keep up.
    pub(crate) one_picture_in: u32,
    /// What isn't even decoded, while decoding alone is more than the machine can do.
    pub(crate) decode_skip: DecodeSkip,
    /// Pictures left out because of that.
    pub(crate) frames_skipped: u64,
    pub(crate) frames_decoded: u64,
    pub(crate) frames_encoded: u64,
    pub(crate) frames_dropped: u64,
    pub(crate) frames_repeated: u64,
    pub(crate) decode_errors: u64,
}

/// What the decoder leaves out; each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum DecodeSkip {
    #[default]
    Nothing,
    LoopFilter,
    NonReference,
    NonKey,
}

impl From<transcode::DecodeSkip> for DecodeSkip {
    fn from(skip: transcode::DecodeSkip) -> Self {
        match skip {
            transcode::DecodeSkip::Nothing => Self::Nothing,
            transcode::DecodeSkip::LoopFilter => Self::LoopFilter,
            transcode::DecodeSkip::NonReference => Self::NonReference,
            transcode::DecodeSkip::NonKey => Self::NonKey,
        }
    }
}

/// What reaches the object store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadHealth {
    pub(crate) pending_segments: usize,
    pub(crate) pending_bytes: usize,
    pub(crate) segments_stored: u64,
    /// Given up, and marked as gaps in the playlist.
    pub(crate) segments_dropped: u64,
    pub(crate) retries: u64,
    /// Milliseconds from a segment's end to its being stored; the latest.
    pub(crate) latency_ms: Option<u64>,
    /// What is wrong now; `null` once an upload succeeds again.
    pub(crate) last_error: Option<String>,
}

/// A broadcast's figures; each part is written by one task and read by anyone.
#[derive(Default)]
pub(crate) struct Health {
    ingest: Mutex<Option<IngestHealth>>,
    encode: Mutex<EncodeHealth>,
    upload: Mutex<UploadHealth>,
    stalled: Mutex<Vec<Station>>,
}

impl Health {
    pub(crate) fn ingest(&self) -> Option<IngestHealth> {
        self.ingest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn encode(&self) -> EncodeHealth {
        self.encode.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn upload(&self) -> UploadHealth {
        self.upload.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn stalled(&self) -> Vec<Station> {
        self.stalled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_stalled(&self, stalled: Vec<Station>) {
        *self.stalled.lock().unwrap_or_else(PoisonError::into_inner) = stalled;
    }

    pub(crate) fn set_ingest(&self, ingest: Option<IngestHealth>) {
        *self.ingest.lock().unwrap_or_else(PoisonError::into_inner) = ingest;
    }

    pub(crate) fn set_encode(&self, encode: EncodeHealth) {
        *self.encode.lock().unwrap_or_else(PoisonError::into_inner) = encode;
    }

    pub(crate) fn update_upload(&self, change: impl FnOnce(&mut UploadHealth)) {
        change(&mut self.upload.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Measures what a session sends.
pub(crate) struct IngestMeter {
    health: IngestHealth,
    since: Instant,
    bytes: u64,
    frames: u32,
    last_keyframe: Option<Timestamp>,
    /// The latest picture, by when it is shown.
    latest: Option<Timestamp>,
    reordered: bool,
}

/// How often rates are taken anew.
const PERIOD: Duration = Duration::from_secs(2);

impl IngestMeter {
    pub(crate) fn new(encoder: Option<String>, remote_address: String, now: Instant) -> Self {
        let health = IngestHealth {
            encoder,
            remote_address: Some(remote_address),
            connected_at: Some(whole_millis(SystemTime::now())),
            ..IngestHealth::default()
        };
        Self { health, since: now, bytes: 0, frames: 0, last_keyframe: None, latest: None, reordered: false }
    }

    pub(crate) fn health(&self) -> &IngestHealth {
        &self.health
    }

    /// The encoder has told more of itself than at first.
    pub(crate) fn set_encoder(&mut self, encoder: String) {
        self.health.encoder = Some(encoder);
    }

    /// Counts an event; `true` when there are new figures to show.
    pub(crate) fn count(&mut self, event: &MediaEvent, now: Instant) -> bool {
        match event {
            MediaEvent::Video(config) => {
                self.health.video_codec = Some(format!("{:?}", config.codec).to_uppercase());
                self.health.width = (config.width > 0).then_some(config.width);
                self.health.height = (config.height > 0).then_some(config.height);
                return true;
            }
            MediaEvent::Audio(config) => {
                self.health.audio_codec = Some(format!("{:?}", config.codec).to_uppercase());
                self.health.sample_rate = (config.sample_rate > 0).then_some(config.sample_rate);
                self.health.channels = (config.channels > 0).then_some(config.channels);
                return true;
            }
            MediaEvent::Packet(packet) => {
                let size = packet.data.len() as u64;
                self.bytes += size;
                self.health.bytes_received += size;
                if packet.track == Track::Video {
                    self.frames += 1;
                    self.reordered |= self.latest.is_some_and(|latest| packet.pts < latest);
                    self.latest = self.latest.max(Some(packet.pts));
                    if packet.is_keyframe {
                        let before = self.last_keyframe.replace(packet.pts);
                        self.health.keyframe_interval =
                            before.map(|before| (packet.pts - before).as_secs_f64());
                    }
                }
            }
        }
        let elapsed = now - self.since;
        if elapsed < PERIOD {
            return false;
        }
        self.health.bitrate = (self.bytes as f64 * 8.0 / elapsed.as_secs_f64()) as u64;
        self.health.frame_rate = f64::from(self.frames) / elapsed.as_secs_f64();
        self.health.b_frames = self.reordered;
        (self.since, self.bytes, self.frames, self.reordered) = (now, 0, 0, false);
        true
    }
}

/// A time as it goes over the wire: finer than a millisecond, clocks tell nothing.
pub(crate) fn whole_millis(at: SystemTime) -> time::OffsetDateTime {
    let at = time::OffsetDateTime::from(at);
    at.replace_millisecond(at.millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use media::Packet;

    #[test]
    fn rates_and_the_keyframe_interval_come_from_what_was_sent() {
        let start = Instant::now();
        let mut meter = IngestMeter::new(None, "127.0.0.1:1".into(), start);
        for n in 0..61_u32 {
            let pts = Timestamp::from_millis(i64::from(n) * 50);
            let packet = Packet {
                track: Track::Video,
                pts,
                dts: pts,
                is_keyframe: n % 40 == 0,
                data: Bytes::from_static(&[0; 1250]),
            };
            meter.count(&MediaEvent::Packet(packet), start + Duration::from_millis(50) * n);
        }
        let health = meter.health();
        assert_eq!(health.keyframe_interval, Some(2.0));
        assert!((health.frame_rate - 20.0).abs() < 1.0, "{}", health.frame_rate);
        assert!((190_000..220_000).contains(&health.bitrate), "{}", health.bitrate);
        assert!(!health.b_frames);
    }

    #[test]
    fn b_frames_are_pictures_that_come_after_later_ones() {
        let start = Instant::now();
        let mut meter = IngestMeter::new(None, "127.0.0.1:1".into(), start);
        for (dts, pts) in [(0_u64, 1_u64), (1, 3), (2, 2), (50, 51)] {
            let now = start + Duration::from_millis(dts * 40);
            let [pts, dts] = [pts, dts].map(|n| Timestamp::from_millis(n as i64 * 40));
            let packet = Packet { track: Track::Video, pts, dts, is_keyframe: false, data: Bytes::new() };
            meter.count(&MediaEvent::Packet(packet), now);
        }
        assert!(meter.health().b_frames);
    }
}
