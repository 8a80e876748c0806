//! An S3 server to write to: one that is there already, or a SeaweedFS of our own.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Client;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::Error;
use crate::process::free_port;

const START_SECONDS: u64 = 30;
const BUCKET: &str = "weir";
const KEY_ID: &str = "benchmark";
const SECRET: &str = "benchmark-secret";

/// Where objects go.
pub struct ObjectStore {
    endpoint: String,
    own: Option<Seaweed>,
}

/// The process and its folder, for as long as the store is in use.
struct Seaweed {
    _process: Child,
    _folder: TempDir,
}

impl ObjectStore {
    /// A server that is there already; bucket and keys come from this program's own environment.
    pub fn at(endpoint: String) -> Self {
        Self { endpoint, own: None }
    }

    /// Starts SeaweedFS with an empty bucket that anybody may read.
    pub async fn start() -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder for SeaweedFS"))?;
        fs::write(folder.path().join("s3.json"), identities()).map_err(Error::io("configure SeaweedFS"))?;
        let (filer, s3) = (free_port()?, free_port()?);
        let process = spawn(folder.path(), filer, s3)?;
        wait_for_object(filer, s3).await?;
        let own = Some(Seaweed { _process: process, _folder: folder });
        Ok(Self { endpoint: format!("http://127.0.0.1:{s3}"), own })
    }

    /// What Weir is to be told.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut variables = vec![("WEIR_S3_ENDPOINT", self.endpoint.as_str())];
        if self.own.is_some() {
            variables.push(("WEIR_S3_BUCKET", BUCKET));
            variables.push(("AWS_ACCESS_KEY_ID", KEY_ID));
            variables.push(("AWS_SECRET_ACCESS_KEY", SECRET));
        }
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

fn identities() -> String {
    serde_json::json!({ "identities": [
        { "name": "anonymous", "actions": [format!("Read:{BUCKET}")] },
        { "name": KEY_ID, "credentials": [{ "accessKey": KEY_ID, "secretKey": SECRET }],
          "actions": ["Admin", "Read", "Write", "List", "Tagging"] },
    ] })
    .to_string()
}

fn spawn(folder: &Path, filer: u16, s3: u16) -> Result<Child, Error> {
    // Each of its servers also takes the port 10000 above for gRPC, unless it is told another; and
    // it names sockets in the temporary folder by port alone, so that no port may be a known one.
    let mut command = Command::new("weed");
    command.arg("server").arg(format!("-dir={}", folder.display()));
    command.args([
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]);
    command.args([
        "-s3.iam=false",
        "-volume.preStopSeconds=0",
        "-volume.max=100",
        "-master.volumeSizeLimitMB=64",
    ]);
    command.arg(format!("-s3.config={}", folder.join("s3.json").display()));
    let (master, volume) = (free_port()?, free_port()?);
    for (server, port) in [("master", master), ("volume", volume), ("filer", filer), ("s3", s3)] {
        command.arg(format!("-{server}.port={port}")).arg(format!("-{server}.port.grpc={}", free_port()?));
    }
    let log = fs::File::create(folder.join("log")).map_err(Error::io("make a log file"))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    command.spawn().map_err(Error::start("weed"))
}

/// Waits until an object that was written can be read by S3, which is later than the ports are open.
/// Makes the bucket on the way.
async fn wait_for_object(filer: u16, s3: u16) -> Result<(), Error> {
    let client = Client::builder().timeout(Duration::from_secs(2)).no_proxy().build()?;
    let deadline = Instant::now() + Duration::from_secs(START_SECONDS);
    let put = || client.put(format!("http://127.0.0.1:{filer}/buckets/{BUCKET}/probe")).body("probe");
    let get = || client.get(format!("http://127.0.0.1:{s3}/{BUCKET}/probe"));
    while Instant::now() < deadline {
        let is_written = put().send().await.is_ok_and(|answer| answer.status().is_success());
        if is_written && get().send().await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err(Error::Timeout { what: "a first object in SeaweedFS", seconds: START_SECONDS, detail: String::new() })
}
