//! Many low-latency viewers of one stream, and what they cost the server that serves them.

pub mod connection;
pub mod nginx_static;
pub mod ready;
pub mod viewers;
