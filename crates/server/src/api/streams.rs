//! Control calls: create, list, start, stop, change the key, remove.

use std::collections::HashMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use rtmp_ingest::SourceUrl;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::body::Body;
use super::dto::{Created, Start, StreamKey, StreamStatus, Streams};
use super::problem::Problem;
use super::urls::Urls;
use super::wishes::Wishes;
use crate::catalog::{Stream, VideoId};

/// Streams in one answer.
const LIST_LIMIT: u32 = 1000;

/// Which of the streams to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// The most streams to answer with.
    #[param(minimum = 1, maximum = 1000, default = 1000)]
    limit: Option<u32>,
    /// The `videoId` of the last stream that is known: only those made before it.
    after: Option<String>,
}

/// The stream that the path names.
pub(super) struct Named(pub(super) VideoId);

impl FromRequestParts<Api> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, api).await;
        let text = path.map(|Path(text)| text).unwrap_or_default();
        VideoId::parse(&text).map(Self).ok_or_else(|| Problem::no_such_stream(&text))
    }
}

/// Make a stream and its key
#[utoipa::path(
    post, path = "/api/live/create", tag = "streams", security(("token" = [])), request_body = Option<Wishes>,
    responses(
        (status = CREATED, body = Created),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    State(api): State<Api>,
    urls: Urls,
    Body(wishes): Body<Wishes>,
) -> Result<impl IntoResponse, Problem> {
    let (title, options) = wishes.over("", &api.stream_defaults)?;
    let stream = api.catalog.create(&title, options).await?;
    tracing::info!(stream = %stream.video_id, "created");
    let location = format!("/api/live/{}/status", stream.video_id);
    let headers = [(LOCATION, location), (CACHE_CONTROL, "no-store".to_owned())];
    Ok((StatusCode::CREATED, headers, Json(Created::new(&stream, &urls))))
}

