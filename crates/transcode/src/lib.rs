//! Decodes, scales and re-encodes packets in process with libav.
//!
//! A [`Transcoder`] takes what a broadcast's publishers send, one session after the other, and
//! gives one continuous output: one size, one clock that only moves forward, keyframes on a grid
//! of media time, sound without gaps. It knows nothing of how packets arrive or where they go.

mod align;
mod annexb;
mod audio;
mod canvas;
mod discipline;
mod encode;
mod error;
mod ffi;
mod fit;
mod gate;
mod grid;
mod opening;
mod options;
mod pace;
mod presentation;
mod rate;
mod reception;
mod relief;
mod rendition;
mod rhythm;
mod skip;
mod slate;
mod sprites;
mod stats;
mod still;
mod straggler;
mod timeline;
mod transcoder;
mod video;

pub use error::Error;
pub use options::{AudioOptions, Options, VideoOptions};
pub use relief::Relief;
pub use skip::DecodeSkip;
pub use slate::Slate;
pub use sprites::{Tile, sprite_sheet};
pub use stats::{AudioStats, Stats, VideoStats};
pub use still::Still;
pub use transcoder::Transcoder;

/// Sends libav's log to `tracing`, target `libav`, at most twenty lines a second.
///
/// Call it once, at start-up; more calls do nothing. Without it libav writes to standard error.
pub fn init() {
    ffi::init();
}
