//! Viewers: how many there are, and the socket that counts them and tells them what happens.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::time::{Instant, interval_at, sleep};
use uuid::Uuid;

use super::Api;
use super::directives::VIEWER_ID_LENGTH;
use super::dto::Viewers;
use super::events;
use super::problem::Problem;
use super::requester::Requester;
use super::streams::Named;
use crate::catalog::VideoId;
use crate::live::{Brief, Report, Watching, whole_millis};

/// Least time from one message to the next, however fast viewers come and go.
const QUIET: Duration = Duration::from_millis(250);
/// How often a silent socket is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);
/// What a viewer may send in one message.
const MESSAGE_LIMIT: usize = 4 << 10;
/// Least time from one report to the next; those between are not heard.
const REPORT_PERIOD: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Viewer {
    viewer_id: Option<String>,
}

/// What a viewer sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum ViewerMessage {
    Report(Report),
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "status")]
struct StatusMessage<'a> {
    #[serde(flatten)]
    brief: &'a Brief,
    rewind: Option<&'a Rewind>,
}

/// How far a viewer can go back.
#[derive(Serialize)]
struct Rewind {
    #[serde(with = "time::serde::rfc3339")]
    from: OffsetDateTime,
    window: Option<u32>,
}

/// How many watch the stream now
#[utoipa::path(
    get, path = "/api/live/{videoId}/viewers", tag = "viewers", params(("videoId" = String, Path)),
    responses(
        (status = OK, body = Viewers),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
        (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn viewers(State(api): State<Api>, Named(id): Named) -> Result<Json<Viewers>, Problem> {
    if api.catalog.get(&id).await?.is_none() {
        return Err(Problem::no_such_stream(id.as_str()));
    }
    Ok(Json(api.board.attendance(&id).into()))
}

/// WebSocket: count as a viewer, and hear of changes
///
/// Sends `{"type":"status","status","isLiveNow","reconnecting","viewers","rewind"}` at once and on each
/// change; `rewind` is null, or `{"from","window"}`: when that began to which viewers can go back in `vod.m3u8`, and for
/// how many seconds at most while on air. Sockets with the same `viewerId` are one viewer; where there is no room
/// for one more, the answer is 503. A player may send `{"type":"report","latency":0.6,"stalls":0,"startupMs":420}` at most
/// once a second.
#[utoipa::path(
    get, path = "/api/live/{videoId}/watch", tag = "viewers",
    params(("videoId" = String, Path), ("viewerId" = Option<String>, Query)),
    responses(
        (status = SWITCHING_PROTOCOLS),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
        (status = SERVICE_UNAVAILABLE, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn watch(
    State(api): State<Api>,
    Named(id): Named,
    viewer: Result<Query<Viewer>, QueryRejection>,
    requester: Requester,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let Query(viewer) = viewer?;
    let stream = api.catalog.get(&id).await?.ok_or_else(|| Problem::no_such_stream(id.as_str()))?;
    let upgrade = upgrade.map_err(|_| Problem::invalid("This path speaks WebSocket."))?;
    let viewer = viewer.viewer_id.filter(|id| VIEWER_ID_LENGTH.contains(&id.len()));
    let viewer = viewer.unwrap_or_else(|| Uuid::now_v7().to_string());
    let watching = match api.board.watch(&id, viewer, requester.0, stream.status) {
        Ok(watching) => watching,
        Err(full) => return Err(events::refused(&api, &id, full).await),
    };
    let upgrade = upgrade.max_message_size(MESSAGE_LIMIT).max_frame_size(MESSAGE_LIMIT);
    Ok(upgrade.on_upgrade(move |socket| tell(socket, watching, api, id)))
}

/// Tells until the viewer is gone, or the server goes.
async fn tell(mut socket: WebSocket, mut watching: Watching, api: Api, id: VideoId) {
    let mut ping = interval_at(Instant::now() + PING, PING);
    let mut heard = true;
    let mut reported = None;
    let mut rewind = None;
    let mut told = None;
    loop {
        let brief = watching.brief.borrow_and_update().clone();
        // It changes with the status alone, and the catalog need not be asked whenever a viewer comes or goes.
        if told != Some(brief.status) {
            told = Some(brief.status);
            rewind = find_rewind(&api, &id, brief.is_live_now).await;
        }
        let message = StatusMessage { brief: &brief, rewind: rewind.as_ref() };
        let Ok(text) = serde_json::to_string(&message) else { return };
        if socket.send(Message::Text(text.into())).await.is_err() {
            return;
        }
        sleep(QUIET).await;
        loop {
            tokio::select! {
                changed = watching.brief.changed() => {
                    if changed.is_err() { return }
                    break;
                }
                message = socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(message)) => {
                        heard = true;
                        if reported.is_none_or(|at: Instant| at.elapsed() >= REPORT_PERIOD)
                            && let Message::Text(text) = message
                            && let Ok(ViewerMessage::Report(report)) = serde_json::from_str(&text)
                        {
                            reported = Some(Instant::now());
                            watching.report(report);
                        }
                    }
                },
                _ = ping.tick() => {
                    if !std::mem::take(&mut heard) || socket.send(Message::Ping(Default::default())).await.is_err() {
                        return;
                    }
                }
                () = api.shutdown.cancelled() => {
                    let reason = "the server is being stopped".into();
                    let frame = CloseFrame { code: close_code::RESTART, reason };
                    // A viewer that is gone already needs no goodbye.
                    let _ = socket.send(Message::Close(Some(frame))).await;
                    return;
                }
            }
        }
    }
}

/// Without an answer of the catalog a viewer can watch all the same.
async fn find_rewind(api: &Api, id: &VideoId, is_live: bool) -> Option<Rewind> {
    match api.catalog.rewind(id, is_live).await {
        Ok(found) => found.map(|found| Rewind { from: whole_millis(found.from), window: found.window }),
        Err(error) => {
            tracing::warn!(%error, stream = %id, "a viewer is not told how far it can go back");
            None
        }
    }
}
