//! Cuts the recorded sessions of the RTMP ingest's tests into a seed corpus: `cargo run --example seeds`.

use std::fs;
use std::path::Path;

use media::Track;
use rtmp_ingest::chunk::{ChunkLimits, ChunkReader};

/// Longer seeds cost executions, and show nothing new.
const SEED_LEN: usize = 6 * 1024;
const LIMITS: ChunkLimits = ChunkLimits {
    chunk_size: 0x7FFF_FFFF,
    message: 1 << 20,
    chunk_streams: 64,
    buffered: 1 << 22,
    read_ahead: 0,
};

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = root.join("corpus");
    let seed = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{name}")), bytes)
    };
    for recording in fs::read_dir(root.join("../crates/rtmp-ingest/tests/fixtures"))? {
        let path = recording?.path();
        if path.is_dir() {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(&path)?;
        let session = &bytes[fuzz::HANDSHAKE_LEN..];
        seed("handshake", &name, &bytes[..fuzz::HANDSHAKE_LEN + 64])?;
        seed("chunk", &name, &session[..SEED_LEN])?;
        seed("session", &name, &session[..SEED_LEN])?;

        let (mut reader, mut rest, mut tags, mut commands) =
            (ChunkReader::new(LIMITS), session, Vec::new(), 0);
        while let Some(message) = reader.read(&mut rest).expect("the recording is well-formed") {
            match message.type_id {
                8 | 9 if tags.len() < SEED_LEN => {
                    let track = if message.type_id == 8 { Track::Audio } else { Track::Video };
                    fuzz::tags::write(&mut tags, track, message.timestamp, &message.payload);
                }
                18 | 20 if commands < 8 => {
                    commands += 1;
                    seed("amf", &format!("{name}-{commands}"), &message.payload)?;
                }
                _ => {}
            }
        }
        seed("flv", &name, &tags)?;
    }
    seed("handshake", "http", b"GET / HTTP/1.1\r\n\r\n")?;
    seed("handshake", "tls", b"\x16\x03\x01\x02\0\x01\0")
}
