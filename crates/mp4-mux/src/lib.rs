//! Packets to a progressive MP4 file (ISO/IEC 14496-12), in memory.
//!
//! Sans-IO: media events go in, the bytes of the file's media come out in order. Only the index,
//! which goes in front of them, is known last; so whoever stores the file keeps its place free.
//! What stays in memory meanwhile is about a second of media and two to four bytes a sample; where nothing of the media is
//! left in hand, the rest can be kept elsewhere as [checkpoints](Writer::checkpoint).

mod avc;
mod checkpoint;
mod error;
mod movie;
mod sample_log;
mod samples;
mod track;
pub mod varint;
mod writer;

pub use checkpoint::{Mark, Unreadable};
pub use error::Error;
pub use movie::Movie;
pub use writer::Writer;
