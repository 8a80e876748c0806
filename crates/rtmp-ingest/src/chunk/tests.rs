use super::*;
use crate::message::message_type::{ABORT, SET_CHUNK_SIZE};
use proptest::prelude::*;
use rml_rtmp::chunk_io::ChunkSerializer;
use rml_rtmp::messages::MessagePayload;
use rml_rtmp::time::RtmpTimestamp;

const LIMITS: ChunkLimits = ChunkLimits {
    chunk_size: 0x7FFF_FFFF,
    message: 1 << 20,
    chunk_streams: 16,
    buffered: 1 << 25,
    read_ahead: 0,
};

fn reader() -> ChunkReader {
    ChunkReader::new(LIMITS)
}

/// Reads all of `input`, in pieces of `step` bytes.
fn read_in(reader: &mut ChunkReader, input: &[u8], step: usize) -> Result<Vec<Message>, ChunkError> {
    let mut messages = Vec::new();
    for mut piece in input.chunks(step) {
        while let Some(message) = reader.read(&mut piece)? {
            messages.push(message);
        }
        assert!(piece.is_empty());
    }
    Ok(messages)
}

/// Reads `input` whole and a byte at a time, which must agree.
fn read(input: &[u8]) -> Result<Vec<Message>, ChunkError> {
    let whole = read_in(&mut reader(), input, input.len().max(1));
    assert_eq!(read_in(&mut reader(), input, 1), whole);
    whole
}

fn basic(chunk_type: u8, csid: u32) -> Vec<u8> {
    let chunk_type = chunk_type << 6;
    match csid {
        0..64 => vec![chunk_type | csid as u8],
        64..320 => vec![chunk_type, (csid - 64) as u8],
        _ => vec![chunk_type | 1, (csid - 64) as u8, ((csid - 64) >> 8) as u8],
    }
}

fn full(csid: u32, timestamp: u32, length: usize, type_id: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = basic(0, csid);
    out.extend_from_slice(&timestamp.min(EXTENDED).to_be_bytes()[1..]);
    out.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
    out.push(type_id);
    out.extend_from_slice(&1u32.to_le_bytes());
    if timestamp >= EXTENDED {
        out.extend_from_slice(&timestamp.to_be_bytes());
    }
    out.extend_from_slice(payload);
    out
}

fn delta(chunk_type: u8, csid: u32, delta: u32, length_and_type: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = basic(chunk_type, csid);
    out.extend_from_slice(&delta.to_be_bytes()[1..]);
    out.extend_from_slice(length_and_type);
    out.extend_from_slice(payload);
    out
}

fn next(csid: u32, payload: &[u8]) -> Vec<u8> {
    [basic(3, csid), payload.to_vec()].concat()
}

fn times(messages: &[Message]) -> Vec<u32> {
    messages.iter().map(|message| message.timestamp).collect()
}

#[test]
fn chunk_streams_interleave() {
    let (video, audio) = (vec![1; 200], vec![2; 130]);
    let input = [
        full(4, 10, 200, 9, &video[..128]),
        full(5, 11, 130, 8, &audio[..128]),
        next(4, &video[128..]),
        next(5, &audio[128..]),
    ];
    let messages = read(&input.concat()).unwrap();
    assert_eq!(messages.iter().map(|m| &m.payload[..]).collect::<Vec<_>>(), [&video[..], &audio[..]]);
}

#[test]
fn two_and_three_byte_chunk_stream_ids() {
    for csid in [2, 63, 64, 319, 320, 65_599] {
        let input = [full(csid, 5, 3, 9, b"abc"), delta(1, csid, 7, &[0, 0, 2, 8], b"de")].concat();
        let messages = read(&input).unwrap();
        assert_eq!(times(&messages), [5, 12]);
        assert_eq!((messages[1].stream_id, &messages[1].payload[..]), (1, &b"de"[..]));
    }
}

#[test]
fn a_first_chunk_of_type_1_counts_from_zero() {
    let messages = read(&delta(1, 3, 40, &[0, 0, 1, 20], b"x")).unwrap();
    assert_eq!((times(&messages), messages[0].stream_id), (vec![40], 0));
}

