//! Chunks to messages (RTMP 1.0 §5.3).
//!
//! [`ChunkReader`] takes what encoders really send: chunk streams in any order, interleaved; a first
//! chunk that isn't type 0; headers repeated in mid-message; chunk sizes that change in
//! mid-message; extended timestamps repeated on type 3 chunks or not. It takes space only as
//! payload arrives, and copies each payload byte once, into its message's buffer.

mod error;
mod header;
mod stream;

use bytes::{Bytes, BytesMut};

pub use error::ChunkError;
use header::{BasicHeader, EXTENDED, u24};
use stream::ChunkStream;

use crate::message::message_type;

/// The chunk size before anybody sets one (§5.4.1).
const DEFAULT_CHUNK_SIZE: usize = 128;
/// Basic header, message header and extended timestamp at their longest.
const MAX_HEADER_LEN: usize = 3 + 11 + 4;

/// The bounds of a [`ChunkReader`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// The largest chunk size that may be set.
    pub chunk_size: u32,
    /// The longest message in bytes.
    pub message: usize,
    /// How many chunk streams there may be.
    pub chunk_streams: usize,
    /// The lengths of all messages in progress, over all chunk streams, in bytes.
    pub buffered: usize,
    /// How many bytes may be reserved for the rest of a message ahead of their arrival. Frames
    /// within it are never moved; 0 trusts no declared length.
    pub read_ahead: usize,
}

/// One complete message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Milliseconds, modulo 2^32, of the sender's clock.
    pub timestamp: u32,
    /// The message type id (§5.4, §7.1).
    pub type_id: u8,
    /// The message stream it belongs to; 0 is the connection itself.
    pub stream_id: u32,
    /// Its content.
    pub payload: Bytes,
}

/// Puts messages together from their chunks.
#[derive(Debug)]
pub struct ChunkReader {
    limits: ChunkLimits,
    chunk_size: usize,
    streams: Vec<ChunkStream>,
    header: [u8; MAX_HEADER_LEN],
    header_len: usize,
    /// Where payload goes, while in one.
    open_chunk: Option<OpenChunk>,
    /// Bytes that were taken for an extended timestamp, and turned out not to be one.
    replay: Replay,
    /// The lengths of all messages in progress. Judged by what is declared, a peer meets the limit
    /// at the same byte however its bytes are split.
    in_progress: usize,
    aborted: u64,
}

#[derive(Clone, Copy, Debug)]
struct OpenChunk {
    /// Index into the chunk streams.
    stream: usize,
    missing: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Replay {
    bytes: [u8; 4],
    len: usize,
}

impl Replay {
    fn new(bytes: &[u8]) -> Self {
        let mut replay = Self { bytes: [0; 4], len: bytes.len() };
        replay.bytes[..bytes.len()].copy_from_slice(bytes);
        replay
    }
}

impl ChunkReader {
    /// A reader at the start of a chunk stream, right after the handshake.
    pub fn new(limits: ChunkLimits) -> Self {
        Self {
            limits,
            chunk_size: DEFAULT_CHUNK_SIZE,
            streams: Vec::new(),
            header: [0; MAX_HEADER_LEN],
            header_len: 0,
            open_chunk: None,
            replay: Replay::default(),
            in_progress: 0,
            aborted: 0,
        }
    }

    /// Changes the bounds, for the messages that start from here on.
    pub fn set_limits(&mut self, limits: ChunkLimits) {
        self.limits = limits;
    }

    /// Messages that were given up before their end.
    pub fn aborted(&self) -> u64 {
        self.aborted
    }

    /// Bytes of memory held for incomplete messages.
    pub fn buffered(&self) -> usize {
        self.streams.iter().map(|stream| stream.payload.capacity()).sum()
    }

    /// Takes bytes off the front of `input` until a message is complete or `input` is empty.
    ///
    /// Set Chunk Size and Abort have taken effect when they are returned. After an error the
    /// framing is lost, and the reader must not be used any more.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ChunkError> {
        loop {
            let message = if self.replay.len > 0 {
                let replay = std::mem::take(&mut self.replay);
                let mut bytes = &replay.bytes[..replay.len];
                let message = self.step(&mut bytes)?;
                if !bytes.is_empty() {
                    self.replay = Replay::new(bytes);
                }
                message
            } else if input.is_empty() {
                return Ok(None);
            } else {
                self.step(input)?
            };
            if let Some(message) = message {
                self.control(&message)?;
                return Ok(Some(message));
            }
        }
    }

