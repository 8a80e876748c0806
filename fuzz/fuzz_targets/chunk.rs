//! The chunk reader: any split gives the same messages, and the limits hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtmp_ingest::chunk::{ChunkError, ChunkLimits, ChunkReader, Message};

const LIMITS: ChunkLimits = ChunkLimits {
    chunk_size: 0x7FFF_FFFF,
    message: 1 << 16,
    chunk_streams: 8,
    buffered: 1 << 17,
    read_ahead: 1 << 12,
};

fuzz_target!(|data: &[u8]| {
    let whole = read(data, usize::MAX);
    assert!(read(data, 1 + data.len() % 7) == whole);
});

fn read(data: &[u8], step: usize) -> (Vec<Message>, Option<ChunkError>) {
    let mut reader = ChunkReader::new(LIMITS);
    let mut messages = Vec::new();
    for mut piece in data.chunks(step) {
        loop {
            match reader.read(&mut piece) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
            assert!(reader.buffered() <= LIMITS.buffered);
        }
    }
    (messages, None)
}