#[test]
fn a_first_chunk_without_a_length_is_an_error() {
    for chunk_type in [2, 3] {
        let input = delta(chunk_type, 9, 0, &[], b"");
        assert_eq!(read(&input), Err(ChunkError::NoHeader { chunk_stream: 9, chunk_type }));
    }
}

#[test]
fn deltas_repeat_on_type_3() {
    let input = [
        full(4, 5_000, 1, 9, b"a"),
        delta(2, 4, 33, &[], b"b"),
        next(4, b"c"),
        delta(2, 4, 0, &[], b"d"),
        next(4, b"e"),
    ];
    assert_eq!(times(&read(&input.concat()).unwrap()), [5_000, 5_033, 5_066, 5_066, 5_066]);
}

#[test]
fn type_3_after_type_0_repeats_a_small_timestamp_and_keeps_a_large_one() {
    assert_eq!(times(&read(&[full(4, 33, 1, 9, b"a"), next(4, b"b")].concat()).unwrap()), [33, 66]);
    assert_eq!(
        times(&read(&[full(4, 90_000, 1, 9, b"a"), next(4, b"b")].concat()).unwrap()),
        [90_000, 90_000]
    );
}

#[test]
fn a_header_repeated_in_mid_message_continues_it() {
    let payload = vec![7; 300];
    for chunk_type in 0..3 {
        let again = match chunk_type {
            0 => full(4, 10, 300, 9, &payload[128..256]),
            1 => delta(1, 4, 0, &[0, 1, 44, 9], &payload[128..256]),
            _ => delta(2, 4, 0, &[], &payload[128..256]),
        };
        let input = [full(4, 10, 300, 9, &payload[..128]), again, next(4, &payload[256..])].concat();
        let messages = read(&input).unwrap();
        assert_eq!((times(&messages), &messages[0].payload[..]), (vec![10], &payload[..]));
    }
}

#[test]
fn another_message_in_mid_message_replaces_it() {
    let input = [full(4, 10, 300, 9, &[1; 128]), full(4, 20, 3, 9, b"new")].concat();
    let mut reader = reader();
    let messages = read_in(&mut reader, &input, 11).unwrap();
    assert_eq!((times(&messages), &messages[0].payload[..]), (vec![20], &b"new"[..]));
    assert_eq!((reader.aborted(), reader.buffered()), (1, 0));
}

#[test]
fn abort_drops_what_is_incomplete() {
    let input = [
        full(4, 10, 300, 9, &[1; 128]),
        full(2, 0, 4, ABORT, &4u32.to_be_bytes()),
        full(2, 0, 4, ABORT, &77u32.to_be_bytes()),
        next(4, &[2; 128]),
        next(4, &[2; 128]),
        next(4, &[2; 44]),
    ];
    let mut reader = reader();
    let messages = read_in(&mut reader, &input.concat(), 64).unwrap();
    assert_eq!(messages[2].payload, vec![2; 300]);
    assert_eq!((reader.aborted(), reader.buffered()), (1, 0));
}

#[test]
fn the_chunk_size_changes_in_mid_message() {
    let payload: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let input = [
        full(4, 10, 1000, 9, &payload[..128]),
        full(2, 0, 4, SET_CHUNK_SIZE, &300u32.to_be_bytes()),
        next(4, &payload[128..428]),
        full(2, 0, 4, SET_CHUNK_SIZE, &0x7FFF_FFFFu32.to_be_bytes()),
        next(4, &payload[428..]),
    ];
    let messages = read(&input.concat()).unwrap();
    assert_eq!(messages[2].payload, payload);
}

#[test]
fn chunks_of_one_byte() {
    let input = [
        full(2, 0, 4, SET_CHUNK_SIZE, &1u32.to_be_bytes()),
        full(4, 10, 3, 9, b"a"),
        next(4, b"b"),
        next(4, b"c"),
    ];
    assert_eq!(&read(&input.concat()).unwrap()[1].payload[..], b"abc");
}

