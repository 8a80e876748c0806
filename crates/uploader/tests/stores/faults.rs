//! One attempt fails, in each way an attempt can; what becomes of the operation?

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use uploader::{Multipart, Operation, Part, RetryPolicy, S3Options, S3Store, StoreError, Uploader};

use crate::fault_server::{FaultServer, Step};
use crate::{options, segment, uploader};

const SIZE: usize = 700_000;

/// Puts a segment to a server that first does `fault` and then accepts.
async fn put_after(fault: Step) -> (u32, FaultServer) {
    let server = FaultServer::start(&[fault, Step::status("200 OK")]).await;
    let object = segment("a/segment_1.ts", SIZE);
    let stored = uploader(&server.endpoint).put(&object).await.unwrap();
    let requests = server.requests();
    assert!(requests.last().unwrap().ends_with(&object.data), "the last attempt carries the whole segment");
    (stored.attempts, server)
}

#[tokio::test]
async fn refusals_that_pass_are_retried() {
    for status in
        ["503 Service Unavailable", "500 Internal Server Error", "429 Too Many Requests", "408 Timeout"]
    {
        assert_eq!(put_after(Step::status(status)).await.0, 2, "{status}");
    }
    assert_eq!(put_after(Step::s3_error("400 Bad Request", "RequestTimeout")).await.0, 2);
}

#[tokio::test]
async fn a_connection_reset_mid_body_is_retried() {
    let (attempts, server) = put_after(Step::Reset(100_000)).await;
    assert_eq!(attempts, 2);
    assert!(server.requests()[0].len() < SIZE);
}

#[tokio::test]
async fn a_truncated_answer_is_retried() {
    assert_eq!(put_after(Step::Answer(Duration::ZERO, "HTTP/1.1 200 OK\r\nContent-Le".into())).await.0, 2);
    assert_eq!(put_after(Step::Answer(Duration::ZERO, String::new())).await.0, 2);
}

#[tokio::test]
async fn a_black_hole_is_left_after_the_per_try_timeout() {
    let (attempts, mut server) = put_after(Step::Stall).await;
    assert_eq!(attempts, 2);
    server.abandoned.recv().await.unwrap();
}

#[tokio::test]
async fn a_slow_answer_within_the_timeout_is_no_failure() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into();
    assert_eq!(put_after(Step::Answer(Duration::from_millis(150), answer)).await.0, 1);
}

#[tokio::test]
async fn an_attempt_may_take_as_long_as_its_policy_says_and_no_longer() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate";
    let server = FaultServer::start(&[Step::Answer(Duration::from_millis(400), answer.into())]).await;
    // Not as long as the kernel waits for bytes that it sends.
    let short = Duration::from_millis(100);
    let store = S3Store::new(S3Options { delivery_timeout: short, ..options(&server.endpoint) }).unwrap();
    let patient = Uploader::new(Arc::new(store), RetryPolicy::default());
    assert_eq!(patient.get("a/1.ts").await.unwrap(), "late");
    assert_eq!(server.requests().len(), 1);
    let hasty = RetryPolicy { per_try_timeout: short, ..RetryPolicy::default() };
    let error = patient.with_policy(hasty).get("a/1.ts").await.unwrap_err();
    assert_eq!(error.source, StoreError::TimedOut { after: short });
}

#[tokio::test]
async fn the_last_failure_is_told_with_the_count_of_attempts() {
    let server = FaultServer::start(&[Step::s3_error("503 Service Unavailable", "SlowDown")]).await;
    let error = uploader(&server.endpoint).put(&segment("a/1.ts", 10)).await.unwrap_err();
    assert_eq!((error.operation, error.attempts, server.requests().len()), (Operation::Put, 4, 4));
    assert!(error.is_transient());
    let told = error.to_string();
    assert!(
        told.starts_with("PUT a/1.ts: HTTP 503 SlowDown: told so (gave up after 4 attempt(s) in "),
        "{told}"
    );
}

#[tokio::test]
async fn a_lasting_refusal_is_not_retried() {
    let server = FaultServer::start(&[Step::s3_error("403 Forbidden", "AccessDenied")]).await;
    let error = uploader(&server.endpoint).put(&segment("a/1.ts", 10)).await.unwrap_err();
    assert_eq!((error.attempts, server.requests().len()), (1, 1));
    assert!(!error.is_transient());
}

#[tokio::test]
async fn nobody_listening_is_a_refused_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = uploader(&endpoint).put(&segment("a/1.ts", 10)).await.unwrap_err();
    assert_eq!((error.attempts, error.source), (4, StoreError::Refused));
}

#[tokio::test]
async fn dropping_a_put_abandons_its_connection() {
    let mut server = FaultServer::start(&[Step::Stall]).await;
    let (uploader, object) = (uploader(&server.endpoint), segment("a/1.ts", 10));
    {
        let put = std::pin::pin!(uploader.put(&object));
        let first_request = async {
            while server.requests().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = put => panic!("the server never answers"),
            () = first_request => {}
        }
    }
    server.abandoned.recv().await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn deleting_what_is_not_there_succeeds() {
    let server =
        FaultServer::start(&[Step::status("503 Busy"), Step::s3_error("404 Not Found", "NoSuchKey")]).await;
    uploader(&server.endpoint).delete("a/1.ts").await.unwrap();
    assert_eq!(server.requests().len(), 2);
    let server = FaultServer::start(&[Step::s3_error("404 Not Found", "NoSuchBucket")]).await;
    uploader(&server.endpoint).delete("a/1.ts").await.unwrap_err();
}

#[tokio::test]
async fn whether_an_object_is_what_a_forgotten_upload_made_is_not_for_the_store_to_say() {
    let forgotten = Step::s3_error("404 Not Found", "NoSuchUpload");
    let server = FaultServer::start(&[forgotten, Step::status("200 OK")]).await;
    let upload = Multipart { key: "a.mp4".into(), upload_id: "gone".into() };
    let parts = [Part { number: 5, etag: "etag".into() }];
    let error = uploader(&server.endpoint).complete_multipart(&upload, &parts).await.unwrap_err();
    assert!(error.to_string().contains("NoSuchUpload"), "{error}");
}
