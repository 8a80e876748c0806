//! The HTTP side: control API, origin, pages and operations.

mod auth;
mod body;
mod directives;
mod document;
mod dto;
mod events;
mod operations;
mod origin;
mod pages;
mod path;
mod problem;
mod range;
mod recordings;
mod requester;
mod streams;
mod transcode_jobs;
mod turns;
mod urls;
mod viewer_history;
mod watch;
mod webhooks;
mod wishes;

use std::sync::Arc;

use axum::middleware;
use axum::{Extension, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::api_token::ApiToken;
use crate::catalog::{Catalog, StreamOptions};
use crate::http::Answers;
use crate::ingest::Pulls;
use crate::live::{Board, Registry};
use crate::recordings::Recorders;
use crate::webhooks::Webhooks;
pub(crate) use events::LISTENERS;
pub(crate) use turns::Turns;
pub(crate) use urls::UrlOptions;

/// What every handler can reach; each call holds it, so it must be cheap to clone.
pub(crate) type Api = Arc<Context>;

/// What there is to reach.
pub(crate) struct Context {
    pub(crate) catalog: Catalog,
    pub(crate) registry: Registry,
    pub(crate) pulls: Pulls,
    pub(crate) webhooks: Webhooks,
    pub(crate) recorders: Recorders,
    pub(crate) board: Board,
    pub(crate) turns: Turns,
    pub(crate) token: ApiToken,
    /// What new streams get, where their creator doesn't say.
    pub(crate) stream_defaults: StreamOptions,
    pub(crate) urls: UrlOptions,
    /// Room for connections that listen to events.
    pub(crate) listeners: Arc<Semaphore>,
    pub(crate) metrics: PrometheusHandle,
    /// The server is told to stop: it takes no more publishers.
    pub(crate) stop: tokio_util::sync::CancellationToken,
    pub(crate) shutdown: tokio_util::sync::CancellationToken,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Weir",
        description = "Creates, starts, stops and watches live streams. Control calls need the bearer token; \
                       playback and the calls of a player do not. Errors are RFC 9457 problem documents.",
    ),
    tags(
        (name = "streams", description = "For the application that owns the streams"),
        (name = "recordings", description = "What is left of broadcasts"),
        (name = "events", description = "For programs that follow what happens"),
        (name = "webhooks", description = "For servers that are to be told what happens"),
        (name = "playback", description = "For players: HLS, from memory"),
        (name = "viewers", description = "For players: who watches"),
        (name = "operations", description = "For whoever runs the server"),
    ),
    modifiers(&BearerToken),
)]
struct Document;

struct BearerToken;

impl utoipa::Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The same for the HTTPS address: URLs that are handed out begin with `https:`.
pub(crate) fn encrypted(api: Api) -> Answers {
    let Answers { router, shortcut } = answers(api);
    Answers { router: router.layer(Extension(urls::Encrypted)), shortcut }
}

/// Everything that answers on the HTTP address.
pub(crate) fn answers(api: Api) -> Answers {
    Answers { shortcut: Arc::new(origin::Direct(api.clone())), router: router(api) }
}

fn router(api: Api) -> Router {
    let control = OpenApiRouter::new()
        .routes(routes!(streams::create))
        .routes(routes!(streams::list))
        .routes(routes!(streams::status))
        .routes(routes!(streams::change, streams::delete))
        .routes(routes!(streams::start))
        .routes(routes!(streams::stop))
        .routes(routes!(streams::key, streams::rotate_key))
        .routes(routes!(viewer_history::viewer_history))
        .routes(routes!(recordings::list))
        .routes(routes!(recordings::delete))
        .routes(routes!(transcode_jobs::convert))
        .routes(routes!(transcode_jobs::list))
        .routes(routes!(transcode_jobs::get, transcode_jobs::change))
        .routes(routes!(events::listen))
        .routes(routes!(events::log))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::get, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::rotate_secret))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .route_layer(middleware::from_fn_with_state(api.clone(), auth::require_token));
    let viewers = OpenApiRouter::new()
        .routes(for_any_page(routes!(watch::viewers)))
        .routes(for_any_page(routes!(watch::watch)));
    let operations = OpenApiRouter::new()
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics));
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(control)
        .merge(origin::router())
        .merge(recordings::router())
        .merge(viewers)
        .merge(operations)
        .split_for_parts();
    document::complete(&mut document);
    router
        .merge(pages::router())
        .merge(document::router(&document))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::wrong_method)
        .with_state(api)
        .layer(CatchPanicLayer::custom(problem::panicked))
}

/// Lets pages of any origin call it, as players elsewhere do. A browser that asks beforehand (`OPTIONS`) would have the router's
/// answer to wrong methods, which knows no layer, in place of this one's.
fn for_any_page(routes: UtoipaMethodRouter<Api>) -> UtoipaMethodRouter<Api> {
    routes.map(|methods| methods.fallback(problem::wrong_method).layer(CorsLayer::permissive()))
}
