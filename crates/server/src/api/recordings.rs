//! What is left of a stream's broadcasts.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::path::InPath;
use super::problem::Problem;
use super::streams::Named;
use super::urls::Urls;
use super::{Api, for_any_page, range};
use crate::catalog::{self, RecordingState, VideoId};
use crate::live::{ObjectKeys, ObjectName, whole_millis};
use crate::recordings::{FILE_CACHE, FILE_TYPE, Place};

/// A stream's recordings, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Recordings {
    recordings: Vec<Recording>,
}

/// What is left of one broadcast.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recording {
    /// Its place among the stream's recordings, from 1.
    number: u32,
    state: RecordingState,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    /// When the broadcast was over; null while it is on air.
    #[serde(with = "time::serde::rfc3339::option")]
    ended_at: Option<OffsetDateTime>,
    /// The file's object in the bucket.
    key: String,
    /// Where the file plays, from this server or by a redirect to the bucket; null until it is ready.
    url: Option<String>,
    /// The same in a bucket that the public can read; null without a bucket.
    s3_url: Option<String>,
    /// Bytes; null until it is ready.
    size: Option<u64>,
    /// Seconds; null until it is ready.
    duration: Option<f64>,
    /// `h264`, `aac`; empty until it is ready.
    codecs: Vec<String>,
    /// The broadcast has outgrown the room for the index in front of the media: it is behind.
    index_is_last: bool,
    /// Attempts to make the file that failed.
    attempts: u32,
    /// Why the last one did; null while all is well.
    reason: Option<String>,
}

impl Recording {
    pub(super) fn new(recording: catalog::Recording, urls: &Urls) -> Self {
        let key = ObjectKeys::new(&recording.video_id).recording(recording.number);
        let file = recording.file.as_ref();
        let codecs = file.map_or("", |file| &file.codecs).split(',').filter(|name| !name.is_empty());
        Self {
            number: recording.number,
            state: recording.state,
            started_at: whole_millis(recording.started_at),
            ended_at: recording.ended_at.map(whole_millis),
            url: file.map(|_| urls.origin(&key)),
            s3_url: file.and_then(|_| urls.object(&key)),
            size: file.map(|file| file.bytes),
            duration: file.map(|file| file.duration.as_secs_f64()),
            codecs: codecs.map(str::to_owned).collect(),
            index_is_last: file.is_some_and(|file| file.index_is_last),
            attempts: recording.attempts,
            reason: recording.reason,
            key,
        }
    }
}

/// What is left of a stream's broadcasts, newest first
#[utoipa::path(
    get, path = "/api/live/{videoId}/recordings", tag = "recordings", security(("token" = [])),
    params(("videoId" = String, Path)),
    responses(
        (status = OK, body = Recordings),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(api): State<Api>,
    urls: Urls,
    Named(id): Named,
) -> Result<Json<Recordings>, Problem> {
    if api.catalog.get(&id).await?.is_none() {
        return Err(Problem::no_such_stream(id.as_str()));
    }
    let recordings = api.catalog.recordings_of(&id).await?;
    let recordings = recordings.into_iter().map(|recording| Recording::new(recording, &urls)).collect();
    Ok(Json(Recordings { recordings }))
}

/// Remove a recording: its file and its segments
#[utoipa::path(
    delete, path = "/api/live/{videoId}/recordings/{number}", tag = "recordings", security(("token" = [])),
    params(("videoId" = String, Path), ("number" = u32, Path, minimum = 1)),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
        (status = CONFLICT, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete(
    State(api): State<Api>,
    InPath((id, number)): InPath<(String, String)>,
) -> Result<StatusCode, Problem> {
    let recording = find(&api, &id, &number).await?;
    if recording.ended_at.is_none() {
        return Err(Problem::still_recording(recording.number));
    }
    api.recorders.remove(&recording).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The recording that a path names.
pub(super) async fn find(api: &Api, id: &str, number: &str) -> Result<crate::catalog::Recording, Problem> {
    let none = || Problem::no_such_recording(id, number);
    let stream = VideoId::parse(id).ok_or_else(none)?;
    let number = number.parse().ok().filter(|number| *number > 0).ok_or_else(none)?;
    api.catalog.recording(&stream, number).await?.ok_or_else(none)
}

/// The files, for players.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(for_any_page(routes!(file)))
}

/// A recording's file
///
/// With a bucket, the answer is a redirect to an address in it that is good for twelve hours.
#[utoipa::path(
    get, path = "/recordings/{file}", tag = "playback", operation_id = "playRecording",
    params(("file" = String, Path, example = "0199f5a2-7b1c-7d3e-8f4a-5b6c7d8e9f00.mp4")),
    responses(
        (status = OK, content_type = "video/mp4", body = String),
        (status = PARTIAL_CONTENT, description = "The range that was asked for"),
        (status = NOT_MODIFIED, description = "Who asks has it"),
        (status = TEMPORARY_REDIRECT, description = "It is there"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
        (status = RANGE_NOT_SATISFIABLE, description = "There are no such bytes"),
        (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn file(
    State(api): State<Api>,
    InPath(name): InPath<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let key = format!("recordings/{name}");
    let none = || Problem::no_such_object(&key);
    let Some((id, ObjectName::Recording(number))) = ObjectName::parse(&key) else { return Err(none()) };
    let found = api.catalog.recording(&id, number).await?;
    let recording = found.filter(|recording| recording.state == RecordingState::Ready).ok_or_else(none)?;
    let place = api.recorders.place(&recording).await.map_err(|error| {
        tracing::warn!(%error, "a recording cannot be served");
        Problem::store_unreachable()
    })?;
    let mut response = match place {
        Some(Place::Here(data)) => {
            let asked = range::Conditions::of(&method, &headers);
            range::respond(&asked, &data, &format!("{}-{}", recording.number, data.len()))
        }
        Some(Place::At(url)) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            response.headers_mut().extend(HeaderValue::from_str(&url).ok().map(|url| (LOCATION, url)));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return Ok(response);
        }
        None => return Err(none()),
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FILE_TYPE));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(FILE_CACHE));
    Ok(response)
}
