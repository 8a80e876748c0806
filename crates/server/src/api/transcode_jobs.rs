//! Jobs for the application's transcode workflow: what is to be converted, and how far that is.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::body::Body;
use super::path::InPath;
use super::problem::Problem;
use super::recordings;
use super::urls::Urls;
use crate::catalog::{JobState, RecordingState};
use crate::live::{ObjectKeys, whole_millis};

/// Jobs in one answer.
const LIST_LIMIT: u32 = 1000;
const LIST_DEFAULT: u32 = 100;
/// Characters of a reason.
const REASON_LIMIT: usize = 1000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Jobs in this state alone.
    #[param(inline)]
    state: Option<JobState>,
    /// The most jobs to answer with.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Jobs, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct TranscodeJobs {
    jobs: Vec<TranscodeJob>,
}

/// A recording that the application is to convert.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TranscodeJob {
    job_id: String,
    video_id: String,
    /// The recording's, among the stream's.
    number: u32,
    state: JobState,
    /// The recording's file in the bucket.
    #[schema(example = "recordings/0199….mp4")]
    input_key: String,
    /// Where the file is read, from this server or by a redirect to the bucket.
    input_url: String,
    /// Bytes of the file.
    size: u64,
    /// Seconds.
    duration: f64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it came into its state.
    #[serde(with = "time::serde::rfc3339")]
    changed_at: OffsetDateTime,
    /// Why it failed, in the application's words.
    reason: Option<String>,
}

impl TranscodeJob {
    fn new(job: crate::catalog::TranscodeJob, urls: &Urls) -> Self {
        Self {
            job_id: job.id,
            video_id: job.video_id.to_string(),
            number: job.number,
            state: job.state,
            input_url: urls.origin(&job.input_key),
            input_key: job.input_key,
            size: job.bytes,
            duration: job.duration.as_secs_f64(),
            created_at: whole_millis(job.created_at),
            changed_at: whole_millis(job.changed_at),
            reason: job.reason,
        }
    }
}

/// How far a job is, from whoever does it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    /// `RUNNING` takes a queued job; `DONE`, `FAILED` or, to give it back, `QUEUED` ends a running one's.
    state: Option<JobState>,
    /// Why it failed; at most 1000 characters.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Have a recording converted: queue a job for the application's transcode workflow
///
/// There is one job a recording. One that is done or has failed is queued anew, any other stays as it is.
#[utoipa::path(
    post, path = "/api/live/{videoId}/recordings/{number}/convert", tag = "recordings", security(("token" = [])),
    params(("videoId" = String, Path), ("number" = u32, Path, minimum = 1)),
    responses(
        (status = OK, body = TranscodeJob),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
        (status = CONFLICT, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn convert(
    State(api): State<Api>,
    urls: Urls,
    InPath((id, number)): InPath<(String, String)>,
) -> Result<Json<TranscodeJob>, Problem> {
    let recording = recordings::find(&api, &id, &number).await?;
    let file = recording.file.as_ref().filter(|_| recording.state == RecordingState::Ready);
    let file = file.ok_or_else(|| Problem::recording_not_ready(recording.number))?;
    let key = ObjectKeys::new(&recording.video_id).recording(recording.number);
    api.catalog.convert(&recording, file, &key).await?;
    let job = api.catalog.transcode_job_of(&recording.video_id, recording.number).await?;
    let job = job.ok_or_else(|| Problem::no_such_recording(&id, &number))?;
    Ok(Json(TranscodeJob::new(job, &urls)))
}

/// The jobs for the transcode workflow, oldest first
#[utoipa::path(
    get, path = "/api/transcode-jobs", tag = "recordings", security(("token" = [])), params(Filter),
    responses(
        (status = OK, body = TranscodeJobs),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(api): State<Api>,
    urls: Urls,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<TranscodeJobs>, Problem> {
    let Query(filter) = filter?;
    let limit = filter.limit.unwrap_or(LIST_DEFAULT);
    if !(1..=LIST_LIMIT).contains(&limit) {
        return Err(Problem::invalid(format!("limit must be from 1 to {LIST_LIMIT}.")));
    }
    let jobs = api.catalog.transcode_jobs(filter.state, limit).await?;
    Ok(Json(TranscodeJobs { jobs: jobs.into_iter().map(|job| TranscodeJob::new(job, &urls)).collect() }))
}

/// One job
#[utoipa::path(
    get, path = "/api/transcode-jobs/{jobId}", tag = "recordings", security(("token" = [])),
    params(("jobId" = String, Path)),
    responses(
        (status = OK, body = TranscodeJob),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(
    State(api): State<Api>,
    urls: Urls,
    InPath(id): InPath<String>,
) -> Result<Json<TranscodeJob>, Problem> {
    let job = api.catalog.transcode_job(&id).await?.ok_or_else(|| Problem::no_such_job(&id))?;
    Ok(Json(TranscodeJob::new(job, &urls)))
}

/// Take a job, or say how it ended
///
/// Of several who take a job, one gets it; the others are answered 409.
#[utoipa::path(
    patch, path = "/api/transcode-jobs/{jobId}", tag = "recordings", security(("token" = [])),
    params(("jobId" = String, Path)), request_body = Option<Progress>,
    responses(
        (status = OK, body = TranscodeJob),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
        (status = CONFLICT, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change(
    State(api): State<Api>,
    urls: Urls,
    InPath(id): InPath<String>,
    Body(progress): Body<Progress>,
) -> Result<Json<TranscodeJob>, Problem> {
    let find = async || api.catalog.transcode_job(&id).await?.ok_or_else(|| Problem::no_such_job(&id));
    if progress.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_LIMIT) {
        return Err(Problem::invalid(format!("reason is longer than {REASON_LIMIT} characters.")));
    }
    let Some(to) = progress.state else { return Ok(Json(TranscodeJob::new(find().await?, &urls))) };
    let (from, needed) = match to {
        JobState::Running => (JobState::Queued, "QUEUED"),
        JobState::Queued | JobState::Done | JobState::Failed => (JobState::Running, "RUNNING"),
    };
    let reason = progress.reason.filter(|_| to == JobState::Failed);
    let moved = api.catalog.move_job(&id, from, to, reason.as_deref()).await?;
    let job = find().await?;
    if !moved {
        return Err(Problem::job_in_other_state(format!("The job must be {needed} for that, and is not.")));
    }
    Ok(Json(TranscodeJob::new(job, &urls)))
}
