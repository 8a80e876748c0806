use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{Api, SeaweedFs};

/// The token that every Weir here is given, unless a scenario takes it away.
const TOKEN: &str = "scenario-token-0123456789abcdef";

/// The real `weir` binary as a child process, with folders and ports of its own.
///
/// Killed when dropped; its log is printed if the test fails.
pub struct Weir {
    child: Child,
    home: TempDir,
    http_port: u16,
    rtmp_port: u16,
    token: String,
    env: BTreeMap<String, String>,
    args: Vec<String>,
}

/// How a [`Weir`] is to be started.
pub struct WeirBuilder {
    home: TempDir,
    env: BTreeMap<String, String>,
    args: Vec<String>,
    http_port: u16,
    rtmp_port: u16,
}

/// A port that nobody listens on at the moment. It is below those that the system takes for connections, any of which
/// may be taken before it is used.
pub fn free_port() -> u16 {
    loop {
        let random = RandomState::new().build_hasher().finish();
        let port = 10_000 + (random % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Weir {
    /// A Weir on its embedded defaults, ready.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A Weir to be started differently.
    pub fn builder() -> WeirBuilder {
        let home = TempDir::new().unwrap();
        for folder in ["data", "tmp"] {
            std::fs::create_dir(home.path().join(folder)).unwrap();
        }
        let mut env = BTreeMap::new();
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
        set("WEIR_DATA_DIR", home.path().join("data").display().to_string());
        set("WEIR_API_TOKEN", TOKEN.to_owned());
        set("WEIR_RECONNECT_WINDOW", "1".to_owned());
        set("TMPDIR", home.path().join("tmp").display().to_string());
        let mut builder = WeirBuilder { home, env, args: Vec::new(), http_port: 0, rtmp_port: 0 };
        builder.set_ports(free_port(), free_port());
        builder
    }

    /// Its token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Its API, with the token.
    pub fn api(&self) -> Api {
        Api::new(self.url(""), Some(self.token.clone()))
    }

    /// Its API, as somebody who has no token.
    pub fn anonymous(&self) -> Api {
        Api::new(self.url(""), None)
    }

    /// An HTTP URL of this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http_port)
    }

    /// The RTMP port.
    pub fn rtmp_port(&self) -> u16 {
        self.rtmp_port
    }

    /// Everything that it has logged and printed.
    pub fn log(&self) -> String {
        read_log(self.home.path())
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// What it sees as the folder for temporary files.
    pub fn temp_dir(&self) -> PathBuf {
        self.home.path().join("tmp")
    }

    /// A file of its folder in `/proc`.
    pub fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id().expect("weir runs")))
    }

    /// Its threads of that name.
    pub fn threads(&self, name: &str) -> Vec<i32> {
        let folders = std::fs::read_dir(self.proc("task")).unwrap().map(|entry| entry.unwrap());
        let named = folders.filter(|thread| {
            std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
        });
        named.map(|thread| thread.file_name().to_str().unwrap().parse().unwrap()).collect()
    }

    /// The file whose code a thread that is stopped was running; none while it is in a system call.
    pub fn code_of(&self, thread: i32) -> Option<String> {
        // "-1", the stack pointer and the instruction pointer, in hexadecimal (proc_pid_syscall(5)).
        let call = std::fs::read_to_string(self.proc(&format!("task/{thread}/syscall"))).unwrap();
        let at = call.strip_prefix("-1 ")?.trim().rsplit_once("0x")?.1;
        let at = u64::from_str_radix(at, 16).unwrap();
        let maps = std::fs::read_to_string(self.proc("maps")).unwrap();
        let line = maps.lines().find(|line| {
            let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            let number = |text| u64::from_str_radix(text, 16).unwrap();
            (number(start)..number(end)).contains(&at)
        })?;
        Some(line.split_whitespace().nth(5)?.to_owned())
    }

    /// Kilobytes of memory that it has in use (`VmRSS`).
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// A figure of its metrics, summed over the label sets that hold `label`; 0 if it isn't there.
    pub async fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.anonymous().get("/metrics").await.text;
        let lines =
            text.lines().filter_map(|line| line.strip_prefix(name)).filter(|line| line.contains(label));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.ask_to_stop().await;
        self.exits(limit).await
    }

    /// Sends SIGTERM.
    pub async fn ask_to_stop(&self) {
        let pid = self.child.id().expect("weir runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        assert!(sent.success(), "kill -TERM {pid}: {sent}");
    }

    /// Waits until it has ended by itself.
    pub async fn exits(&mut self, limit: Duration) -> ExitStatus {
        let ended = tokio::time::timeout(limit, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("weir still ran after {limit:?}")).unwrap()
    }

    /// Kills it as a crash does, and starts it again on the same folders and ports, set as it was.
    pub async fn crash_and_restart(mut self) -> Self {
        self.child.kill().await.unwrap();
        let mut builder = Self::builder();
        let folders = ["WEIR_DATA_DIR", "TMPDIR"];
        let env = std::mem::take(&mut self.env).into_iter();
        builder.env.extend(env.filter(|(name, _)| !folders.contains(&name.as_str())));
        builder.args = std::mem::take(&mut self.args);
        builder.set_ports(self.http_port, self.rtmp_port);
        let (old, new) = (self.data_dir(), builder.home.path().join("data"));
        std::fs::remove_dir(&new).unwrap();
        std::fs::rename(old, new).unwrap();
        builder.start().await
    }

    /// Asserts that it is up and answers.
    pub async fn assert_healthy(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "weir has ended");
        let answer = self.anonymous().get("/healthz").await;
        assert_eq!(answer.code, 200, "/healthz: {}", answer.text);
        assert!(!self.log().contains("panicked at"), "weir has panicked");
    }
}

