//! The start-up check names what is wrong, and what to do.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tokio::net::TcpListener;
use uploader::{CheckError, MemoryStore, S3Options, S3Store, check};

use crate::fault_server::{FaultServer, Step};
use crate::{LIMIT, options};

async fn problem(options: S3Options) -> CheckError {
    check(&S3Store::new(options).unwrap(), LIMIT).await.unwrap_err()
}

async fn problem_of(step: Step) -> CheckError {
    problem(options(&FaultServer::start(&[step]).await.endpoint)).await
}

#[tokio::test]
async fn a_working_store_passes_and_keeps_nothing() {
    let store = MemoryStore::new(1 << 20);
    check(&store, LIMIT).await.unwrap();
    assert!(store.is_empty());
}

#[tokio::test]
async fn an_s3_error_is_told_by_its_code() {
    let of = async |status: &str, code: &str| problem_of(Step::s3_error(status, code)).await;
    use CheckError as E;
    assert!(matches!(of("404 Not Found", "NoSuchBucket").await, E::NoSuchBucket { .. }));
    assert!(matches!(of("403 Forbidden", "InvalidAccessKeyId").await, E::UnknownKeyId { .. }));
    assert!(matches!(of("403 Forbidden", "SignatureDoesNotMatch").await, E::WrongSecret { .. }));
    assert!(matches!(of("403 Forbidden", "RequestTimeTooSkewed").await, E::ClockSkew { .. }));
    assert!(matches!(of("400 Bad Request", "ExpiredToken").await, E::Session { .. }));
    assert!(matches!(of("403 Forbidden", "AccessDenied").await, E::NoPermission { .. }));
    assert!(matches!(of("503 Slow", "SlowDown").await, E::Unavailable { .. }));
    assert!(matches!(of("409 Conflict", "Odd").await, E::Refusal { .. }));
}

#[tokio::test]
async fn a_bucket_elsewhere_is_told_with_its_region() {
    let header = Step::full("301 Moved Permanently", "x-amz-bucket-region: eu-west-1\r\n", "");
    let document = Step::full(
        "400 Bad Request",
        "",
        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>",
    );
    for step in [header, document] {
        let problem = problem_of(step).await;
        let CheckError::WrongRegion { region, .. } = &problem else { panic!("{problem}") };
        assert_eq!(region.as_deref(), Some("eu-west-1"));
        assert!(problem.to_string().contains("in another region, eu-west-1."), "{problem}");
    }
}

#[tokio::test]
async fn a_web_server_is_not_taken_for_s3() {
    let page = "<!DOCTYPE html><html><body>405 Not Allowed</body></html>";
    let problem = problem_of(Step::full("405 Not Allowed", "Content-Type: text/html\r\n", page)).await;
    assert!(matches!(problem, CheckError::NotS3 { .. }), "{problem}");
    // This one answers 200 to everything.
    let problem = problem_of(Step::full("200 OK", "Content-Type: text/html\r\n", page)).await;
    assert!(matches!(problem, CheckError::ReadBack { .. }), "{problem}");
}

#[tokio::test]
async fn an_endpoint_out_of_reach_is_told_by_its_cause() {
    let problem_at = async |endpoint: &str| problem(options(endpoint)).await;
    let problem = problem_at("http://no-such-host.invalid").await;
    assert!(matches!(problem, CheckError::UnknownHost { .. }), "{problem}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let problem = problem_at(&endpoint).await;
    assert!(matches!(problem, CheckError::Refused { .. }), "{problem}");
    assert_eq!(
        problem.to_string(),
        format!(
            "s3://live/ at {endpoint} (region us-east-1): connection refused. Start the S3 server, or correct the endpoint's port."
        )
    );

    let problem = problem_of(Step::Reset(1)).await;
    assert!(matches!(problem, CheckError::Interrupted { .. }), "{problem}");

    let server = FaultServer::start(&[Step::Stall]).await;
    let limit = std::time::Duration::from_millis(200);
    let store = S3Store::new(options(&server.endpoint)).unwrap();
    let problem = check(&store, limit).await.unwrap_err();
    assert!(matches!(problem, CheckError::TimedOut { after, .. } if after == limit), "{problem}");
}

#[tokio::test]
async fn https_to_a_plain_port_and_a_self_signed_certificate_are_tls_problems() {
    let plain = FaultServer::start(&[Step::full("400 Bad Request", "", "")]).await;
    let problem_plain = problem(options(&plain.endpoint.replace("http:", "https:"))).await;
    assert!(matches!(problem_plain, CheckError::Tls { .. }), "{problem_plain}");

    let server = TlsServer::start();
    let problem = problem(options(&server.endpoint)).await;
    let CheckError::Tls { reason, .. } = &problem else { panic!("{problem}") };
    assert!(reason.contains("UnknownIssuer") || reason.contains("CaUsedAsEndEntity"), "{reason}");
}

/// `openssl s_server` with a certificate nobody knows.
struct TlsServer {
    child: Child,
    endpoint: String,
    _folder: tempfile::TempDir,
}

impl TlsServer {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let openssl = |arguments: &str| {
            let mut command = Command::new("openssl");
            command.args(arguments.split(' ')).current_dir(folder.path()).stderr(Stdio::null());
            command
        };
        let made = openssl("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=s3 -addext subjectAltName=IP:127.0.0.1")
            .status()
            .expect("openssl is installed");
        assert!(made.success());
        let mut child = openssl("s_server -accept 127.0.0.1:0 -key key.pem -cert cert.pem -www")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It prints "ACCEPT 127.0.0.1:<port>" once it listens.
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.map_while(Result::ok).find_map(|l| l.strip_prefix("ACCEPT ").map(str::to_owned));
        Self { child, endpoint: format!("https://{}", address.unwrap()), _folder: folder }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
