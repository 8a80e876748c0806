//! A broadcast's viewers over time.

use std::time::SystemTime;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::Api;
use super::problem::Problem;
use super::streams::Named;
use crate::catalog::{SAMPLE_PERIOD, ViewerSample};
use crate::live::whole_millis;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    #[serde(default, with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
}

/// A broadcast's viewers, at times that are ten seconds apart; further, in a long broadcast.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ViewerHistory {
    /// Which broadcast: when it went live. Null where the stream has had none.
    #[serde(with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
    /// In order.
    samples: Vec<Sample>,
}

/// The viewers at one time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Sample {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    viewers: u32,
    /// Seconds behind the source, as their players report it: half of them are no further. Null
    /// where none reports.
    latency_p50: Option<f64>,
    /// 95 in a hundred are no further.
    latency_p95: Option<f64>,
    /// Times that a picture stood still, since the broadcast began.
    stalls: u64,
    /// Bits a second that they are sent.
    served_bitrate: u64,
}

impl Sample {
    fn new(started: SystemTime, sample: &ViewerSample) -> Self {
        let seconds = |millis: u32| f64::from(millis) / 1000.0;
        Self {
            at: whole_millis(started + SAMPLE_PERIOD * sample.slot),
            viewers: sample.viewers,
            latency_p50: sample.latency_p50.map(seconds),
            latency_p95: sample.latency_p95.map(seconds),
            stalls: sample.stalls,
            served_bitrate: sample.bits_per_second,
        }
    }
}

/// The viewers of a broadcast over time
///
/// Of the last broadcast, or of the one whose `startedAt` is given. Some 700 samples at most are kept of
/// each of a stream's last twenty broadcasts, until the stream is deleted.
#[utoipa::path(
    get, path = "/api/live/{videoId}/viewers/history", tag = "viewers", security(("token" = [])),
    params(("videoId" = String, Path), ("startedAt" = Option<OffsetDateTime>, Query)),
    responses(
        (status = OK, body = ViewerHistory),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn viewer_history(
    State(api): State<Api>,
    Named(id): Named,
    which: Result<Query<Which>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<ViewerHistory>, Problem> {
    let Query(Which { started_at }) =
        which.map_err(|_| Problem::invalid("startedAt is a time as the status gives it (RFC 3339)."))?;
    if api.catalog.get(&id).await?.is_none() {
        return Err(Problem::no_such_stream(id.as_str()));
    }
    let started = match started_at {
        Some(given) => Some(SystemTime::from(given)),
        None => api.catalog.last_sampled(&id).await?,
    };
    let samples = match started {
        Some(started) => {
            let samples = api.catalog.viewer_samples(&id, started).await?;
            samples.iter().map(|sample| Sample::new(started, sample)).collect()
        }
        None => Vec::new(),
    };
    Ok(Json(ViewerHistory { started_at: started.map(whole_millis), samples }))
}
