//! The API against its own description, judged by Schemathesis.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use scenarios::Weir;
use tokio::process::Command;
use tokio::time::timeout;

/// Requests that are made up for each call in each phase; `make schemathesis` asks for more.
const EXAMPLES: &str = "8";

#[tokio::test]
async fn the_api_does_what_its_description_says() {
    let mut weir = Weir::start().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    let examples = std::env::var("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let judge = Command::new("schemathesis")
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &weir.url("/api/openapi.json"), "--max-examples", &examples])
        .args(["--header", &format!("Authorization: Bearer {}", weir.token()), "--request-timeout", "30"])
        // It looks for what it loads in `PYTHONPATH`, and leaves a folder of its own where it runs.
        .env("PYTHONPATH", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(weir.temp_dir())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output =
        timeout(Duration::from_secs(900), judge).await.expect("it ends").expect("Schemathesis is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    let faults = said.find("= FAILURES").or_else(|| said.find("= ERRORS")).unwrap_or_default();
    assert!(output.status.success(), "{}{}", &said[faults..], String::from_utf8_lossy(&output.stderr));
    weir.assert_healthy().await;
}
