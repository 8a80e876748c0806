//! Packets to a progressive MP4 file (ISO/IEC 14496-12), in memory.
//!
//! Sans-IO: media events go in, the bytes of the file's media come out in order. Only the index,
//! which goes in front of them, is known last; so whoever stores the file keeps its place free.
//! What stays in memory meanwhile is about a second of media and four bytes a sample.

mod avc;
mod error;
mod movie;
mod samples;
mod track;
mod writer;

pub use error::Error;
pub use movie::Movie;
pub use writer::Writer;
