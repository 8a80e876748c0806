//! What happens to streams: as it happens, and what has happened.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::IntoResponse;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::problem::Problem;
use super::streams::Named;
use crate::catalog::VideoId;
use crate::events::{Event, Subscription};
use crate::live::Full;

/// Connections that listen at a time.
pub(crate) const LISTENERS: usize = 64;
/// How often a silent connection is sent a comment, so that nothing between takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events in one answer.
const LOG_LIMIT: u32 = 1000;
const LOG_DEFAULT: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Tell of this stream alone.
    video_id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Limit {
    /// The most events to answer with.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// What happened to a stream, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct EventLog {
    events: Vec<Event>,
}

/// Server-sent events: what happens to streams, as it happens
///
/// Each has the number of the event as its `id`, its type as `event`, and the event as `data`. Whoever
/// sends `Last-Event-ID` gets what came after that, as far as it is kept; numbers have no gaps, so that
/// one in them tells of events that are kept no more.
#[utoipa::path(
    get, path = "/api/events", tag = "events", security(("token" = [])),
    params(
        Filter,
        ("Last-Event-ID" = Option<i64>, Header, minimum = 0, description = "Go on after the event of this number"),
    ),
    responses(
        (status = OK, body = String, content_type = "text/event-stream"),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn listen(
    State(api): State<Api>,
    filter: Result<Query<Filter>, QueryRejection>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let Query(filter) = filter?;
    let stream = match filter.video_id {
        Some(id) => Some(VideoId::parse(&id).ok_or_else(|| Problem::invalid("videoId is no stream's id."))?),
        None => None,
    };
    let after = match headers.get(LAST_EVENT_ID) {
        Some(value) => Some(number(value).ok_or_else(|| {
            Problem::invalid("Last-Event-ID is no event's number: send the id of the last event, or nothing.")
        })?),
        None => None,
    };
    let room = api.listeners.clone().try_acquire_owned().map_err(|_| Problem::too_many_listeners())?;
    let told = tell(Subscription::new(&api.catalog, after, stream), room)
        .take_until(api.shutdown.clone().cancelled_owned());
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    // A proxy that collects answers would hold events back.
    let headers = [(HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((headers, Sse::new(told).keep_alive(heartbeat)))
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

fn number(value: &axum::http::HeaderValue) -> Option<i64> {
    value.to_str().ok()?.parse().ok().filter(|number| *number >= 0)
}

/// One after the other, as fast as the listener takes them; ends where the catalog fails, for the listener
/// to come back and go on.
fn tell(
    subscription: Subscription,
    room: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    stream::unfold((subscription, room), |(mut subscription, room)| async {
        let event = match subscription.next().await {
            Ok(event) => event?,
            Err(error) => {
                tracing::warn!(%error, "a listener is sent away");
                return None;
            }
        };
        let id = event.id.to_string();
        let message = sse::Event::default().id(id).event(&event.kind).json_data(&event).ok()?;
        Some((Ok(message), (subscription, room)))
    })
}

/// What happened to a stream, newest first
///
/// The events of the last 30 days are kept, 100,000 at most of all streams.
#[utoipa::path(
    get, path = "/api/live/{videoId}/events", tag = "events", security(("token" = [])),
    params(("videoId" = String, Path), Limit),
    responses(
        (status = OK, body = EventLog),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn log(
    State(api): State<Api>,
    Named(id): Named,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Json<EventLog>, Problem> {
    let limit = limit?.0.limit.unwrap_or(LOG_DEFAULT);
    if !(1..=LOG_LIMIT).contains(&limit) {
        return Err(Problem::invalid(format!("limit is {limit}; it must be from 1 to {LOG_LIMIT}.")));
    }
    let events = api.catalog.events_of(&id, limit).await?;
    // A removed stream's events are still told.
    if events.is_empty() && api.catalog.get(&id).await?.is_none() {
        return Err(Problem::no_such_stream(id.as_str()));
    }
    Ok(Json(EventLog { events }))
}

/// Tells of a newcomer that was refused.
pub(super) async fn refused(api: &Api, id: &VideoId, full: Full) -> Problem {
    if api.board.refusal_is_news(id, std::time::Instant::now()) {
        let of = match full {
            Full::Stream => "stream",
            Full::Server => "server",
        };
        let viewers = api.board.attendance(id).current;
        let data = serde_json::json!({ "of": of, "viewers": viewers });
        api.catalog.record(crate::events::EventType::ViewersLimit, id, data).await;
    }
    Problem::full(full)
}
