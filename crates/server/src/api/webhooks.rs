//! Webhooks: which other servers are told of events, and how that goes.

mod wire;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::request::Parts;
use axum::response::IntoResponse;

use super::Api;
use super::body::Body;
use super::problem::Problem;
use crate::events::EventType;
use crate::live::whole_millis;
use crate::webhooks::{Disabled, EndpointUrl, MAX_WEBHOOKS, SigningSecret, Webhook, WebhookId};
use wire::{
    CreatedWebhook, Deliveries, DeliveryRecord, NewWebhook, RotatedSecret, TestResult, WebhookList,
    WebhookStatus, WebhookWishes,
};

/// The endpoint that the path names.
pub(super) struct Named(WebhookId);

impl FromRequestParts<Api> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, api).await;
        let text = path.map(|Path(text)| text).unwrap_or_default();
        WebhookId::parse(&text).map(Self).ok_or_else(|| Problem::no_such_webhook(&text))
    }
}

/// Add an endpoint, to be told of what happens from now on
///
/// The answer has its secret, which is told nowhere else.
#[utoipa::path(
    post, path = "/api/webhooks", tag = "webhooks", security(("token" = [])), request_body = NewWebhook,
    responses(
        (status = CREATED, body = CreatedWebhook),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = CONFLICT, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    State(api): State<Api>,
    Body(wishes): Body<NewWebhook>,
) -> Result<impl IntoResponse, Problem> {
    let mut webhook = Webhook::new(endpoint(&api, &wishes.url)?, chosen(wishes.event_types)?);
    webhook.disabled = (wishes.enabled == Some(false)).then(by_call);
    let (made, context) = (webhook.clone(), api.clone());
    // One that is in the catalog is served.
    let addition = async move {
        if !context.catalog.add_webhook(&made).await? {
            return Err(Problem::too_many_webhooks(MAX_WEBHOOKS));
        }
        tracing::info!(webhook = %made.id, "webhook created");
        context.webhooks.serve(made.id);
        Ok(())
    };
    api.turns.complete(addition).await?;
    let headers =
        [(LOCATION, format!("/api/webhooks/{}", webhook.id)), (CACHE_CONTROL, "no-store".to_owned())];
    let secret = webhook.secret.expose();
    let webhook = WebhookStatus::new(find(&api, &webhook.id).await?);
    Ok((StatusCode::CREATED, headers, Json(CreatedWebhook { webhook, secret })))
}

