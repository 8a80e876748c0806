//! Mutates a session by its messages, and writes it with other chunks.
//!
//! Bytes mutated blindly lose the framing at once, and never come to what lies behind it.

use bytes::Bytes;
use libfuzzer_sys::fuzzer_mutate;
use rtmp_ingest::amf0::{Value, write_values};
use rtmp_ingest::chunk::{ChunkLimits, ChunkReader, Message};

const LIMITS: ChunkLimits = ChunkLimits {
    chunk_size: 0x7FFF_FFFF,
    message: 1 << 16,
    chunk_streams: 64,
    buffered: 1 << 22,
    read_ahead: 0,
};
const SET_CHUNK_SIZE: u8 = 1;
const ABORT: u8 = 2;
const AGGREGATE: u8 = 22;
const COMMAND: u8 = 20;

/// Turns `data` into another session of at most `max_len` bytes; `None` if it isn't one.
pub fn session(data: &[u8], max_len: usize, seed: u32) -> Option<Vec<u8>> {
    let mut random = Random(u64::from(seed) << 1 | 1);
    let mut messages = parse(data);
    if messages.is_empty() {
        return None;
    }
    for _ in 0..=random.below(3) {
        mutate(&mut messages, &mut random);
    }
    let mut bytes = Writer::new(&mut random).write(&messages);
    bytes.truncate(max_len);
    Some(bytes)
}

fn parse(mut data: &[u8]) -> Vec<Message> {
    let mut reader = ChunkReader::new(LIMITS);
    let mut messages = Vec::new();
    while let Ok(Some(message)) = reader.read(&mut data) {
        // The writer makes its own.
        if message.type_id != SET_CHUNK_SIZE {
            messages.push(message);
        }
    }
    messages
}

fn mutate(messages: &mut Vec<Message>, random: &mut Random) {
    if messages.is_empty() {
        return;
    }
    let at = random.below(messages.len());
    let other = random.below(messages.len());
    match random.below(12) {
        0 => drop(messages.remove(at)),
        1 => messages.insert(other, messages[at].clone()),
        2 => messages.swap(at, other),
        3 => messages[at].type_id = [8, 9, 15, 17, 18, 20, 22, 3, 4, 5, 6, 16, 19][random.below(13)],
        4 => messages[at].timestamp = random.next() as u32,
        5 => messages[at].timestamp = 0x00FF_FFFE + random.below(4) as u32,
        6 => {
            // A jump from here on, as when a publisher's clock is reset.
            let jump = random.next() as u32 >> random.below(32);
            for message in &mut messages[at..] {
                message.timestamp = message.timestamp.wrapping_add(jump);
            }
        }
        7 => messages[at].stream_id = random.below(3) as u32,
        8 => {
            let length = random.below(messages[at].payload.len() + 1);
            messages[at].payload.truncate(length);
        }
        9 => messages.insert(at, command(random)),
        10 => {
            let end = messages.len().min(at + 1 + random.below(5));
            let parts = messages.splice(at..end, []).collect::<Vec<_>>();
            messages.insert(at, aggregate(&parts));
        }
        _ => {
            let mut payload = messages[at].payload.to_vec();
            let length = payload.len();
            payload.resize(length + 64, 0);
            let length = fuzzer_mutate(&mut payload, length, length + 64);
            payload.truncate(length);
            messages[at].payload = payload.into();
        }
    }
}

fn command(random: &mut Random) -> Message {
    const NAMES: [&str; 12] = [
        "connect",
        "createStream",
        "publish",
        "deleteStream",
        "closeStream",
        "FCPublish",
        "FCUnpublish",
        "releaseStream",
        "play",
        "_checkbw",
        "@setDataFrame",
        "_result",
    ];
    const KEYS: [&str; 6] = ["key", "key?token", "", "..", "a/b", "\0"];
    let values = [
        Value::String(NAMES[random.below(NAMES.len())].to_owned()),
        Value::Number(random.below(9) as f64),
        Value::Object(vec![("app".to_owned(), Value::String(KEYS[random.below(KEYS.len())].to_owned()))]),
        Value::String(KEYS[random.below(KEYS.len())].to_owned()),
    ];
    let payload = write_values(&values[..1 + random.below(values.len())]).into();
    Message { timestamp: 0, type_id: COMMAND, stream_id: random.below(2) as u32, payload }
}

