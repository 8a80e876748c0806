use std::time::Duration;

/// The bounds of one session. Everything that a peer can make grow has one.
///
/// The defaults let every encoder known to us publish 4K video, and hold an unauthenticated
/// connection to well under a megabyte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the connection, or the end of the previous publish, to an accepted publish.
    pub setup_timeout: Duration,
    /// How long a publisher may send no media.
    pub idle_timeout: Duration,
    /// The largest chunk size that a peer may set. It costs no memory, since space is taken only as
    /// bytes arrive.
    pub max_chunk_size: u32,
    /// The longest message, in bytes, before a publish is accepted.
    pub max_message_before_publish: usize,
    /// The longest message, in bytes, from a publisher.
    pub max_message: usize,
    /// Chunk streams that a peer may open.
    pub max_chunk_streams: usize,
    /// Before a publish is accepted: the lengths of all messages in progress, over all chunk streams,
    /// and the bytes of input that wait for the decision.
    pub max_buffered_before_publish: usize,
    /// The lengths of all messages in progress, over all chunk streams, from a publisher.
    pub max_buffered: usize,
    /// Bytes of answers that the peer hasn't taken yet.
    pub max_unsent: usize,
    /// How deeply AMF objects and arrays may nest.
    pub max_amf_depth: usize,
    /// Values, at all depths, in one AMF message.
    pub max_amf_values: usize,
    /// Commands that a peer may send before a publish is accepted.
    pub max_commands_before_publish: u32,
    /// Commands that a peer may send in a second before a publish is accepted.
    pub max_commands_per_second_before_publish: u32,
    /// Messages inside one aggregate message.
    pub max_aggregate_messages: usize,
    /// The largest width or height, in pixels, that may reach a decoder.
    pub max_picture_dimension: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            setup_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(15),
            max_chunk_size: 0x7FFF_FFFF,
            max_message_before_publish: 64 * 1024,
            max_message: 8 * 1024 * 1024,
            max_chunk_streams: 64,
            max_buffered_before_publish: 128 * 1024,
            max_buffered: 24 * 1024 * 1024,
            max_unsent: 64 * 1024,
            max_amf_depth: 16,
            max_amf_values: 1024,
            max_commands_before_publish: 64,
            max_commands_per_second_before_publish: 32,
            max_aggregate_messages: 1024,
            max_picture_dimension: 8192,
        }
    }
}
