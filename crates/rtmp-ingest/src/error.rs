use std::io;
use std::time::Duration;

use crate::amf0::AmfError;
use crate::chunk::ChunkError;

/// Why a session ended, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset} of the connection)")]
pub struct Error {
    /// How many bytes of the TCP stream had been taken when it happened: where to look in a capture.
    pub offset: u64,
    /// What happened.
    pub kind: ErrorKind,
}

/// What can end a session. Each text is for the operator who reads the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// An HTTP client reached the RTMP port.
    #[error("this is an HTTP request, not RTMP: the client should use the HTTP port")]
    HttpRequest,
    /// A TLS client reached the RTMP port.
    #[error(
        "this is a TLS handshake, not RTMP: the encoder is set to rtmps://, but this port takes only rtmp://"
    )]
    TlsHello,
    /// The client asks for Adobe's encrypted RTMP.
    #[error(
        "the client asks for encrypted RTMP (RTMPE, version {version}), which isn't supported: use rtmp://"
    )]
    EncryptedRtmp {
        /// The version byte.
        version: u8,
    },
    /// Neither RTMP nor anything else that is easily recognized.
    #[error("this isn't RTMP: the first byte is {first:#04x} where 0x03 is expected")]
    NotRtmp {
        /// The first byte.
        first: u8,
    },
    /// The RTMP library refused a handshake.
    #[error("the RTMP handshake failed")]
    Handshake,
    /// The chunk layer lost its framing, or met a limit.
    #[error("{fault}")]
    Chunk {
        /// What is wrong.
        fault: ChunkError,
        /// Whether the narrower limits were in force.
        before_publish: bool,
    },
    /// An AMF value is more than the limits allow.
    #[error("a command or metadata message is too complex: {0}")]
    Amf(AmfError),
    /// A peer that hasn't published sends command upon command.
    #[error("{count} commands without a publish: this isn't an encoder")]
    TooManyCommands {
        /// How many.
        count: u32,
    },
    /// A peer that hasn't published sends commands too fast.
    #[error("more than {limit} commands in a second without a publish: this isn't an encoder")]
    CommandFlood {
        /// How many are allowed.
        limit: u32,
    },
    /// The peer asked to publish before it connected to an app.
    #[error("the client sent `publish` before `connect`")]
    NotConnected,
    /// The stream key can't be one of ours.
    #[error("the stream key is unusable: {0}")]
    UnusableStreamKey(KeyFault),
    /// The app in `connect` isn't one that can exist.
    #[error("the app in the server URL is unusable: {0}")]
    UnusableApp(KeyFault),
    /// More input than is kept while the publish decision is pending.
    #[error("the client sent more than {limit} bytes before its publish was decided")]
    TooMuchBeforeDecision {
        /// The limit in bytes.
        limit: usize,
    },
    /// It never came to a publish, or to playing.
    #[error("no stream within {}: {waiting_for}", Seconds(.after))]
    SetupTimeout {
        /// The time allowed.
        after: Duration,
        /// What the session was waiting for.
        waiting_for: WaitingFor,
    },
    /// A publisher or a source fell silent.
    #[error("no media came for {}", Seconds(.after))]
    IdleTimeout {
        /// The time allowed.
        after: Duration,
    },
    /// The peer doesn't read what we answer.
    #[error("the peer doesn't read our answers: {unsent} bytes wait for it")]
    PeerNotReading {
        /// Bytes that wait.
        unsent: usize,
    },
    /// The connection ended in the middle of a publish, with no unpublish before it.
    #[error("the publisher disconnected without ending its stream")]
    Disconnected,
    /// The server that is played from says no.
    #[error("the source refuses: {description} ({code})")]
    SourceRefused {
        /// Its status code, such as `NetStream.Play.StreamNotFound`.
        code: String,
        /// What it says of it, without what may be secret in the URL.
        description: String,
    },
    /// The server that is played from closed the connection before it played.
    #[error("the source hung up: {waiting_for}")]
    SourceHungUp {
        /// What it should have done next.
        waiting_for: WaitingFor,
    },
    /// The server that is played from closed the connection in the middle of the stream.
    #[error("the source closed the connection without ending its stream")]
    SourceDisconnected,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(io::ErrorKind),
}