fn aggregate(parts: &[Message]) -> Message {
    let mut payload = Vec::new();
    for part in parts {
        let length = part.payload.len() as u32;
        payload.push(part.type_id);
        payload.extend_from_slice(&length.to_be_bytes()[1..]);
        payload.extend_from_slice(&part.timestamp.to_be_bytes()[1..]);
        payload.push(part.timestamp.to_be_bytes()[0]);
        payload.extend_from_slice(&[0; 3]);
        payload.extend_from_slice(&part.payload);
        payload.extend_from_slice(&(length + 11).to_be_bytes());
    }
    let (timestamp, stream_id) = parts.first().map_or((0, 1), |part| (part.timestamp, part.stream_id));
    Message { timestamp, type_id: AGGREGATE, stream_id, payload: payload.into() }
}

/// Writes messages with whatever the chunk format allows.
struct Writer<'a> {
    random: &'a mut Random,
    bytes: Vec<u8>,
    chunk_size: usize,
    repeats_extended: bool,
}

impl<'a> Writer<'a> {
    fn new(random: &'a mut Random) -> Self {
        let repeats_extended = random.below(2) == 0;
        Self { random, bytes: Vec::new(), chunk_size: 128, repeats_extended }
    }

    fn write(mut self, messages: &[Message]) -> Vec<u8> {
        let mut pairs = messages.chunks(2);
        while let Some(pair) = pairs.next() {
            match self.random.below(24) {
                0 => self.set_chunk_size(),
                1 => self.control(ABORT, 3 + self.random.0 as u32 % 4),
                _ => {}
            }
            let (first, second) =
                (self.chunks(&pair[0], 3), pair.get(1).map(|second| self.chunks(second, 70)));
            // Two chunk streams at a time take turns.
            let mut second = second.unwrap_or_default().into_iter();
            for chunk in first {
                self.bytes.extend(chunk);
                if self.random.below(2) == 0 {
                    self.bytes.extend(second.next().unwrap_or_default());
                }
            }
            self.bytes.extend(second.flatten());
        }
        self.bytes
    }

    fn set_chunk_size(&mut self) {
        self.chunk_size = [1, 16, 128, 4096, 65_536][self.random.below(5)];
        self.control(SET_CHUNK_SIZE, self.chunk_size as u32);
    }

    fn control(&mut self, type_id: u8, value: u32) {
        let payload = Bytes::copy_from_slice(&value.to_be_bytes());
        let message = Message { timestamp: 0, type_id, stream_id: 0, payload };
        let size = std::mem::replace(&mut self.chunk_size, 128);
        let chunks = self.chunks(&message, 2);
        self.chunk_size = size;
        self.bytes.extend(chunks.into_iter().flatten());
    }

    fn chunks(&mut self, message: &Message, chunk_stream: u8) -> Vec<Vec<u8>> {
        let basic = |chunk_type: u8| match chunk_stream {
            0..64 => vec![chunk_type << 6 | chunk_stream],
            _ => vec![chunk_type << 6, chunk_stream - 64],
        };
        let is_extended = message.timestamp >= 0xFF_FFFF;
        let mut pieces = message.payload.chunks(self.chunk_size);
        let mut first = basic(0);
        first.extend_from_slice(&message.timestamp.min(0xFF_FFFF).to_be_bytes()[1..]);
        first.extend_from_slice(&(message.payload.len() as u32).to_be_bytes()[1..]);
        first.push(message.type_id);
        first.extend_from_slice(&message.stream_id.to_le_bytes());
        if is_extended {
            first.extend_from_slice(&message.timestamp.to_be_bytes());
        }
        first.extend_from_slice(pieces.next().unwrap_or_default());
        let mut chunks = vec![first];
        for piece in pieces {
            let mut chunk = basic(3);
            if is_extended && self.repeats_extended {
                chunk.extend_from_slice(&message.timestamp.to_be_bytes());
            }
            chunk.extend_from_slice(piece);
            chunks.push(chunk);
        }
        chunks
    }
}

/// The same numbers for the same seed (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