/// The endpoints, oldest first
#[utoipa::path(
    get, path = "/api/webhooks", tag = "webhooks", security(("token" = [])),
    responses(
        (status = OK, body = WebhookList),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<WebhookList>, Problem> {
    let webhooks = api.catalog.webhooks().await?.into_iter().map(WebhookStatus::new).collect();
    Ok(Json(WebhookList { webhooks }))
}

/// One endpoint, and how far it has come
#[utoipa::path(
    get, path = "/api/webhooks/{webhookId}", tag = "webhooks", security(("token" = [])),
    params(("webhookId" = String, Path)),
    responses(
        (status = OK, body = WebhookStatus),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn get(State(api): State<Api>, Named(id): Named) -> Result<Json<WebhookStatus>, Problem> {
    Ok(Json(WebhookStatus::new(find(&api, &id).await?)))
}

/// Change an endpoint; what is due is tried at once
#[utoipa::path(
    patch, path = "/api/webhooks/{webhookId}", tag = "webhooks", security(("token" = [])),
    params(("webhookId" = String, Path)), request_body = Option<WebhookWishes>,
    responses(
        (status = OK, body = WebhookStatus),
        (status = BAD_REQUEST, body = Problem, content_type = "application/problem+json"),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change(
    State(api): State<Api>,
    Named(id): Named,
    Body(wishes): Body<WebhookWishes>,
) -> Result<Json<WebhookStatus>, Problem> {
    let url = wishes.url.as_deref().map(|url| endpoint(&api, url)).transpose()?;
    let event_types = wishes.event_types.map(chosen).transpose()?;
    let turns = api.turns.clone();
    let change = async move {
        loop {
            let mut webhook = find(&api, &id).await?;
            webhook.url = url.clone().unwrap_or(webhook.url);
            webhook.event_types = event_types.clone().unwrap_or(webhook.event_types);
            webhook.disabled = match wishes.enabled {
                Some(true) => None,
                Some(false) => webhook.disabled.or_else(|| Some(by_call())),
                None => webhook.disabled,
            };
            // If another call was faster, what that changed stays, where this one doesn't change it too.
            if api.catalog.change_webhook(&webhook).await? {
                break;
            }
        }
        api.webhooks.changed();
        Ok(Json(WebhookStatus::new(find(&api, &id).await?)))
    };
    turns.complete(change).await
}

/// Remove an endpoint; it is sent nothing any more
#[utoipa::path(
    delete, path = "/api/webhooks/{webhookId}", tag = "webhooks", security(("token" = [])),
    params(("webhookId" = String, Path)),
    responses(
        (status = NO_CONTENT),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete(State(api): State<Api>, Named(id): Named) -> Result<StatusCode, Problem> {
    if !api.catalog.delete_webhook(&id).await? {
        return Err(Problem::no_such_webhook(id.as_str()));
    }
    api.webhooks.changed();
    tracing::info!(webhook = %id, "webhook deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Give an endpoint a new secret; the old one signs as well for another day
#[utoipa::path(
    post, path = "/api/webhooks/{webhookId}/secret", tag = "webhooks", security(("token" = [])),
    params(("webhookId" = String, Path)),
    responses(
        (status = OK, body = RotatedSecret),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn rotate_secret(
    State(api): State<Api>,
    Named(id): Named,
) -> Result<impl IntoResponse, Problem> {
    let secret = SigningSecret::generate();
    let old_signs_until = api.catalog.rotate_webhook_secret(&id, &secret).await?;
    let old_signs_until = old_signs_until.ok_or_else(|| Problem::no_such_webhook(id.as_str()))?;
    tracing::info!(webhook = %id, "webhook's secret changed");
    let old_secret_until = whole_millis(old_signs_until);
    Ok(([(CACHE_CONTROL, "no-store")], Json(RotatedSecret { secret: secret.expose(), old_secret_until })))
}

/// Send an endpoint an event of the type `webhook.test`, and tell what it answers
#[utoipa::path(
    post, path = "/api/webhooks/{webhookId}/test", tag = "webhooks", security(("token" = [])),
    params(("webhookId" = String, Path)),
    responses(
        (status = OK, body = TestResult),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn test(State(api): State<Api>, Named(id): Named) -> Result<Json<TestResult>, Problem> {
    let webhook = find(&api, &id).await?;
    Ok(Json(TestResult::new(api.webhooks.test(&webhook).await)))
}

/// The last hundred attempts at an endpoint, newest first
#[utoipa::path(
    get, path = "/api/webhooks/{webhookId}/deliveries", tag = "webhooks", security(("token" = [])),
    params(("webhookId" = String, Path)),
    responses(
        (status = OK, body = Deliveries),
        (status = UNAUTHORIZED, body = Problem, content_type = "application/problem+json"),
        (status = NOT_FOUND, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn deliveries(
    State(api): State<Api>,
    Named(id): Named,
) -> Result<Json<Deliveries>, Problem> {
    find(&api, &id).await?;
    let deliveries = api.catalog.webhook_deliveries(&id).await?;
    Ok(Json(Deliveries { deliveries: deliveries.into_iter().map(DeliveryRecord::new).collect() }))
}

async fn find(api: &Api, id: &WebhookId) -> Result<Webhook, Problem> {
    api.catalog.webhook(id).await?.ok_or_else(|| Problem::no_such_webhook(id.as_str()))
}

fn endpoint(api: &Api, url: &str) -> Result<EndpointUrl, Problem> {
    let url = url.parse().map_err(|error| Problem::invalid(format!("url cannot be used: {error}.")))?;
    api.webhooks.allows(&url).map_err(|error| Problem::invalid(format!("url cannot be used: {error}.")))?;
    Ok(url)
}

fn chosen(types: Option<Vec<EventType>>) -> Result<Option<Vec<EventType>>, Problem> {
    if types.as_ref().is_some_and(Vec::is_empty) {
        return Err(Problem::invalid("eventTypes is empty: name some, or leave it out for all."));
    }
    Ok(types)
}

fn by_call() -> Disabled {
    Disabled { at: std::time::SystemTime::now(), reason: "disabled by an API call".to_owned() }
}