/// What is wrong with a stream key. Never the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// There is none.
    #[error("it is missing; set it in the encoder, or append it to the URL")]
    Empty,
    /// It is absurdly long.
    #[error("it is longer than 256 bytes")]
    TooLong,
    /// It holds NUL or another control character.
    #[error("it holds a control character")]
    ControlCharacter,
    /// It looks like a path that climbs.
    #[error("it holds `..`")]
    DotDot,
    /// It isn't text.
    #[error("it isn't UTF-8 text")]
    NotText,
}

/// What a session waits for before there is a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitingFor {
    /// Nothing has arrived at all.
    #[error("the client said nothing")]
    FirstByte,
    /// Part of the handshake has arrived.
    #[error("the client didn't finish the RTMP handshake")]
    Handshake,
    /// The handshake is complete.
    #[error("the client didn't send `connect`")]
    Connect,
    /// An app is connected.
    #[error("the client didn't send `publish`")]
    Publish,
    /// The key is being checked.
    #[error("the stream key wasn't checked in time")]
    Decision,
    /// The source's side of the handshake.
    #[error("the source didn't finish the RTMP handshake")]
    SourceHandshake,
    /// The source's answer to `connect`.
    #[error("the source didn't answer `connect`")]
    SourceConnect,
    /// The source's answer to `createStream`.
    #[error("the source didn't answer `createStream`")]
    SourceStream,
    /// The source's answer to `play`.
    #[error("the source didn't answer `play`")]
    SourcePlay,
}

impl ErrorKind {
    /// The limit that was met, by the name of its field in [`Limits`](crate::Limits).
    pub fn limit(&self) -> Option<&'static str> {
        match self {
            Self::Chunk { fault, before_publish } => match fault {
                ChunkError::ChunkSize { size, limit } => (size > limit).then_some("max_chunk_size"),
                ChunkError::TooManyChunkStreams { .. } => Some("max_chunk_streams"),
                ChunkError::MessageTooLong { .. } if *before_publish => Some("max_message_before_publish"),
                ChunkError::MessageTooLong { .. } => Some("max_message"),
                ChunkError::TooMuchInProgress { .. } if *before_publish => {
                    Some("max_buffered_before_publish")
                }
                ChunkError::TooMuchInProgress { .. } => Some("max_buffered"),
                ChunkError::NoHeader { .. } | ChunkError::ChunkSizeTruncated { .. } => None,
            },
            Self::Amf(AmfError::TooDeep(_)) => Some("max_amf_depth"),
            Self::Amf(AmfError::TooManyValues(_)) => Some("max_amf_values"),
            Self::TooManyCommands { .. } => Some("max_commands_before_publish"),
            Self::CommandFlood { .. } => Some("max_commands_per_second_before_publish"),
            Self::TooMuchBeforeDecision { .. } => Some("max_buffered_before_publish"),
            Self::SetupTimeout { .. } => Some("setup_timeout"),
            Self::IdleTimeout { .. } => Some("idle_timeout"),
            Self::PeerNotReading { .. } => Some("max_unsent"),
            Self::Amf(AmfError::Truncated | AmfError::UnknownMarker(_))
            | Self::HttpRequest
            | Self::TlsHello
            | Self::EncryptedRtmp { .. }
            | Self::NotRtmp { .. }
            | Self::Handshake
            | Self::NotConnected
            | Self::UnusableStreamKey(_)
            | Self::UnusableApp(_)
            | Self::Disconnected
            | Self::SourceRefused { .. }
            | Self::SourceHungUp { .. }
            | Self::SourceDisconnected
            | Self::Io(_) => None,
        }
    }
}

struct Seconds<'a>(&'a Duration);

impl std::fmt::Display for Seconds<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}
