//! Whoever runs streams: a browser on the dashboard, driven by Playwright.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use scenarios::Weir;
use tokio::process::Command;
use tokio::time::timeout;

#[tokio::test]
async fn a_stream_is_run_from_the_dashboard() {
    // The webhook that it adds is answered by itself.
    let weir = Weir::builder().env("WEIR_WEBHOOK_ALLOW_PRIVATE", true).start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard/drive.mjs");
    let browser = Command::new("node")
        .arg(script)
        .args([&weir.url(""), weir.token()])
        .args(std::env::var_os("WEIR_SCREENSHOTS"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output =
        timeout(Duration::from_secs(100), browser).await.expect("it ends").expect("Node.js is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the dashboard's script failed with {}:\n{said}", output.status);
}
