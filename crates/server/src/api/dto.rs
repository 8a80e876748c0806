//! What goes over the wire.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::Api;
use super::recordings::Recording;
use super::urls::Urls;
use crate::catalog::{self, EndReason, Status, Stream, StreamOptions};
use crate::ingest::SourceStatus;
use crate::live::{
    Attendance, EncodeHealth, Experience, IngestHealth, ObjectKeys, Station, UploadHealth, whole_millis,
};

/// A stream that was just made, with all that its encoder and its viewers need.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Created {
    video_id: String,
    title: String,
    #[serde(flatten)]
    options: StreamOptions,
    status: Status,
    /// Paste it into the encoder; whoever has it can publish.
    stream_key: String,
    /// The server URL to paste into the encoder.
    #[schema(example = "rtmp://localhost:1935/live")]
    rtmp_url: String,
    /// The same over TLS, where it is set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmps_url: Option<String>,
    playback_url: String,
    hls_manifest_key: String,
    /// Where the bucket has the playlist, if a bucket is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_playback_url: Option<String>,
    player_url: String,
}

/// Where a stream's encoder publishes to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StreamKey {
    pub(super) stream_key: String,
    pub(super) rtmp_url: String,
    /// The same over TLS, where it is set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rtmps_url: Option<String>,
}

/// How starting is to be done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Start {
    /// Where to play the stream from, in place of its encoder; it may hold a secret, and is not told again.
    #[schema(example = "rtmp://other.example/live/name", format = "rtmp-url")]
    pub(super) source_url: Option<String>,
}

/// The streams, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Streams {
    pub(super) streams: Vec<StreamStatus>,
    /// Where there are older ones: what to ask for them with, as `after`.
    pub(super) next: Option<String>,
    /// What a new stream is unless its maker says otherwise.
    pub(super) defaults: StreamOptions,
    /// Bits a second that the viewers of all streams are sent.
    pub(super) served_bitrate: u64,
}

/// A stream and how it is doing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StreamStatus {
    video_id: String,
    title: String,
    #[serde(flatten)]
    options: StreamOptions,
    status: Status,
    /// On air: the playlist is there.
    is_live_now: bool,
    /// On air, but the publisher is away and may come back.
    reconnecting: bool,
    /// What stands still now, of `publisher` (it is connected and silent), `encoder` and `upload`.
    stalled: Vec<Station>,
    /// Whether the key can publish.
    armed: bool,
    hls_manifest_key: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    ended_at: Option<OffsetDateTime>,
    /// Why the last broadcast ended.
    end_reason: Option<EndReason>,
    /// Viewers now.
    viewers: usize,
    /// Most viewers at once, of this broadcast.
    peak_viewers: usize,
    /// Viewers that came, of this broadcast; who was away for a while counts again.
    total_viewers: u64,
    /// What the viewers' players report; null while none does.
    playback: Option<Experience>,
    /// Bytes of playlists, segments and parts that this broadcast's viewers were sent; null off the air.
    served_bytes: Option<u64>,
    /// Bits a second that they are sent; null off the air.
    served_bitrate: Option<u64>,
    rtmp_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmps_url: Option<String>,
    playback_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_playback_url: Option<String>,
    player_url: String,
    /// The playlist of all that is kept of its newest recorded broadcast; null where nothing is.
    vod_url: Option<String>,
    /// What is left of that broadcast, and how far its file is; null where nothing is.
    recording: Option<Recording>,
    /// The server that it is played from; null where its encoder publishes.
    source: Option<SourceStatus>,
    /// What the publisher sends; null while there is none.
    ingest: Option<IngestHealth>,
    /// What the encoder makes of it; null off the air.
    encode: Option<EncodeHealth>,
    /// What reaches the object store; null off the air.
    upload: Option<UploadHealth>,
}

/// How many watch.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Viewers {
    /// Now.
    viewers: usize,
    /// Most at once, of the broadcast.
    peak: usize,
    /// That came, of the broadcast; who was away for a while counts again.
    total: u64,
}

impl From<Attendance> for Viewers {
    fn from(Attendance { current, peak, total }: Attendance) -> Self {
        Self { viewers: current, peak, total }
    }
}

impl Created {
    pub(super) fn new(stream: &Stream, urls: &Urls) -> Self {
        let id = &stream.video_id;
        Self {
            video_id: id.to_string(),
            title: stream.title.clone(),
            options: stream.options.clone(),
            status: stream.status,
            stream_key: stream.stream_key.0.clone(),
            rtmp_url: urls.rtmp(),
            rtmps_url: urls.rtmps(),
            playback_url: urls.playback(id),
            hls_manifest_key: ObjectKeys::new(id).media_playlist(),
            s3_playback_url: urls.s3_playback(id),
            player_url: urls.player(id),
        }
    }
}

impl StreamStatus {
    /// With the stream's newest recording.
    pub(super) fn new(stream: Stream, recording: Option<catalog::Recording>, api: &Api, urls: &Urls) -> Self {
        let id = &stream.video_id;
        let broadcast = api.registry.get(id).filter(|broadcast| !broadcast.is_finished());
        let is_live_now = stream.status == Status::Live;
        let attendance = api.board.attendance(id);
        Self {
            video_id: id.to_string(),
            status: stream.status,
            is_live_now,
            reconnecting: is_live_now && broadcast.as_ref().is_some_and(|b| b.is_away()),
            stalled: broadcast.as_ref().map(|b| b.health().stalled()).unwrap_or_default(),
            armed: stream.armed,
            hls_manifest_key: ObjectKeys::new(id).media_playlist(),
            created_at: whole_millis(stream.created_at),
            started_at: stream.started_at.map(whole_millis),
            ended_at: stream.ended_at.map(whole_millis),
            end_reason: stream.end_reason,
            viewers: attendance.current,
            peak_viewers: attendance.peak,
            total_viewers: attendance.total,
            playback: api.board.experience(id),
            served_bytes: broadcast.as_ref().map(|b| b.served_bytes()),
            served_bitrate: broadcast.as_ref().map(|b| b.served_rate()),
            rtmp_url: urls.rtmp(),
            rtmps_url: urls.rtmps(),
            playback_url: urls.playback(id),
            s3_playback_url: urls.s3_playback(id),
            player_url: urls.player(id),
            vod_url: recording
                .as_ref()
                .filter(|recording| recording.has_segments)
                .map(|_| urls.origin(&ObjectKeys::new(id).vod_playlist())),
            recording: recording.map(|recording| Recording::new(recording, urls)),
            source: api.pulls.status(id),
            ingest: broadcast.as_ref().and_then(|b| b.health().ingest()),
            encode: broadcast.as_ref().map(|b| b.encode_health()),
            upload: broadcast.as_ref().map(|b| b.upload_health()),
            title: stream.title,
            options: stream.options,
        }
    }
}
