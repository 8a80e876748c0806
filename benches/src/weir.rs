//! Weir itself, as a process of its own on ports of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::Error;
use crate::process::{Process, free_port};
use crate::seaweed::ObjectStore;

const START_SECONDS: u64 = 20;
const TOKEN: &str = "benchmark-token-benchmark-token-0000";

/// A running server. Dropping it kills it.
pub struct Weir {
    process: Child,
    http: String,
    http_port: u16,
    rtmp: SocketAddr,
    client: Client,
    folder: TempDir,
}

/// A stream, as the API answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// The stream's id.
    pub video_id: String,
    stream_key: String,
    rtmp_url: String,
    /// The playlist at the origin.
    pub playback_url: String,
    /// The playlist in the object store, where there is one.
    pub s3_playback_url: Option<String>,
    /// The player page.
    pub player_url: String,
}

impl Stream {
    /// Where to publish, key included.
    pub fn publish_url(&self) -> String {
        format!("{}/{}", self.rtmp_url, self.stream_key)
    }
}

impl Weir {
    /// Where a release build leaves the server, seen from this program.
    pub fn default_binary() -> PathBuf {
        std::env::current_exe().unwrap_or_default().with_file_name("weir")
    }

    /// Starts the server and waits until it is ready. Without a store it keeps objects in memory.
    pub async fn start(binary: &Path, store: Option<&ObjectStore>) -> Result<Self, Error> {
        Self::start_with(binary, store, &[]).await
    }

    /// The same with further settings.
    pub async fn start_with(
        binary: &Path,
        store: Option<&ObjectStore>,
        settings: &[(&str, &str)],
    ) -> Result<Self, Error> {
        if !binary.is_file() {
            return Err(Error::NoServer(binary.to_owned()));
        }
        let folder = tempfile::tempdir().map_err(Error::io("make a data folder"))?;
        let log = File::create(folder.path().join("log")).map_err(Error::io("make a log file"))?;
        let http_port = free_port()?;
        let rtmp = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut command = Command::new(binary);
        command
            .env("WEIR_RTMP_ADDR", rtmp.to_string())
            .env("WEIR_HTTP_ADDR", format!("127.0.0.1:{http_port}"))
            .env("WEIR_DATA_DIR", folder.path().join("data"))
            .env("WEIR_API_TOKEN", TOKEN)
            .envs(store.into_iter().flat_map(ObjectStore::environment))
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(Error::io("share a log file"))?)
            .stderr(log)
            .kill_on_drop(true);
        let process = command.spawn().map_err(Error::start(binary.display().to_string()))?;
        let client = Client::builder().timeout(Duration::from_secs(5)).no_proxy().build()?;
        let mut weir =
            Self { process, http: format!("http://127.0.0.1:{http_port}"), http_port, rtmp, client, folder };
        weir.wait_until_ready().await?;
        Ok(weir)
    }

    /// Makes a stream with a key of its own.
    pub async fn create_stream(&self) -> Result<Stream, Error> {
        let answer = self
            .client
            .post(format!("{}/api/live/create", self.http))
            .bearer_auth(TOKEN)
            .json(&serde_json::json!({ "title": "benchmark" }))
            .send()
            .await?
            .error_for_status()?;
        Ok(answer.json().await?)
    }

    /// The server's process.
    pub fn process(&self) -> Process {
        Process(self.process.id().unwrap_or(0))
    }

    /// Where it serves viewers.
    pub fn http_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.http_port))
    }

    /// Where it takes publishers.
    pub fn rtmp_address(&self) -> SocketAddr {
        self.rtmp
    }

    /// Bytes in the data folder, by the sizes of its files.
    pub fn data_folder_bytes(&self) -> u64 {
        folder_bytes(&self.folder.path().join("data"))
    }

    /// Lines of the log that tell of trouble.
    pub fn complaints(&self) -> Vec<String> {
        let troubled = |line: &&str| ["WARN", "ERROR", "panicked"].iter().any(|word| line.contains(word));
        self.log().lines().filter(troubled).map(str::to_owned).collect()
    }

    /// Ends the server as an operator does.
    pub async fn stop(mut self) -> Result<(), Error> {
        let pid = self.process().0.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await.map_err(Error::start("kill"))?;
        match timeout(Duration::from_secs(START_SECONDS), self.process.wait()).await {
            Ok(ended) => ended.map(|_| ()).map_err(Error::io("wait for the server")),
            Err(_) => Err(self.timeout("the server's end after SIGTERM")),
        }
    }

    async fn wait_until_ready(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS);
        while Instant::now() < deadline {
            let ready = self.client.get(format!("{}/readyz", self.http)).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(Error::Program { program: "weir", said: format!("{status}\n{}", self.log()) });
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err(self.timeout("readiness of the server"))
    }

    fn timeout(&self, what: &'static str) -> Error {
        Error::Timeout { what, seconds: START_SECONDS, detail: format!("; its log:\n{}", self.log()) }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
