//! Packets to MPEG-TS segments and parts and to HLS playlists, in memory; and segments back to packets.
//!
//! Sans-IO: media events go in, segments, parts and playlists come out. There is no clock, socket,
//! file or task here; wall-clock time enters once, as the epoch of a [`Segmenter`].
//!
//! Nothing waits for what comes next: a segment is complete the moment that the key frame of its
//! successor arrives, and a part the moment that its last picture does.

mod aac;
mod audio_queue;
mod error;
mod h264;
mod keyframes;
mod options;
mod part;
pub mod playlist;
mod reader;
mod segment;
mod segmenter;
mod start;
mod track;
mod ts;
mod writer;

pub use error::Error;
pub use options::SegmenterOptions;
pub use reader::{ReadError, ReaderState, SegmentReader};
pub use segment::{MediaSequence, Output, Part, Segment, part_name, segment_name, segment_sequence};
pub use segmenter::Segmenter;