#[test]
fn senseless_chunk_sizes_are_refused() {
    for size in [0, 0x8000_0000, u32::MAX] {
        let input = full(2, 0, 4, SET_CHUNK_SIZE, &size.to_be_bytes());
        assert_eq!(read(&input), Err(ChunkError::ChunkSize { size, limit: LIMITS.chunk_size }));
    }
    let input = full(2, 0, 2, SET_CHUNK_SIZE, &[1, 2]);
    assert_eq!(read(&input), Err(ChunkError::ChunkSizeTruncated { length: 2 }));
}

/// Payloads that look like anything but the timestamp, and chunk sizes that leave a short tail.
fn extended(repeat: bool, length: usize) -> (Vec<u8>, Vec<u8>) {
    let time: u32 = 0x0123_4567;
    let payload: Vec<u8> = (0..length).map(|i| i as u8 | 0x80).collect();
    let mut input = Vec::new();
    for (index, piece) in payload.chunks(128).enumerate() {
        match index {
            0 => input.extend(full(4, time, length, 9, piece)),
            _ => {
                input.extend(basic(3, 4));
                if repeat {
                    input.extend_from_slice(&time.to_be_bytes());
                }
                input.extend_from_slice(piece);
            }
        }
    }
    input.extend(delta(1, 4, 20, &[0, 0, 2, 8], b"hi"));
    input.extend(next(4, b"ho"));
    (input, payload)
}

#[test]
fn extended_timestamps_with_and_without_repetition() {
    for length in [100, 129, 130, 131, 132, 256, 257, 700] {
        for repeat in [true, false] {
            let (input, payload) = extended(repeat, length);
            let messages = read(&input).unwrap();
            assert_eq!(times(&messages), [0x0123_4567, 0x0123_457B, 0x0123_458F]);
            assert_eq!(messages[0].payload, payload);
            assert_eq!(&messages[2].payload[..], b"ho");
        }
    }
}

#[test]
fn an_extended_timestamp_may_be_small_and_deltas_wrap() {
    let mut small = basic(0, 4);
    small.extend_from_slice(b"\xff\xff\xff\0\0\x01\x09\x01\0\0\0\0\0\0\x05z");
    assert_eq!(times(&read(&small).unwrap()), [5]);
    let input = [full(4, u32::MAX, 1, 9, b"a"), delta(2, 4, 2, &[], b"b")].concat();
    assert_eq!(times(&read(&input).unwrap()), [u32::MAX, 1]);
}

#[test]
fn messages_without_payload() {
    let input = [full(4, 1, 0, 9, b""), full(4, 2, 0, 8, b""), next(4, b"")].concat();
    let messages = read(&input).unwrap();
    assert_eq!(messages.len(), 3);
    assert!(messages.iter().all(|message| message.payload.is_empty()));
}

#[test]
fn a_declared_length_costs_nothing_until_bytes_arrive() {
    let mut reader = reader();
    for csid in 3..19 {
        read_in(&mut reader, &full(csid, 0, 1 << 20, 9, &[0; 128]), 4096).unwrap();
    }
    assert!(reader.buffered() <= 16 * 256, "{}", reader.buffered());
    let too_long = full(3, 0, (1 << 20) + 1, 9, b"");
    let error = ChunkError::MessageTooLong { length: (1 << 20) + 1, limit: 1 << 20 };
    assert_eq!(read(&too_long), Err(error));
}

#[test]
fn incomplete_messages_are_bounded_in_sum() {
    let mut reader = ChunkReader::new(ChunkLimits { buffered: 10_000, ..LIMITS });
    let input: Vec<u8> = (3..12).flat_map(|csid| full(csid, 0, 5000, 9, &[0; 128])).collect();
    assert_eq!(read_in(&mut reader, &input, 512), Err(ChunkError::TooMuchInProgress { limit: 10_000 }));
}

#[test]
fn chunk_streams_are_bounded() {
    let input: Vec<u8> = (100..117).flat_map(|csid| full(csid, 0, 1, 9, b"x")).collect();
    assert_eq!(read(&input), Err(ChunkError::TooManyChunkStreams { limit: 16 }));
}

