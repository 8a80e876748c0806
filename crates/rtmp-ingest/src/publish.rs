//! What a session asks its owner, and what the owner answers.

use std::fmt;

use media::MediaEvent;

use crate::error::KeyFault;

/// What a session has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Somebody wants to publish. Nothing more of theirs is acted on until
    /// [`accept_publish`](crate::ServerSession::accept_publish) or
    /// [`refuse_publish`](crate::ServerSession::refuse_publish).
    PublishRequested(PublishRequest),
    /// What the encoder says of its stream. Hints, never facts.
    Metadata(Metadata),
    /// A codec configuration or an access unit.
    Media(MediaEvent),
    /// The publisher, or the server that is played from, ended the stream in good order.
    PublishFinished,
}

/// A request to publish, to be accepted or refused.
#[derive(Clone, PartialEq, Eq)]
pub struct PublishRequest {
    /// The app: the first segment of the server URL's path, without a key or query after it.
    pub app: String,
    /// Who it claims to be.
    pub key: StreamKey,
    /// What followed `?` in the stream name, or else in the app. May hold secrets: not for logs.
    pub query: Option<String>,
    /// The encoder's own name for itself (`flashVer`).
    pub encoder: Option<String>,
}

impl fmt::Debug for PublishRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishRequest")
            .field("app", &self.app)
            .field("key", &self.key)
            .field("query", &self.query.as_ref().map(|_| "redacted"))
            .field("encoder", &self.encoder)
            .finish()
    }
}

/// A stream key as the publisher sent it: a secret, which prints as nothing but its type.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamKey(String);

impl StreamKey {
    /// The longest key, in bytes, that is taken for one.
    pub const MAX_LEN: usize = 256;

    /// Takes `text` for a key if it could be one.
    pub fn new(text: &str) -> Result<Self, KeyFault> {
        if text.is_empty() {
            Err(KeyFault::Empty)
        } else if text.len() > Self::MAX_LEN {
            Err(KeyFault::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(KeyFault::ControlCharacter)
        } else if text.contains("..") {
            Err(KeyFault::DotDot)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The secret itself, for the one place that checks it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(redacted)")
    }
}

/// What `onMetaData` says. Hints: encoders get any of it wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The program that encodes.
    pub encoder: Option<String>,
    /// Width in pixels.
    pub width: Option<u32>,
    /// Height in pixels.
    pub height: Option<u32>,
    /// Pictures in a second.
    pub frame_rate: Option<f64>,
    /// Video bit rate in kbit/s.
    pub video_bitrate: Option<f64>,
    /// Audio bit rate in kbit/s.
    pub audio_bitrate: Option<f64>,
    /// Audio samples in a second.
    pub audio_sample_rate: Option<u32>,
    /// Audio channels.
    pub audio_channels: Option<u8>,
}

/// Why a publish is refused. The encoder shows [`Refusal::description`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No stream has this key.
    Unauthorized,
    /// Whoever decides on publishes said no to this one.
    NotAllowed,
    /// It could not be found out whether the publish is allowed.
    Unchecked,
    /// There is no such app.
    UnknownApp,
    /// The stream already has a publisher.
    Busy,
    /// The stream's last broadcast isn't over yet.
    Finishing,
    /// The stream was stopped and its key isn't armed.
    Disarmed,
    /// The server has no capacity for another stream.
    Overloaded,
    /// The server is going down.
    ShuttingDown,
}

impl Refusal {
    /// The `onStatus` code. Encoders know `BadName` and `Unauthorized` as final, so they don't
    /// retry; `Failed` leaves them free to.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unauthorized | Self::NotAllowed => "NetStream.Publish.Unauthorized",
            Self::UnknownApp | Self::Busy | Self::Disarmed => "NetStream.Publish.BadName",
            Self::Unchecked | Self::Finishing | Self::Overloaded | Self::ShuttingDown => {
                "NetStream.Publish.Failed"
            }
        }
    }

    /// What a person should do about it.
    pub fn description(self) -> &'static str {
        match self {
            Self::Unauthorized => "The stream key is wrong. Copy it again into the encoder.",
            Self::NotAllowed => "Publishing was refused.",
            Self::Unchecked => "The server cannot check stream keys at the moment. Try again later.",
            Self::UnknownApp => "There is no such app here. The server URL should end in /live.",
            Self::Busy => "This stream already has a publisher. End the other one first.",
            Self::Finishing => "This stream's last broadcast is still being finished. Try again in a moment.",
            Self::Disarmed => "This stream was stopped. Start it again before publishing.",
            Self::Overloaded => "The server is full. Try again later.",
            Self::ShuttingDown => "The server is shutting down. Try again in a moment.",
        }
    }
}

/// Plain counters of one session, since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes taken from the connection.
    pub bytes_received: u64,
    /// Bytes given to the connection.
    pub bytes_sent: u64,
    /// Complete RTMP messages.
    pub messages: u64,
    /// Video packets yielded.
    pub video_packets: u64,
    /// Audio packets yielded.
    pub audio_packets: u64,
    /// Media messages outside of a publish, or on another message stream: dropped.
    pub media_outside_publish: u64,
    /// Access units whose lengths don't add up, or with a configuration or dimensions that can't
    /// be: dropped.
    pub corrupt_access_units: u64,
    /// Codec configurations that can't be right, or are beyond the limits: dropped.
    pub rejected_configs: u64,
    /// Access units that came before their configuration: dropped.
    pub unconfigured_access_units: u64,
    /// Media messages in a codec that isn't supported: dropped.
    pub unsupported_media: u64,
    /// Media of tracks other than the first: dropped.
    pub extra_track_media: u64,
    /// Aggregate messages with more parts than are taken: the rest was dropped.
    pub cut_aggregates: u64,
    /// Messages of an unknown type, or that say nothing to an ingest.
    pub ignored_messages: u64,
    /// Command and data messages that couldn't be read to their end.
    pub malformed_messages: u64,
    /// Messages that their sender gave up before their end.
    pub aborted_messages: u64,
    /// Timestamps that jumped, and composition offsets that could not be, and were mended.
    pub timestamp_jumps: u64,
    /// Timestamps that went back a little and were held.
    pub timestamps_held: u64,
}
