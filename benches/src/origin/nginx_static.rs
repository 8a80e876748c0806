//! What nginx makes of the same bytes, as files in a memory file system.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Error;
use crate::process::{Process, free_port, wait_for_listener};

/// Debian's file system in memory.
const MEMORY: &str = "/dev/shm";

/// A running nginx that serves files. Dropping it kills it.
pub struct NginxStatic {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl NginxStatic {
    /// Starts nginx on a free port as a single process, so that its whole work is in one account.
    pub async fn start(files: &[(&str, &[u8])]) -> Result<Self, Error> {
        let port = free_port()?;
        let folder = tempfile::tempdir_in(MEMORY).map_err(Error::io("make nginx's folder"))?;
        for (name, data) in files {
            fs::write(folder.path().join(name), data).map_err(Error::io("write a file for nginx"))?;
        }
        let path = folder.path().display();
        let configuration = format!(
            "daemon off; master_process off; error_log {path}/error.log error; pid {path}/pid;\n\
             worker_rlimit_nofile 20000;\n\
             events {{ worker_connections 16384; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; open_file_cache max=100;\n\
             keepalive_requests 1000000; keepalive_timeout 60s;\n\
             server {{ listen 127.0.0.1:{port} backlog=4096; root {path}; }} }}\n",
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
        Ok(Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), _folder: folder })
    }

    /// The server's process.
    pub fn process(&self) -> Process {
        Process(self.child.id().unwrap_or(0))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
