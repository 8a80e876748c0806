//! JSON bodies.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A JSON body that may be left out, or be null.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        // Read, rather than asked for its length: over HTTP/2 none has to be said.
        let body = Bytes::from_request(Request::from_parts(head.clone(), body), state).await;
        let body = body.map_err(JsonRejection::from)?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        let request = Request::from_parts(head, body.into());
        let Json(given) = Json::<Option<T>>::from_request(request, state).await?;
        Ok(Self(given.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_TYPE;
    use axum::response::IntoResponse;
    use futures_util::stream;

    use super::*;

    async fn read(body: axum::body::Body, kind: Option<&str>) -> Result<Vec<u8>, u16> {
        let mut request = Request::new(body);
        let kind = kind.map(|kind| kind.parse().unwrap());
        request.headers_mut().extend(kind.map(|kind| (CONTENT_TYPE, kind)));
        let read = Body::from_request(request, &()).await;
        read.map(|Body(numbers)| numbers).map_err(|problem| problem.into_response().status().as_u16())
    }

    /// As it comes over HTTP/2, without a length.
    fn unmeasured(text: &'static str) -> axum::body::Body {
        axum::body::Body::from_stream(stream::iter([Ok::<_, std::io::Error>(text)]))
    }

    #[tokio::test]
    async fn a_body_counts_whatever_is_said_of_its_length() {
        let json = Some("application/json");
        assert_eq!(read(unmeasured("[1, 2]"), json).await, Ok(vec![1, 2]));
        assert_eq!(read("[3]".into(), json).await, Ok(vec![3]));
        for none in [unmeasured(""), "".into(), axum::body::Body::empty()] {
            assert_eq!(read(none, None).await, Ok(Vec::new()));
        }
        assert_eq!(read("null".into(), json).await, Ok(Vec::new()));
        assert_eq!(read("[1]".into(), None).await, Err(415));
        assert_eq!(read(unmeasured("[1"), json).await, Err(400));
        assert_eq!(read("x".repeat(3 << 20).into(), json).await, Err(413));
    }
}
