//! RTMP sessions that bring media in: bytes in, packets out.
//!
//! A [`Session`] is the whole protocol as a state machine without I/O: bytes and the time go in,
//! [`Event`]s and answers come out, and any split of the same input gives the same events. A
//! [`ServerSession`] is published to, a [`ClientSession`] plays from another server, and a
//! [`Connection`] drives either over a socket.
//!
//! Data flows through the modules in this order: `handshake`, [`chunk`] (chunks to messages),
//! `message` and [`amf0`] (messages to commands), `session` (commands to events), [`flv`] (media
//! messages to packets) and [`timeline`] (their 32-bit milliseconds to the 90 kHz clock).

pub mod amf0;
pub mod chunk;
mod connection;
mod error;
pub mod flv;
mod handshake;
mod limits;
mod message;
mod metadata;
mod publish;
mod session;
mod source_url;
pub mod timeline;

pub use connection::Connection;
pub use error::{Error, ErrorKind, KeyFault, WaitingFor};
pub use limits::Limits;
pub use publish::{Event, Metadata, PublishRequest, Refusal, Stats, StreamKey};
pub use session::{ClientSession, ServerSession, Session};
pub use source_url::{SourceUrl, SourceUrlFault};
