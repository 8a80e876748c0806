//! Scenarios with real input: `ffmpeg` makes it, the transcoder takes it, `ffmpeg` judges.

// Helpers, like tests, can do no better than to stop where something is not as it must be.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cpu;
mod damage;
mod inputs;
mod output;
mod relief;
mod slate;
mod source;
mod stills;
mod sync;
mod timing;
mod tracks;