impl WeirBuilder {
    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.insert(name.to_owned(), value.to_string());
        self
    }

    /// Stores objects there.
    pub fn objects_in(self, store: &SeaweedFs) -> Self {
        store.env().into_iter().fold(self, |weir, (name, value)| weir.env(name, value))
    }

    /// Stores objects there, by way of a proxy at that port; players read them without it.
    pub fn objects_through(self, port: u16, store: &SeaweedFs) -> Self {
        self.objects_in(store)
            .env("WEIR_S3_ENDPOINT", format!("http://127.0.0.1:{port}"))
            .env("WEIR_S3_PUBLIC_URL", store.url("").trim_end_matches('/'))
    }

    /// Encodes as many bits a second as that, in the least time.
    pub fn fast_video(self, bits: u32) -> Self {
        let rates = ["BITRATE", "MAXRATE", "BUFSIZE"].iter();
        rates
            .fold(self, |weir, name| weir.env(&format!("WEIR_VIDEO_{name}"), bits))
            .env("WEIR_VIDEO_PRESET", "ultrafast")
    }

    /// Takes an environment variable away.
    pub fn unset(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl ToString) -> Self {
        self.args.push(arg.to_string());
        self
    }

    /// The folder that holds its data and temporary folders, for files of the scenario's own.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Weir {
        let mut weir = self.spawn();
        let ready = weir.url("/readyz");
        let client = reqwest::Client::new();
        let limit = Duration::from_secs(20);
        loop {
            if let Some(status) = weir.child.try_wait().unwrap() {
                panic!("weir ended at its start, {status}");
            }
            match client.get(&ready).timeout(limit).send().await {
                Ok(answer) if answer.status() == 200 => break,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        if weir.token.is_empty() {
            let file = weir.data_dir().join("api-token");
            weir.token = std::fs::read_to_string(file).unwrap().trim().to_owned();
        }
        weir
    }

    /// Starts it expecting that it ends by itself; answers its exit status and all it printed.
    pub async fn ends(self) -> (ExitStatus, String) {
        let mut weir = self.spawn();
        let limit = Duration::from_secs(30);
        let ended = tokio::time::timeout(limit, weir.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("weir still ran after {limit:?}")).unwrap();
        (status, weir.log())
    }

    fn set_ports(&mut self, http_port: u16, rtmp_port: u16) {
        (self.http_port, self.rtmp_port) = (http_port, rtmp_port);
        for (name, port) in [("WEIR_HTTP_ADDR", http_port), ("WEIR_RTMP_ADDR", rtmp_port)] {
            self.env.insert(name.to_owned(), format!("127.0.0.1:{port}"));
        }
    }

    fn spawn(self) -> Weir {
        let log = |name| std::fs::File::create(self.home.path().join(name)).unwrap();
        let child = Command::new(binary())
            .args(&self.args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .envs(&self.env)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(log("stdout"))
            .stderr(log("stderr"))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let token = self.env.get("WEIR_API_TOKEN").cloned().unwrap_or_default();
        let Self { home, env, args, http_port, rtmp_port } = self;
        Weir { child, home, http_port, rtmp_port, token, env, args }
    }
}

impl Drop for Weir {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(20_000);
            let tail = (tail..log.len()).find(|&at| log.is_char_boundary(at)).unwrap_or(tail);
            eprintln!("---- weir's log ----\n{}\n---- end of weir's log ----", &log[tail..]);
        }
    }
}

/// The server's binary, which Cargo leaves beside the folder of the test binaries.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let binary = std::env::var_os("WEIR_BIN").map_or_else(|| profile.join("weir"), PathBuf::from);
    assert!(binary.exists(), "{} isn't built: run `make test`", binary.display());
    binary
}

fn read_log(home: &Path) -> String {
    ["stdout", "stderr"].map(|name| std::fs::read_to_string(home.join(name)).unwrap_or_default()).concat()
}