#[test]
fn a_frame_within_the_read_ahead_is_never_moved() {
    let mut reader = ChunkReader::new(ChunkLimits { read_ahead: 256 * 1024, ..LIMITS });
    let payload = vec![3; 100_000];
    let mut chunks = payload.chunks(128);
    read_in(&mut reader, &full(4, 0, payload.len(), 9, chunks.next().unwrap()), 4096).unwrap();
    let start = reader.streams[0].payload.as_ptr();
    let rest: Vec<u8> = chunks.flat_map(|piece| next(4, piece)).collect();
    let messages = read_in(&mut reader, &rest, 4096).unwrap();
    assert_eq!(messages[0].payload.as_ptr(), start);
    assert_eq!(messages[0].payload, payload);
}

fn any_message() -> impl Strategy<Value = (u32, u8, u32, Vec<u8>)> {
    let time = prop_oneof![0..100_000u32, EXTENDED - 2..EXTENDED + 100, any::<u32>()];
    let type_id = prop::sample::select(vec![8u8, 9, 18, 20, 22]);
    // The library writes no chunk at all for a message without payload.
    (time, type_id, 0..3u32, prop::collection::vec(any::<u8>(), 1..600))
}

proptest! {
    #[test]
    fn what_another_implementation_writes_is_read(
        messages in prop::collection::vec(any_message(), 1..12),
        chunk_size in 1u32..400,
        step in 1usize..700,
    ) {
        let mut serializer = ChunkSerializer::new();
        let zero = RtmpTimestamp::new(0);
        let mut input = serializer.set_max_chunk_size(chunk_size, zero).unwrap().bytes;
        let mut expected = Vec::new();
        let mut last = 0;
        for (timestamp, type_id, stream_id, data) in messages {
            // The library's type 3 after type 0 follows the specification to the letter.
            last = timestamp.max(last);
            let data = Bytes::from(data);
            let payload = MessagePayload { timestamp: RtmpTimestamp::new(last), type_id, message_stream_id: stream_id, data: data.clone() };
            input.extend(serializer.serialize(&payload, false, true).unwrap().bytes);
            expected.push(Message { timestamp: last, type_id, stream_id, payload: data });
        }
        let read = read_in(&mut reader(), &input, step).unwrap();
        prop_assert_eq!(&read[1..], &expected[..]);
    }

    #[test]
    fn any_interleaving_in_any_pieces_gives_the_same_messages(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..500), 1..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 40),
        step in 1usize..300,
    ) {
        let mut pending: Vec<_> = payloads
            .iter()
            .enumerate()
            .map(|(index, payload)| {
                let csid = 3 + index as u32 * 70;
                let mut pieces = payload.chunks(128);
                let first = full(csid, index as u32, payload.len(), 9, pieces.next().unwrap_or_default());
                let rest = pieces.map(move |piece| next(csid, piece));
                std::iter::once(first).chain(rest).collect::<std::collections::VecDeque<_>>()
            })
            .collect();
        let mut input = Vec::new();
        let mut order = order.iter().cycle();
        while !pending.is_empty() {
            let at = order.next().unwrap().index(pending.len());
            input.extend(pending[at].pop_front().unwrap());
            if pending[at].is_empty() {
                pending.swap_remove(at);
            }
        }
        let mut messages = read_in(&mut reader(), &input, step).unwrap();
        messages.sort_by_key(|message| message.timestamp);
        prop_assert_eq!(messages.iter().map(|m| m.payload.to_vec()).collect::<Vec<_>>(), payloads);
    }

    #[test]
    fn no_bytes_panic_or_outgrow_the_limits(input in prop::collection::vec(any::<u8>(), 0..3000), step in 1usize..400) {
        let limits = ChunkLimits { message: 4096, buffered: 8192, ..LIMITS };
        let whole = read_in(&mut ChunkReader::new(limits), &input, input.len().max(1));
        let mut reader = ChunkReader::new(limits);
        prop_assert_eq!(read_in(&mut reader, &input, step), whole);
        prop_assert!(reader.buffered() <= 8192);
    }
}
