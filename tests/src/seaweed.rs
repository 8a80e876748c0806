use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::eventually;

/// Access key of the identity that may do anything.
const ACCESS_KEY: &str = "weir-scenarios";
/// Its secret.
const SECRET_KEY: &str = "not-so-secret-0123456789";

/// A real S3 server, shared by all scenarios that run at the time; each has a bucket of its own.
///
/// The first to need it starts it, and a guardian ends it some seconds after the last user is
/// gone: users hold a shared lock on a file, the guardian waits for the exclusive one. So it
/// works with a process for each test as well as with a thread for each.
pub struct SeaweedFs {
    ports: Ports,
    bucket: String,
    _in_use: File,
}

/// `weed` listens on each of these, and on each plus 10,000 for gRPC.
#[derive(Clone, Copy)]
struct Ports {
    first: u16,
}

impl SeaweedFs {
    /// Access key of somebody who may read and not write; the secret is the same.
    pub const READER: &str = "weir-scenarios-reader";

    /// The server, and a new bucket in it.
    pub async fn bucket(name: &str) -> Self {
        let folder = std::env::temp_dir().join("weir-scenarios-seaweedfs");
        let (ports, in_use) = tokio::task::spawn_blocking(move || join(&folder)).await.unwrap();
        let client = reqwest::Client::new();
        // A new cluster takes its first objects some time after its ports open.
        eventually("SeaweedFS takes an object", Duration::from_secs(60), || async {
            let _ = client.post(format!("{}/buckets/probe/", ports.filer())).send().await;
            let put = client.put(format!("{}/probe/object", ports.s3())).body("?").send().await;
            put.ok().filter(|answer| answer.status() == 200)
        })
        .await;
        let unique = format!("{name}-{}-{}", std::process::id(), crate::free_port());
        let made = client.post(format!("{}/buckets/{unique}/", ports.filer())).send().await.unwrap();
        assert_eq!(made.status(), 201, "bucket {unique}");
        Self { ports, bucket: unique, _in_use: in_use }
    }

    /// The environment that makes a Weir use this bucket.
    pub fn env(&self) -> [(&'static str, String); 4] {
        [
            ("WEIR_S3_BUCKET", self.bucket.clone()),
            ("WEIR_S3_ENDPOINT", self.ports.s3()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }

    /// The bucket's name.
    pub fn bucket_name(&self) -> &str {
        &self.bucket
    }

    /// The port of its S3 API.
    pub fn port(&self) -> u16 {
        self.ports.first
    }

    /// The URL under which anybody may read an object.
    pub fn url(&self, key: &str) -> String {
        format!("{}/{}/{key}", self.ports.s3(), self.bucket)
    }

    /// Asks the S3 API, as somebody who may do anything, with curl's arguments for an object or for the bucket itself.
    pub async fn ask(&self, args: &[&str], object: &str) -> String {
        let asked = tokio::process::Command::new("curl")
            .args(["-sS", "--fail-with-body", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user"])
            .arg(format!("{ACCESS_KEY}:{SECRET_KEY}"))
            .args(["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .args(args)
            .arg(self.url(object))
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&asked.stdout).into_owned();
        assert!(asked.status.success(), "{object}: {said}{}", String::from_utf8_lossy(&asked.stderr));
        said
    }

    /// The names of the objects in a folder of the bucket.
    pub async fn list(&self, folder: &str) -> Vec<String> {
        let url = format!("{}/buckets/{}/{folder}/?limit=10000", self.ports.filer(), self.bucket);
        let request = reqwest::Client::new().get(url).header("accept", "application/json");
        let answer = request.send().await.unwrap();
        if answer.status() == 404 {
            return Vec::new();
        }
        let listing: Value = answer.json().await.unwrap();
        let entries = listing["Entries"].as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| entry["FullPath"].as_str()?.rsplit('/').next().map(str::to_owned))
            .collect()
    }
}

impl Ports {
    fn s3(self) -> String {
        format!("http://127.0.0.1:{}", self.first)
    }

    fn filer(self) -> String {
        format!("http://127.0.0.1:{}", self.first + 1)
    }

    /// Ports that are free, below the range from which the system hands out its own.
    fn find() -> Self {
        let start = 12_000 + (std::process::id() % 500) as u16 * 20;
        let free = |port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        (start..22_500)
            .step_by(10)
            .map(|first| Self { first })
            .find(|ports| (0..4).all(|n| free(ports.first + n) && free(ports.first + n + 10_000)))
            .expect("four free ports between 12,000 and 22,500")
    }
}

/// Becomes a user of the server in `folder`, starting it if there is none.
fn join(folder: &Path) -> (Ports, File) {
    std::fs::create_dir_all(folder).unwrap();
    let open = |name: &str| {
        File::options().create(true).truncate(false).write(true).open(folder.join(name)).unwrap()
    };
    let starting = open("starting.lock");
    starting.lock().unwrap();
    // Waits for a guardian that is just ending the server.
    let in_use = open("users.lock");
    in_use.lock_shared().unwrap();
    let (guardian, ports_file) = (open("guardian.lock"), folder.join("ports"));
    let known = std::fs::read_to_string(&ports_file).ok().and_then(|text| text.trim().parse().ok());
    let ports = match (guardian.try_lock(), known) {
        (Err(_), Some(first)) => Ports { first },
        _ => {
            let ports = Ports::find();
            spawn(folder, ports, guardian);
            std::fs::write(ports_file, ports.first.to_string()).unwrap();
            ports
        }
    };
    (ports, in_use)
}

/// Starts the server and its guardian, which keeps `lock` for as long as it lives.
#[expect(clippy::zombie_processes, reason = "the guardian outlives this process")]
fn spawn(folder: &Path, ports: Ports, lock: File) {
    let first = ports.first;
    std::fs::write(folder.join("s3.json"), identities().to_string()).unwrap();
    // Each bucket takes seven volumes with its first object.
    let guardian = format!(
        r#"rm -rf volume; mkdir volume
        "$WEED" server -dir=volume -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.port={} -volume.port={} \
            -filer -filer.port={} -master.volumeSizeLimitMB=64 -volume.max=1000 \
            -s3 -s3.port={first} -s3.port.iceberg=0 -s3.port.lance=0 -s3.config=s3.json -s3.iam=false \
            -volume.preStopSeconds=0 >weed.log 2>&1 &
        clean="kill -9 $!; rm -rf volume ports /tmp/seaweedfs-*-{}?.sock /tmp/seaweedfs-*-{}?.sock"
        while sleep 5; do
            flock -xn users.lock sh -c "$clean" && break
        done"#,
        first + 2,
        first + 3,
        first + 1,
        first / 10,
        (first + 10_000) / 10,
    );
    // In a group of its own and with nobody's output, so that it outlives the test that started it.
    Command::new("sh")
        .args(["-c", &guardian])
        .env("WEED", weed())
        .current_dir(folder)
        .stdin(lock)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
}

fn identities() -> Value {
    let all = ["Admin", "Read", "Write", "List", "Tagging"];
    json!({ "identities": [
        { "name": "weir", "actions": all,
          "credentials": [{ "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY }] },
        { "name": "reader", "actions": ["Read", "List"],
          "credentials": [{ "accessKey": SeaweedFs::READER, "secretKey": SECRET_KEY }] },
        { "name": "anonymous", "actions": ["Read", "List", "Write:probe"] },
    ]})
}

/// The binary: named by `WEED`, or on the path, or where `make test` puts it.
fn weed() -> PathBuf {
    if let Some(named) = std::env::var_os("WEED") {
        return named.into();
    }
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin/weed");
    if tools.exists() { tools } else { "weed".into() }
}
