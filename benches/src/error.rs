use std::io;
use std::path::PathBuf;

/// Why a benchmark could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that the benchmark needs did not start.
    #[error("cannot start {program}: {source}; is it installed?")]
    Start {
        /// The program's name or path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended, or said something else than it should have.
    #[error("{program} failed: {said}")]
    Program {
        /// The program's name.
        program: &'static str,
        /// The end of what it printed.
        said: String,
    },
    /// The server's binary isn't there.
    #[error("no server at {}: build it with `cargo build --release -p server`, or give --weir PATH", .0.display())]
    NoServer(PathBuf),
    /// Something that should have happened did not.
    #[error("{what} did not happen within {seconds} s{detail}")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        seconds: u64,
        /// More about it, such as the end of a log; may be empty.
        detail: String,
    },
    /// Reading or writing failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A request failed.
    #[error("HTTP: {0}")]
    Http(#[from] reqwest::Error),
    /// A server handed out an address that is none.
    #[error("bad address: {0}")]
    Address(#[from] url::ParseError),
    /// An answer was not the JSON that was expected.
    #[error("unexpected JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A task of the benchmark itself came to grief.
    #[error("a measuring task ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// Nothing was measured.
    #[error("{0}")]
    Nothing(&'static str),
}

impl Error {
    /// For `map_err` on an [`io::Result`]: says what was being done.
    pub fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    /// For `map_err` on a spawn.
    pub fn start(program: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Start { program: program.into(), source }
    }
}
