//! Many RTMP sessions at once, without any pictures in them: what a server's ingest costs alone.
//!
//! `script` holds the bytes of a publishing session, [`client`] plays them over sockets,
//! [`null_ingest`] takes them with Weir's own session and throws the media away, [`nginx_rtmp`] is the
//! rival, [`load`] keeps many clients going against one of them, and [`silent`] holds many that say nothing.

pub mod client;
pub mod load;
pub mod nginx_rtmp;
pub mod null_ingest;
mod script;
pub mod silent;
