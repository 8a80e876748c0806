//! The bytes that a publisher sends, in the order and with the chunk size of OBS.

/// What OBS sets before it connects.
const CHUNK_SIZE: usize = 4096;
/// Bytes of a video message, and of the audio that goes with it: 2.5 Mb/s at 30 pictures a second.
const VIDEO_BYTES: usize = 9_900;
const AUDIO_BYTES: usize = 500;
/// Bytes of media that one [`frame`] carries.
pub(super) const FRAME_BYTES: usize = VIDEO_BYTES + AUDIO_BYTES;

const SET_CHUNK_SIZE: u8 = 1;
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const COMMAND: u8 = 20;

/// The AVC decoder configuration of a 1280x720 baseline encoder (ISO/IEC 14496-15 §5.3.3.1).
const AVC_CONFIGURATION: &str =
    "0142c01fffe1001a6742c01fda014016ec0440000003004000000f03c60ca801000468ce3c80";
/// AAC LC, 48 kHz, stereo (ISO/IEC 14496-3 §1.6.2).
const AUDIO_SPECIFIC_CONFIG: [u8; 2] = [0x11, 0x90];

/// The client's first flight: version, then 1536 bytes with a zero digest version (RTMP 1.0 §5.2).
pub(super) fn hello() -> Vec<u8> {
    let mut bytes = vec![0_u8; 1 + 1536];
    bytes[0] = 3;
    bytes
}

/// `connect`, with the echo of the server's random bytes before it.
pub(super) fn connect(server_random: &[u8], app: &str) -> Vec<u8> {
    let mut bytes = server_random.to_vec();
    message(&mut bytes, 2, 0, SET_CHUNK_SIZE, &(CHUNK_SIZE as u32).to_be_bytes());
    let mut body = Vec::new();
    string(&mut body, "connect");
    number(&mut body, 1.0);
    body.push(0x03);
    for (name, value) in [("app", app), ("type", "nonprivate"), ("flashVer", "FMLE/3.0 (compatible; load)")] {
        property(&mut body, name);
        string(&mut body, value);
    }
    body.extend([0, 0, 0x09]);
    message(&mut bytes, 3, 0, COMMAND, &body);
    bytes
}

/// `createStream`.
pub(super) fn create_stream() -> Vec<u8> {
    let mut body = Vec::new();
    string(&mut body, "createStream");
    number(&mut body, 2.0);
    body.push(0x05);
    let mut bytes = Vec::new();
    message(&mut bytes, 3, 0, COMMAND, &body);
    bytes
}

/// `publish`, on the message stream that every server numbers 1.
pub(super) fn publish(key: &str) -> Vec<u8> {
    let mut body = Vec::new();
    string(&mut body, "publish");
    number(&mut body, 3.0);
    body.push(0x05);
    string(&mut body, key);
    string(&mut body, "live");
    let mut bytes = Vec::new();
    message(&mut bytes, 8, 1, COMMAND, &body);
    bytes
}

/// The codec configurations, with full headers that the headers of every [`frame`] build upon.
pub(super) fn configurations() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut video = vec![0x17, 0, 0, 0, 0];
    video.extend(hex(AVC_CONFIGURATION));
    message(&mut bytes, 6, 1, VIDEO, &video);
    let mut audio = vec![0xaf, 0];
    audio.extend(AUDIO_SPECIFIC_CONFIG);
    message(&mut bytes, 4, 1, AUDIO, &audio);
    bytes
}

/// One picture and the audio beside it, 33 ms after those before. The same bytes serve every time, since
/// their chunk headers hold differences.
pub(super) fn frame() -> Vec<u8> {
    let mut video = vec![0x17, 1, 0, 0, 0];
    let unit = VIDEO_BYTES - video.len() - 4;
    video.extend((unit as u32).to_be_bytes());
    video.push(0x65);
    video.resize(VIDEO_BYTES, 0x5a);
    let mut audio = vec![0xaf, 1];
    audio.resize(AUDIO_BYTES, 0x21);
    let mut bytes = Vec::new();
    difference(&mut bytes, 6, VIDEO, &video);
    difference(&mut bytes, 4, AUDIO, &audio);
    bytes
}

/// A message with a full chunk header (type 0) at time zero.
fn message(bytes: &mut Vec<u8>, chunk_stream: u8, stream: u32, kind: u8, payload: &[u8]) {
    bytes.extend([chunk_stream, 0, 0, 0]);
    bytes.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    bytes.push(kind);
    bytes.extend(stream.to_le_bytes());
    chunks(bytes, chunk_stream, payload);
}

/// A message with a chunk header of type 1: 33 ms after the one before it on its chunk stream.
fn difference(bytes: &mut Vec<u8>, chunk_stream: u8, kind: u8, payload: &[u8]) {
    bytes.extend([0x40 | chunk_stream, 0, 0, 33]);
    bytes.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    bytes.push(kind);
    chunks(bytes, chunk_stream, payload);
}

fn chunks(bytes: &mut Vec<u8>, chunk_stream: u8, payload: &[u8]) {
    for (index, piece) in payload.chunks(CHUNK_SIZE).enumerate() {
        if index > 0 {
            bytes.push(0xc0 | chunk_stream);
        }
        bytes.extend_from_slice(piece);
    }
}

fn property(body: &mut Vec<u8>, name: &str) {
    body.extend((name.len() as u16).to_be_bytes());
    body.extend(name.as_bytes());
}

fn string(body: &mut Vec<u8>, text: &str) {
    body.push(0x02);
    property(body, text);
}

fn number(body: &mut Vec<u8>, value: f64) {
    body.push(0x00);
    body.extend(value.to_be_bytes());
}

fn hex(text: &str) -> impl Iterator<Item = u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    text.as_bytes().chunks_exact(2).map(move |pair| digit(pair[0]) << 4 | digit(pair[1]))
}
