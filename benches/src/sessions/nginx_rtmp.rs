//! The rival: nginx with Debian's RTMP module, taking streams and doing nothing with them.

use std::fs;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Error;
use crate::process::{Process, wait_for_listener};

const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/// A running nginx. Dropping it kills it.
pub struct NginxRtmp {
    child: Child,
    _folder: TempDir,
}

impl NginxRtmp {
    /// The app that it is published to.
    pub const APP: &str = "live";

    /// Starts nginx on `port`, as a single process, so that its whole work is in one account.
    pub async fn start(port: u16) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make nginx's folder"))?;
        let path = folder.path().display();
        let configuration = format!(
            "load_module {MODULE};\n\
             daemon off; master_process off; error_log {path}/error.log error; pid {path}/pid;\n\
             worker_rlimit_nofile 20000;\n\
             events {{ worker_connections 16384; }}\n\
             rtmp {{ server {{ listen 127.0.0.1:{port}; chunk_size 4096; timeout 1h; ping 1h;\n\
             application {app} {{ live on; }} }} }}\n",
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
