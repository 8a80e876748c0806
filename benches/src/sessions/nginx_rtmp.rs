//! The rival: nginx with Debian's RTMP module.

use std::fs;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Error;
use crate::process::{Process, wait_for_listener};

const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/// What nginx does with the streams that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Nothing: nobody plays them.
    None,
    /// HLS, two seconds a segment, into a file system in memory.
    Hls,
}

/// Debian's file system in memory.
const MEMORY: &str = "/dev/shm";

/// A running nginx. Dropping it kills it.
pub struct NginxRtmp {
    child: Child,
    _folder: TempDir,
}

impl NginxRtmp {
    /// The app that it is published to.
    pub const APP: &str = "live";

    /// Starts nginx on `port`, as a single process, so that its whole work is in one account.
    pub async fn start(port: u16, output: Output) -> Result<Self, Error> {
        let folder = tempfile::tempdir_in(MEMORY).map_err(Error::io("make nginx's folder"))?;
        let path = folder.path().display();
        let hls = match output {
            Output::None => String::new(),
            Output::Hls => format!("hls on; hls_path {path}/hls; hls_fragment 2s; hls_playlist_length 12s;"),
        };
        let configuration = format!(
            "load_module {MODULE};\n\
             daemon off; master_process off; error_log {path}/error.log error; pid {path}/pid;\n\
             worker_rlimit_nofile 20000;\n\
             events {{ worker_connections 16384; }}\n\
             rtmp {{ server {{ listen 127.0.0.1:{port}; chunk_size 4096; timeout 1h; ping 1h;\n\
             application {app} {{ live on; {hls} }} }} }}\n",
            app = Self::APP,
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration).map_err(Error::io("write nginx's configuration"))?;
        let child = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::start("nginx"))?;
        wait_for_listener(port).await?;
        Ok(Self { child, _folder: folder })
    }

    /// The server's process.
    pub fn process(&self) -> Process {
        Process(self.child.id().unwrap_or(0))
    }
}
