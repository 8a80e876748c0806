//! Weir's shared vocabulary: time, packets and codec configurations.
//!
//! Plain data and arithmetic. There is no I/O here, no async, no FFI and no knowledge of any
//! protocol; every other crate that handles media speaks these types and no others, so that
//! another ingest or another output changes nothing in the middle.

mod codec;
mod packet;
mod time;

pub use codec::{AudioCodec, AudioConfig, FrameRate, VideoCodec, VideoConfig};
pub use packet::{MediaEvent, Packet, Track};
pub use time::{MediaDuration, TICKS_PER_SECOND, Timestamp};
