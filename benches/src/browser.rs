//! Chromium at a player page, reading the stamps off the picture that it shows.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::Error;

const LIMIT_SECONDS: u64 = 30;

/// A running browser.
pub struct Browser {
    process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What was seen on the page.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sightings {
    /// From the opening of the page to its first picture.
    pub first_picture_millis: Option<f64>,
    /// Pictures that were read, some ten a second.
    pub samples: Vec<Sample>,
    /// Pictures without a readable stamp.
    pub unreadable: usize,
    /// Times at which the element said `waiting` after its first picture, in Unix milliseconds.
    pub waiting: Vec<f64>,
    /// Times in which playback stood still.
    pub freezes: Vec<Freeze>,
    /// What went wrong in the page.
    pub errors: Vec<String>,
}

/// One picture that was read.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Sample {
    /// When, in Unix milliseconds.
    pub at: f64,
    /// The time it carries.
    pub stamp: f64,
}

/// One time in which playback stood still.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Freeze {
    /// Since when, in Unix milliseconds.
    pub at: f64,
    /// For how long.
    pub millis: f64,
}

impl Browser {
    /// Starts the browser on an empty page, so that its own start is no part of what is measured.
    pub async fn launch() -> Result<Self, Error> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("browser/watch.mjs");
        let mut process = Command::new("node")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::start("node"))?;
        let (Some(commands), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Error::Nothing("the browser's script has no pipes"));
        };
        let mut browser = Self { process, commands, answers: BufReader::new(answers).lines() };
        browser.answer("the browser's start").await?;
        Ok(browser)
    }

    /// Opens a player page.
    pub async fn open(&mut self, url: &str) -> Result<(), Error> {
        self.commands.write_all(format!("{url}\n").as_bytes()).await.map_err(Error::io("command the browser"))
    }

    /// Closes the browser and hands over what it saw.
    pub async fn finish(mut self) -> Result<Sightings, Error> {
        self.commands.write_all(b"end\n").await.map_err(Error::io("command the browser"))?;
        let notes = self.answer("the browser's report").await?;
        // The report is complete; how the script ends after it is of no interest.
        let _ = timeout(Duration::from_secs(LIMIT_SECONDS), self.process.wait()).await;
        Ok(serde_json::from_str(&notes)?)
    }

    async fn answer(&mut self, what: &'static str) -> Result<String, Error> {
        let line = timeout(Duration::from_secs(LIMIT_SECONDS), self.answers.next_line())
            .await
            .map_err(|_| Error::Timeout { what, seconds: LIMIT_SECONDS, detail: String::new() })?
            .map_err(Error::io("hear the browser"))?;
        line.ok_or(Error::Program {
            program: "browser/watch.mjs",
            said: "it ended early; its message is above (are Chromium, and web/'s packages by `npm ci`, installed?)".into(),
        })
    }
}

impl Sightings {
    /// Glass to glass in milliseconds, from `settle_millis` after the first picture on.
    pub fn latencies(&self, settle_millis: f64) -> impl Iterator<Item = f64> {
        let from = self.settled_at(settle_millis);
        self.samples.iter().filter(move |sample| sample.at >= from).map(|sample| sample.at - sample.stamp)
    }

    /// Stand-stills that began after the player had settled.
    pub fn stalls(&self, settle_millis: f64) -> impl Iterator<Item = Freeze> {
        let from = self.settled_at(settle_millis);
        self.freezes.iter().copied().filter(move |freeze| freeze.at >= from)
    }

    fn settled_at(&self, settle_millis: f64) -> f64 {
        self.samples.first().map_or(f64::INFINITY, |first| first.at + settle_millis)
    }
}
