//! Scenarios with real input: `ffmpeg` makes it, the transcoder takes it, `ffmpeg` judges.

mod cpu;
mod damage;
mod inputs;
mod output;
mod source;
mod sync;
mod timing;
mod tracks;
