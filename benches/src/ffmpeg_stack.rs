//! The usual stack, to compare with: an ffmpeg process that takes RTMP, encodes with the same settings
//! and writes HLS into a folder on disk, which a plain HTTP server hands out.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::Error;
use crate::process::{Process, free_port, wait_for_listener};

/// How many threads ffmpeg may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// As many as it likes: how people run it.
    Default,
    /// One for each of decoder, filters and encoder: what it costs to do the work once.
    One,
}

/// The running stack. Dropping it ends it.
pub struct FfmpegStack {
    encoder: Child,
    site: JoinHandle<()>,
    rtmp_port: u16,
    http_port: u16,
    _folder: TempDir,
}

impl FfmpegStack {
    /// Starts ffmpeg and the HTTP server, and waits until both listen.
    pub async fn start(threads: Threads, fps: u32) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder for segments"))?;
        let rtmp_port = free_port()?;
        let encoder = spawn_encoder(threads, fps, rtmp_port, folder.path())?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::io("listen"))?;
        let http_port = listener.local_addr().map_err(Error::io("listen"))?.port();
        let pages = site(folder.path().to_owned());
        let site = tokio::spawn(async move {
            // Serving ends only with the task.
            let _ = axum::serve(listener, pages).await;
        });
        wait_for_listener(rtmp_port).await?;
        Ok(Self { encoder, site, rtmp_port, http_port, _folder: folder })
    }

    /// Where to publish, key included.
    pub fn rtmp_url(&self) -> String {
        format!("rtmp://127.0.0.1:{}/live/key", self.rtmp_port)
    }

    /// The playlist.
    pub fn playlist_url(&self) -> String {
        format!("http://127.0.0.1:{}/index.m3u8", self.http_port)
    }

    /// A page that plays it with hls.js's defaults.
    pub fn player_url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.http_port)
    }

    /// The encoder's process.
    pub fn process(&self) -> Process {
        Process(self.encoder.id().unwrap_or(0))
    }
}

impl Drop for FfmpegStack {
    fn drop(&mut self) {
        self.site.abort();
    }
}

fn spawn_encoder(threads: Threads, fps: u32, port: u16, folder: &Path) -> Result<Child, Error> {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin"]);
    if threads == Threads::One {
        command.args(["-filter_threads", "1", "-threads", "1"]);
    }
    command.args(["-listen", "1", "-i", &format!("rtmp://127.0.0.1:{port}/live/key")]);
    command.args(
        "-c:v libx264 -preset veryfast -tune zerolatency -b:v 2500k -maxrate 3000k -bufsize 6000k".split(' '),
    );
    command.args(["-vf", "scale=1280:720", "-g", &(2 * fps).to_string()]);
    if threads == Threads::One {
        command.args(["-threads", "1", "-sc_threshold", "0"]);
    }
    command.args("-c:a aac -b:a 128k -ar 48000 -ac 2 -f hls -hls_time 2 -hls_list_size 5".split(' '));
    command.args(["-hls_flags", "delete_segments+append_list", "-hls_segment_filename"]);
    command.arg(folder.join("segment_%03d.ts")).arg(folder.join("index.m3u8"));
    command.stdin(Stdio::null()).kill_on_drop(true).spawn().map_err(Error::start("ffmpeg"))
}

fn site(folder: PathBuf) -> Router {
    let hls_js = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/node_modules/hls.js/dist/hls.min.js");
    Router::new()
        .route("/", get(|| async { Html(include_str!("../browser/player.html")) }))
        .route("/hls.js", get(|| async move { file(&hls_js, "text/javascript").await }))
        .route("/{name}", get(segment_or_playlist))
        .with_state(folder)
}

async fn segment_or_playlist(State(folder): State<PathBuf>, UrlPath(name): UrlPath<String>) -> Response {
    let kind = if name.ends_with(".m3u8") { "application/vnd.apple.mpegurl" } else { "video/mp2t" };
    file(&folder.join(name), kind).await
}

async fn file(path: &Path, kind: &'static str) -> Response {
    match tokio::fs::read(path).await {
        Ok(bytes) => {
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], bytes).into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
