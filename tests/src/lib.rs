//! What the scenarios are made of: a Weir, an object store, publishers, a strict reader of the
//! playlists and independent oracles for what they list.
//!
//! Everything here is real: the `weir` binary as a process of its own, SeaweedFS as the S3 server,
//! ffmpeg as the encoder, ffprobe and ffmpeg as judges. Nothing knows the inside of Weir. What
//! cannot be set up, or does not happen in time, panics with what was expected and what was seen.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod api;
mod broadcast;
mod browser;
mod bystander;
mod certificate;
mod event_stream;
mod fault_proxy;
mod flv_file;
mod key_faults;
mod low_latency;
mod marks;
mod movie;
mod oracle;
mod playlist;
mod poller;
mod publish_hook;
mod publisher;
mod relay;
pub mod rtmp_client;
mod seaweed;
mod sources;
mod tls_front;
mod webhook_receiver;
mod weir;

pub use api::{Answer, Api, Stream, json_eq};
pub use broadcast::{Expected, Picture, assert_broadcast, assert_multivariant};
pub use browser::Browser;
pub use bystander::Bystander;
pub use certificate::{SelfSigned, served_fingerprint};
pub use event_stream::{EventStream, ServerSentEvent};
pub use fault_proxy::{Fault, FaultProxy};
pub use flv_file::{Tag, flv_tags};
pub use key_faults::{KeyFault, KeyFaults};
pub use low_latency::{LowLatency, PartPlayer, part};
pub use marks::Marks;
pub use movie::Movie;
pub use oracle::{
    MediaPacket, MediaStream, Probe, continuity_errors, decode_warnings, last_color, nal_types, probe,
};
pub use playlist::{Entry, Version};
pub use poller::{HlsPoller, Recording, Segment};
pub use publish_hook::{HookAnswer, HookQuestion, PublishHook};
pub use publisher::Publisher;
pub use relay::Relay;
pub use rtmp_client::RtmpClient;
pub use seaweed::SeaweedFs;
pub use sources::{Source, brightening, encode, play_file, play_file_in_a_loop, source_file, still};
pub use tls_front::TlsFront;
pub use webhook_receiver::{Message, Reaction, WebhookReceiver, assert_signed};
pub use weir::{Weir, WeirBuilder, free_port};

use std::future::Future;
use std::time::{Duration, Instant};

/// Asks again, at most every 50 ms, until there is an answer; panics with `what` after `limit`.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A number that whoever runs a long scenario may set.
pub fn number_from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is {text}")))
}
