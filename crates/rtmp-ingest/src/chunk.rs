//! Chunks to messages.
/// Why chunks can't be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A chunk size that the specification forbids.
    #[error("the client set a chunk size of {size}")]
    ChunkSize {
        /// As sent.
        size: u32,
    },
}
