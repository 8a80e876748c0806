//! The ingest from outside: whole sessions, recorded, scripted and live.

#![allow(clippy::unwrap_used)]

mod connection;
mod ffmpeg;
mod hostile;
mod play;
mod publish;
mod recordings;
mod script;