/// The streams, newest first
///
/// A thousand at most in one answer. Where `next` isn't null there are older ones: ask again with `after` set to it.
#[utoipa::path(
    get, path = "/api/live", tag = "streams", security(("token" = [])), params(Page),
    responses(
        (status = OK, body = Streams),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(api): State<Api>,
    urls: Urls,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Streams>, Problem> {
    let Query(Page { limit, after }) = page?;
    let limit = limit.unwrap_or(LIST_LIMIT);
    if !(1..=LIST_LIMIT).contains(&limit) {
        return Err(Problem::invalid(format!("limit is {limit}; it must be from 1 to {LIST_LIMIT}.")));
    }
    // One more than asked for says whether there are more.
    let mut streams = api.catalog.list(limit + 1, after.as_deref()).await?;
    let has_more = streams.len() > limit as usize;
    streams.truncate(limit as usize);
    let next = streams.last().filter(|_| has_more).map(|stream| stream.video_id.to_string());
    let newest = api.catalog.newest_recordings().await?;
    let mut newest: HashMap<_, _> =
        newest.into_iter().map(|recording| (recording.video_id.clone(), recording)).collect();
    let status = |stream: Stream| {
        let recording = newest.remove(&stream.video_id);
        StreamStatus::new(stream, recording, &api, &urls)
    };
    let streams = streams.into_iter().map(status).collect();
    let (defaults, served_bitrate) = (api.stream_defaults.clone(), api.registry.served_rate());
    Ok(Json(Streams { streams, next, defaults, served_bitrate }))
}

/// One stream and how it is doing
#[utoipa::path(
    get, path = "/api/live/{videoId}/status", tag = "streams", security(("token" = [])),
    params(("videoId" = String, Path)),
    responses(
        (status = OK, body = StreamStatus),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn status(
    State(api): State<Api>,
    urls: Urls,
    Named(id): Named,
) -> Result<Json<StreamStatus>, Problem> {
    told(&api, &urls, find(&api, &id).await?).await
}

/// Change a stream's title or options
///
/// A broadcast on air goes on as it began; the next one has the new options.
#[utoipa::path(
    patch, path = "/api/live/{videoId}", tag = "streams", security(("token" = [])),
    params(("videoId" = String, Path)), request_body = Option<Wishes>,
    responses(
        (status = OK, body = StreamStatus),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change(
    State(api): State<Api>,
    urls: Urls,
    Named(id): Named,
    Body(wishes): Body<Wishes>,
) -> Result<Json<StreamStatus>, Problem> {
    in_turn(api, id, |api, id| async move {
        let stream = find(&api, &id).await?;
        let (title, options) = wishes.over(&stream.title, &stream.options)?;
        api.catalog.change(&id, &title, &options).await?;
        told(&api, &urls, Stream { title, options, ..stream }).await
    })
    .await
}

/// End a stream's broadcast, if there is one, and remove the stream
#[utoipa::path(
    delete, path = "/api/live/{videoId}", tag = "streams", security(("token" = [])),
    params(("videoId" = String, Path)),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete(State(api): State<Api>, Named(id): Named) -> Result<StatusCode, Problem> {
    in_turn(api, id, |api, id| async move {
        let stream = find(&api, &id).await?;
        // Disarmed first: an encoder that reconnects by itself must not come in between.
        api.catalog.disarm(&id).await?;
        api.pulls.stop(&id);
        api.registry.stop(&id).await;
        let next = api.catalog.next_sequence(&id).await?;
        api.recorders.forget(&id).await?;
        api.catalog.delete(&id).await?;
        api.registry.forget(&stream, next);
        tracing::info!(stream = %id, "deleted");
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Arm the key: its encoder may publish; or play the stream from another RTMP server
///
/// A source is played until `stop`, and tried again, with growing pauses, whenever it fails or ends. Starting
/// again replaces it.
#[utoipa::path(
    post, path = "/api/live/{videoId}/start", tag = "streams", security(("token" = [])),
    params(("videoId" = String, Path)), request_body = Option<Start>,
    responses(
        (status = OK, body = StreamStatus),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    State(api): State<Api>,
    urls: Urls,
    Named(id): Named,
    Body(Start { source_url }): Body<Start>,
) -> Result<Json<StreamStatus>, Problem> {
    let source = source_url.as_deref().map(str::parse::<SourceUrl>).transpose();
    let source = source.map_err(|fault| Problem::invalid(format!("sourceUrl cannot be played: {fault}.")))?;
    in_turn(api, id, |api, id| async move {
        if !api.catalog.arm(&id, source_url.as_deref()).await? {
            return Err(Problem::no_such_stream(id.as_str()));
        }
        match source {
            Some(source) => api.pulls.start(&id, source),
            None => api.pulls.stop(&id),
        }
        told(&api, &urls, find(&api, &id).await?).await
    })
    .await
}

/// End the broadcast in order and disarm the key, until it is started again
#[utoipa::path(
    post, path = "/api/live/{videoId}/stop", tag = "streams", security(("token" = [])),
    params(("videoId" = String, Path)),
    responses(
        (status = OK, body = StreamStatus),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn stop(
    State(api): State<Api>,
    urls: Urls,
    Named(id): Named,
) -> Result<Json<StreamStatus>, Problem> {
    in_turn(api, id, |api, id| async move {
        if !api.catalog.disarm(&id).await? {
            return Err(Problem::no_such_stream(id.as_str()));
        }
        api.pulls.stop(&id);
        api.registry.stop(&id).await;
        told(&api, &urls, find(&api, &id).await?).await
    })
    .await
}

/// Where the stream's encoder publishes to
#[utoipa::path(
    get, path = "/api/live/{videoId}/key", tag = "streams", security(("token" = [])),
    params(("videoId" = String, Path)),
    responses(
        (status = OK, body = StreamKey),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn key(
    State(api): State<Api>,
    urls: Urls,
    Named(id): Named,
) -> Result<impl IntoResponse, Problem> {
    let stream = find(&api, &id).await?;
    Ok(secret(StreamKey { stream_key: stream.stream_key.0, rtmp_url: urls.rtmp(), rtmps_url: urls.rtmps() }))
}

/// Give the stream a new key; the old one cannot publish any more
#[utoipa::path(
    post, path = "/api/live/{videoId}/key", tag = "streams", security(("token" = [])),
    params(("videoId" = String, Path)),
    responses(
        (status = OK, body = StreamKey),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn rotate_key(
    State(api): State<Api>,
    urls: Urls,
    Named(id): Named,
) -> Result<impl IntoResponse, Problem> {
    in_turn(api, id, |api, id| async move {
        let key = api.catalog.rotate_key(&id).await?;
        let stream_key = key.ok_or_else(|| Problem::no_such_stream(id.as_str()))?;
        tracing::info!(stream = %id, "key changed");
        Ok(secret(StreamKey { stream_key, rtmp_url: urls.rtmp(), rtmps_url: urls.rtmps() }))
    })
    .await
}

fn secret(key: StreamKey) -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], Json(key))
}

/// Changes a stream: after those who change it already, and to the end.
async fn in_turn<T: Send + 'static, C: Future<Output = T> + Send + 'static>(
    api: Api,
    id: VideoId,
    change: impl FnOnce(Api, VideoId) -> C,
) -> T {
    let (turns, of) = (api.turns.clone(), id.clone());
    turns.run(&of, change(api, id)).await
}

async fn told(api: &Api, urls: &Urls, stream: Stream) -> Result<Json<StreamStatus>, Problem> {
    let newest = api.catalog.newest_recording(&stream.video_id).await?;
    Ok(Json(StreamStatus::new(stream, newest, api, urls)))
}

async fn find(api: &Api, id: &VideoId) -> Result<Stream, Problem> {
    api.catalog.get(id).await?.ok_or_else(|| Problem::no_such_stream(id.as_str()))
}