    /// Takes one header, or one piece of payload.
    fn step(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ChunkError> {
        if let Some(chunk) = self.open_chunk {
            self.take_payload(chunk, input)
        } else if self.gather_header(input) {
            self.open()
        } else {
            Ok(None)
        }
    }

    /// Collects a chunk header; true once it is complete.
    fn gather_header(&mut self, input: &mut &[u8]) -> bool {
        loop {
            let missing = self.header_need() - self.header_len;
            if missing == 0 {
                return true;
            }
            let (taken, rest) = input.split_at(missing.min(input.len()));
            if taken.is_empty() {
                return false;
            }
            self.header[self.header_len..self.header_len + taken.len()].copy_from_slice(taken);
            self.header_len += taken.len();
            *input = rest;
        }
    }

    /// How long the header is, as far as its bytes so far tell.
    fn header_need(&self) -> usize {
        let header = &self.header[..self.header_len];
        let Some(basic) = BasicHeader::parse(header) else { return BasicHeader::need(header) };
        let fixed = basic.len + basic.message_header_len();
        if header.len() < fixed {
            return fixed;
        }
        let is_extended = if basic.chunk_type == 3 {
            self.stream(basic.chunk_stream).is_some_and(|index| self.streams[index].is_extended)
        } else {
            u24(&header[basic.len..]) == EXTENDED
        };
        fixed + if is_extended { 4 } else { 0 }
    }

    fn stream(&self, id: u32) -> Option<usize> {
        self.streams.iter().position(|stream| stream.id == id)
    }

    /// Acts on a complete header. A message without payload is complete with it.
    fn open(&mut self) -> Result<Option<Message>, ChunkError> {
        let header = self.header;
        let header = &header[..self.header_len];
        self.header_len = 0;
        // gather_header has just seen to it that there is one.
        let Some(basic) = BasicHeader::parse(header) else { return Ok(None) };
        let index = self.stream_or_new(&basic)?;
        let stream = &mut self.streams[index];
        let fields = &header[basic.len..];

        let continues = if basic.chunk_type == 3 {
            if let Some(extended) = fields.first_chunk()
                && !stream.repeats(u32::from_be_bytes(*extended))
            {
                self.replay = Replay::new(extended);
            }
            stream.in_message.is_some()
        } else {
            stream.read_header(basic.chunk_type, fields)
        };
        if !continues {
            self.start_message(index, basic.chunk_type)?;
        }
        let stream = &self.streams[index];
        let missing = self.chunk_size.min(stream.length - stream.payload.len());
        if missing == 0 {
            return Ok(Some(self.finish(index)));
        }
        self.open_chunk = Some(OpenChunk { stream: index, missing });
        Ok(None)
    }

    fn stream_or_new(&mut self, basic: &BasicHeader) -> Result<usize, ChunkError> {
        let (chunk_stream, chunk_type) = (basic.chunk_stream, basic.chunk_type);
        if let Some(index) = self.stream(chunk_stream) {
            return Ok(index);
        }
        if chunk_type > 1 {
            return Err(ChunkError::NoHeader { chunk_stream, chunk_type });
        }
        if self.streams.len() >= self.limits.chunk_streams {
            return Err(ChunkError::TooManyChunkStreams { limit: self.limits.chunk_streams });
        }
        self.streams.push(ChunkStream::new(chunk_stream));
        Ok(self.streams.len() - 1)
    }

    fn start_message(&mut self, index: usize, chunk_type: u8) -> Result<(), ChunkError> {
        self.abort(index);
        let stream = &mut self.streams[index];
        let length = stream.length;
        if length > self.limits.message {
            return Err(ChunkError::MessageTooLong { length, limit: self.limits.message });
        }
        if self.in_progress + length > self.limits.buffered {
            return Err(ChunkError::TooMuchInProgress { limit: self.limits.buffered });
        }
        self.in_progress += length;
        stream.start_message(chunk_type);
        Ok(())
    }

    /// Gives up a chunk stream's message in progress, if there is one.
    fn abort(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        if let Some(length) = stream.in_message.take() {
            self.aborted += 1;
            self.in_progress -= length;
            stream.payload = BytesMut::new();
        }
    }

    fn take_payload(&mut self, chunk: OpenChunk, input: &mut &[u8]) -> Result<Option<Message>, ChunkError> {
        let (taken, rest) = input.split_at(chunk.missing.min(input.len()));
        *input = rest;
        let stream = &mut self.streams[chunk.stream];
        stream.reserve(taken.len(), self.limits.read_ahead);
        stream.payload.extend_from_slice(taken);
        let missing = chunk.missing - taken.len();
        if missing > 0 {
            self.open_chunk = Some(OpenChunk { missing, ..chunk });
            return Ok(None);
        }
        self.open_chunk = None;
        let is_complete = stream.payload.len() == stream.length;
        Ok(is_complete.then(|| self.finish(chunk.stream)))
    }

    fn finish(&mut self, index: usize) -> Message {
        let stream = &mut self.streams[index];
        self.in_progress -= stream.in_message.take().unwrap_or_default();
        Message {
            timestamp: stream.timestamp,
            type_id: stream.type_id,
            stream_id: stream.stream_id,
            payload: std::mem::take(&mut stream.payload).freeze(),
        }
    }

    /// Obeys the two messages that concern the chunk layer itself.
    fn control(&mut self, message: &Message) -> Result<(), ChunkError> {
        let value = message.payload.first_chunk().copied().map(u32::from_be_bytes);
        match (message.type_id, value) {
            (message_type::SET_CHUNK_SIZE, Some(size)) => {
                if size == 0 || size > self.limits.chunk_size {
                    return Err(ChunkError::ChunkSize { size, limit: self.limits.chunk_size });
                }
                self.chunk_size = size as usize;
            }
            (message_type::SET_CHUNK_SIZE, None) => {
                return Err(ChunkError::ChunkSizeTruncated { length: message.payload.len() });
            }
            (message_type::ABORT, Some(chunk_stream)) => {
                if let Some(index) = self.stream(chunk_stream) {
                    self.abort(index);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
