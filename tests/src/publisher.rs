use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

/// An ffmpeg that publishes to Weir. Killed when dropped.
pub struct Publisher {
    child: Child,
    keyboard: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Publisher {
    /// Publishes to `url`; `args` are ffmpeg's inputs and codecs.
    pub fn start(args: Vec<String>, url: &str) -> Self {
        let mut child = Command::new("ffmpeg")
            .args(["-hide_banner", "-nostats", "-loglevel", "info"])
            .args(args)
            .args(["-f", "flv", "-flvflags", "no_duration_filesize", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("ffmpeg is installed");
        let said = Arc::new(Mutex::new(String::new()));
        let reader = child.stderr.take().map(|mut stderr| {
            let said = Arc::clone(&said);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
                    said.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
                }
            })
        });
        Self { keyboard: child.stdin.take(), child, said, reader }
    }

    /// Waits until it ends by itself; answers how, and all that it said.
    pub async fn ends(&mut self, limit: Duration) -> (ExitStatus, String) {
        let Ok(ended) = tokio::time::timeout(limit, self.child.wait()).await else {
            panic!("ffmpeg still ran after {limit:?}:\n{}", self.said.lock().unwrap());
        };
        if let Some(reader) = self.reader.take() {
            reader.await.unwrap();
        }
        (ended.unwrap(), self.said.lock().unwrap().clone())
    }

    /// Waits for the end of its input, which must come without an error.
    pub async fn finishes(&mut self) {
        let (status, said) = self.ends(Duration::from_secs(60)).await;
        assert!(status.success(), "ffmpeg ended with {status}:\n{said}");
    }

    /// Ends it as a user does: it says goodbye to the server.
    pub async fn stop(&mut self) {
        if let Some(mut keyboard) = self.keyboard.take() {
            let _ = keyboard.write_all(b"q").await;
        }
        self.ends(Duration::from_secs(15)).await;
    }

    /// Ends it as a crash does.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Makes it stand still, its connection open.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on; it catches up with what it missed.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = std::process::Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success(), "kill {signal} {id}");
    }

    /// Whether it is still publishing, or trying to.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Asserts that it goes on.
    pub fn assert_running(&mut self) {
        assert!(self.is_running(), "ffmpeg has ended:\n{}", self.said.lock().unwrap());
    }
}
