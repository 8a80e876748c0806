//! The ingest from outside: whole sessions, recorded, scripted and live.

mod connection;
mod ffmpeg;
mod hostile;
mod publish;
mod recordings;
mod script;
