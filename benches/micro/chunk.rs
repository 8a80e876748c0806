//! Reading RTMP chunks: the media of a session as OBS sends it, in reads as a socket gives them.
#![allow(missing_docs, reason = "criterion's macros make the functions that would need them")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rtmp_ingest::chunk::{ChunkLimits, ChunkReader};

const SECONDS: u32 = 4;
const FPS: u32 = 30;
/// 6 Mb/s of video.
const VIDEO_BYTES: usize = 25_000;
/// 160 kb/s of audio.
const AUDIO_BYTES: usize = 427;
const READ: usize = 16 * 1024;

const SET_CHUNK_SIZE: u8 = 1;
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;

const LIMITS: ChunkLimits = ChunkLimits {
    chunk_size: 0x7fff_ffff,
    message: 8 << 20,
    chunk_streams: 64,
    buffered: 24 << 20,
    read_ahead: 256 << 10,
};

fn chunk_reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("chunk reading");
    for chunk_size in [128, 4096, 65_536] {
        let session = session(chunk_size);
        group.throughput(Throughput::Bytes(session.len() as u64));
        group.bench_with_input(BenchmarkId::new("chunk size", chunk_size), &session, |bencher, session| {
            bencher.iter(|| read(session));
        });
    }
    group.finish();
}

fn read(session: &[u8]) -> usize {
    let mut reader = ChunkReader::new(LIMITS);
    let mut messages = 0;
    for mut piece in session.chunks(READ) {
        while let Some(message) = reader.read(&mut piece).expect("the session is well-formed") {
            black_box(message);
            messages += 1;
        }
    }
    messages
}

/// Audio and video on one chunk stream with type 1 headers, after a Set Chunk Size: as OBS does it.
fn session(chunk_size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend([0x02, 0, 0, 0, 0, 0, 4, SET_CHUNK_SIZE, 0, 0, 0, 0]);
    bytes.extend((chunk_size as u32).to_be_bytes());
    for frame in 0..SECONDS * FPS {
        // The first message of a chunk stream has a full header, with the message stream id.
        push(&mut bytes, chunk_size, frame == 0, VIDEO, VIDEO_BYTES);
        push(&mut bytes, chunk_size, false, AUDIO, AUDIO_BYTES);
    }
    bytes
}

fn push(bytes: &mut Vec<u8>, chunk_size: usize, is_first: bool, kind: u8, length: usize) {
    const CHUNK_STREAM: u8 = 4;
    bytes.push(if is_first { CHUNK_STREAM } else { 0x40 | CHUNK_STREAM });
    bytes.extend([0, 0, 16]);
    bytes.extend(&(length as u32).to_be_bytes()[1..]);
    bytes.push(kind);
    if is_first {
        bytes.extend(1_u32.to_le_bytes());
    }
    let payload = vec![0x5a; length];
    for (index, piece) in payload.chunks(chunk_size).enumerate() {
        if index > 0 {
            bytes.push(0xc0 | CHUNK_STREAM);
        }
        bytes.extend_from_slice(piece);
    }
}

criterion_group!(benches, chunk_reading);
criterion_main!(benches);
