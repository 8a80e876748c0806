//! Whole-system benchmarks: a source whose pictures carry the time at which they were made, the
//! server under test, and readers that say how old a picture is where a viewer finds it.
//!
//! In the order in which a measurement flows: [`picture`] and [`stamp`] make frames,
//! [`publisher`] encodes and sends them, [`weir`] or [`ffmpeg_stack`] turns them into HLS (into
//! [`seaweed`], if asked), [`reader`] and [`browser`] and [`part_reader`] watch, [`delay`] holds back what a browser is sent, [`process`] keeps the accounts of the
//! server's process, and [`report`] prints what came of it. [`sessions`] is another measurement, of RTMP alone.

pub mod browser;
pub mod comparison;
pub mod delay;
mod error;
pub mod ffmpeg_stack;
pub mod measurement;
pub mod origin;
pub mod part_reader;
pub mod picture;
pub mod process;
pub mod publisher;
pub mod reader;
pub mod report;
pub mod seaweed;
pub mod segment_frames;
pub mod sessions;
pub mod stamp;
pub mod statistics;
pub mod tap;
pub mod weir;

pub use error::Error;
