use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{eventually, free_port};

/// A headless Chromium with one page, driven by WebDriver.
pub struct Browser {
    session: String,
    client: reqwest::Client,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Opens a page.
    pub async fn open(url: &str) -> Self {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver is installed");
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        eventually("chromedriver is ready", Duration::from_secs(20), || async {
            let answer: Value = client.get(format!("{base}/status")).send().await.ok()?.json().await.ok()?;
            answer["value"]["ready"].as_bool().filter(|&ready| ready)
        })
        .await;
        let profile = TempDir::new().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--autoplay-policy=no-user-gesture-required",
                "--window-size=1280,800", folder,
            ]},
        }}});
        let mut browser = Self { session: base, client, driver, _profile: profile };
        let made = browser.call("session", capabilities).await;
        let id = made["sessionId"].as_str().unwrap_or_else(|| panic!("a WebDriver session: {made}"));
        browser.session = format!("{}/session/{id}", browser.session);
        browser.call("url", json!({ "url": url })).await;
        browser
    }

    /// Runs a script's body in the page and answers what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.call("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// What the page has written to its console since the last time, worst first.
    pub async fn errors(&self) -> Vec<String> {
        let log = self.call("se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].to_string()).collect()
    }

    /// Closes the page and the browser.
    pub async fn close(self) {
        let _ = self.client.delete(&self.session).send().await;
    }

    async fn call(&self, command: &str, body: Value) -> Value {
        let sent = self.client.post(format!("{}/{command}", self.session)).json(&body).send().await;
        let answer: Value = sent.unwrap().json().await.unwrap();
        assert!(answer["value"]["error"].is_null(), "{command}: {}", answer["value"]);
        answer["value"].clone()
    }
}

impl Drop for Browser {
    /// The driver and every process of its browser, which would otherwise outlive it.
    fn drop(&mut self) {
        if let Some(group) = self.driver.id() {
            let _ = std::process::Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status();
        }
    }
}
