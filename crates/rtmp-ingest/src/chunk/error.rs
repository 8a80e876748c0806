//! What is wrong with chunks.

/// Why chunks can't be read any further: the framing is lost, or a limit is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A type 2 or 3 chunk on a chunk stream that never had a full header.
    #[error("chunk stream {chunk_stream} starts with a chunk of type {chunk_type}, which gives no length")]
    NoHeader {
        /// The chunk stream id.
        chunk_stream: u32,
        /// The chunk type.
        chunk_type: u8,
    },
    /// A chunk size of 0, or beyond the limit.
    #[error("the peer set a chunk size of {size}; 1 to {limit} are allowed")]
    ChunkSize {
        /// As sent.
        size: u32,
        /// The largest allowed.
        limit: u32,
    },
    /// A Set Chunk Size message with less than four bytes.
    #[error("the peer set a chunk size with a message of only {length} bytes")]
    ChunkSizeTruncated {
        /// The message's length.
        length: usize,
    },
    /// Too many chunk streams.
    #[error("the peer opened more than {limit} chunk streams")]
    TooManyChunkStreams {
        /// The limit.
        limit: usize,
    },
    /// A message is longer than allowed.
    #[error("the peer announced a message of {length} bytes; at most {limit} are allowed here")]
    MessageTooLong {
        /// As declared.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// Too many long messages at once.
    #[error("the messages in progress have more than {limit} bytes in all")]
    TooMuchInProgress {
        /// The limit.
        limit: usize,
    },
}
