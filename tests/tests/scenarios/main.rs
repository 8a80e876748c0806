//! The real server against real encoders, a real object store and a real browser.
//!
//! Each module is one side of Weir that a user meets. A scenario starts a server of its own.

#![allow(clippy::unwrap_used)]

mod api;
mod bad_input;
mod bad_input_crowd;
mod bad_input_media;
mod bad_input_wire;
mod browser;
mod crash;
mod crash_rounds;
mod dashboard;
mod disk;
mod events;
mod https;
mod janitor;
mod low_latency;
mod media;
mod objects;
mod openapi;
mod operations;
mod overload;
mod publish_hook;
mod publisher_network;
mod pull;
mod reconnect;
mod recording;
mod recording_crashes;
mod recording_parts;
mod refusal;
mod rtmps;
mod second_publisher;
mod shutdown;
mod simultaneous;
mod soak;
mod stalled;
mod startup;
mod stop;
mod store_trouble;
mod viewers;
mod watch_through;
mod webhooks;
