use std::io;
use std::time::Duration;

use crate::amf0;
use crate::chunk;

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
    #[error(transparent)]
    Chunk(#[from] chunk::ChunkError),
    /// An AMF value is more than the limits allow.
    #[error("a command or metadata message is too complex: {0}")]
    Amf(amf0::AmfError),
    /// A peer that hasn't published sends command upon command.
    #[error("{count} commands without a publish: this isn't an encoder")]
    TooManyCommands {
        /// How many.
        count: u32,
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
    /// The peer never became a publisher.
    #[error("no publish within {}: {waiting_for}", Seconds(.after))]
    SetupTimeout {
        /// The time allowed.
        after: Duration,
        /// What the session was waiting for.
        waiting_for: WaitingFor,
    },
    /// A publisher fell silent.
    #[error("the publisher sent no media for {}", Seconds(.after))]
    IdleTimeout {
        /// The time allowed.
        after: Duration,
    },
    /// The peer doesn't read what we answer.
    #[error("the client doesn't read our answers: {unsent} bytes wait for it")]
    PeerNotReading {
        /// Bytes that wait.
        unsent: usize,
    },
    /// The connection ended in the middle of a publish, with no unpublish before it.
    #[error("the publisher disconnected without ending its stream")]
    Disconnected,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(io::ErrorKind),
}

impl ErrorKind {
    /// The limit that was met, by the name of its field in [`Limits`](crate::Limits).
    pub fn limit(&self) -> Option<&'static str> {
        use amf0::AmfError;
        use chunk::ChunkError;
        match self {
            Self::Chunk(error) => match error {
                ChunkError::ChunkSize { size, limit } => (size > limit).then_some("max_chunk_size"),
                ChunkError::TooManyChunkStreams { .. } => Some("max_chunk_streams"),
                ChunkError::MessageTooLong { .. } => Some("max_message"),
                ChunkError::TooMuchInProgress { .. } => Some("max_buffered"),
                ChunkError::NoHeader { .. } | ChunkError::ChunkSizeTruncated { .. } => None,
            },
            Self::Amf(AmfError::TooDeep(_)) => Some("max_amf_depth"),
            Self::Amf(AmfError::TooManyValues(_)) => Some("max_amf_values"),
            Self::TooManyCommands { .. } => Some("max_commands_before_publish"),
            Self::TooMuchBeforeDecision { .. } => Some("max_buffered"),
            Self::SetupTimeout { .. } => Some("setup_timeout"),
            Self::IdleTimeout { .. } => Some("idle_timeout"),
            Self::PeerNotReading { .. } => Some("max_unsent"),
            Self::HttpRequest
            | Self::TlsHello
            | Self::EncryptedRtmp { .. }
            | Self::NotRtmp { .. }
            | Self::Handshake
            | Self::Amf(_)
            | Self::NotConnected
            | Self::UnusableStreamKey(_)
            | Self::UnusableApp(_)
            | Self::Disconnected
            | Self::Io(_) => None,
        }
    }
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

/// What a session waits for before it is a publish.
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
}

struct Seconds<'a>(&'a Duration);

impl std::fmt::Display for Seconds<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}
