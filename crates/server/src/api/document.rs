//! The API's own description (OpenAPI 3.1).

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::Api;

/// Adds what each call may answer because of what it takes, and not of what it does.
pub(super) fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            if operation.request_body.is_some() {
                add(operation, "413", "The body is too long.");
                add(operation, "415", "The body is not said to be JSON.");
                add(operation, "422", "The body is JSON of another shape.");
            }
            if operation.security.is_some() {
                add(operation, "503", "The catalog does not work.");
            }
        }
    }
}

fn add(operation: &mut Operation, status: &str, description: &str) {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response: Response =
        ResponseBuilder::new().description(description).content("application/problem+json", problem).build();
    operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response));
}

/// `GET /api/openapi.json`, rendered once.
pub(super) fn router(document: &OpenApi) -> Router<Api> {
    let text = document.to_json().unwrap_or_default();
    Router::new().route(
        "/api/openapi.json",
        get(move || {
            let text = text.clone();
            async move { ([(CONTENT_TYPE, "application/json")], text) }
        }),
    )
}
