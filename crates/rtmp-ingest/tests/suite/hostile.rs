//! What an attacker sends: each costs the sender its connection, or its message, and us nothing.

use std::time::Duration;

use rtmp_ingest::amf0::AmfError;
use rtmp_ingest::chunk::ChunkError;
use rtmp_ingest::{ErrorKind, Limits, Session};

use crate::script::{AUDIO, COMMAND, DATA, Driver, Outcome, Script, VIDEO, run, text};
use rtmp_ingest::amf0::{Value, write_values};

fn kind(outcome: &Outcome) -> &ErrorKind {
    &outcome.error.as_ref().expect("the session has ended").kind
}

/// A chunk with a full header, by hand: the library refuses to write what is wrong.
fn chunk(csid: u8, length: u32, type_id: u8, payload: &[u8]) -> Vec<u8> {
    let mut chunk = vec![csid, 0, 0, 0];
    chunk.extend_from_slice(&length.to_be_bytes()[1..]);
    chunk.extend_from_slice(&[type_id, 1, 0, 0, 0]);
    chunk.extend_from_slice(payload);
    chunk
}

#[test]
fn garbage_after_the_handshake_ends_the_session_where_it_is() {
    let outcome = run(&Script::new().raw(&[0xFF; 100]));
    let error = outcome.error.unwrap();
    assert!(matches!(
        error.kind,
        ErrorKind::Chunk { fault: ChunkError::NoHeader { chunk_stream: 63, chunk_type: 3 }, .. }
    ));
    assert_eq!(error.offset, 3073 + 1, "right behind the byte at fault");
}

#[test]
fn a_long_message_is_refused_by_its_header_before_a_publish() {
    let outcome = run(&Script::new().raw(&chunk(3, 65_537, COMMAND, &[])));
    let expected = ChunkError::MessageTooLong { length: 65_537, limit: 65_536 };
    assert_eq!(*kind(&outcome), ErrorKind::Chunk { fault: expected, before_publish: true });
}

#[test]
fn a_publisher_may_send_long_messages_but_not_any() {
    let outcome = run(&Script::publish().raw(&chunk(4, 1 << 20, VIDEO, &[])));
    assert_eq!(outcome.error, None);
    let outcome = run(&Script::publish().raw(&chunk(4, 9 << 20, VIDEO, &[])));
    assert!(matches!(
        kind(&outcome),
        ErrorKind::Chunk { fault: ChunkError::MessageTooLong { .. }, before_publish: false }
    ));
}

#[test]
fn long_messages_on_many_chunk_streams_are_bounded_in_sum() {
    let flood: Vec<u8> = (3..60).flat_map(|csid| chunk(csid, 60_000, COMMAND, &[0; 128])).collect();
    assert!(matches!(
        kind(&run(&Script::new().raw(&flood))),
        ErrorKind::Chunk { fault: ChunkError::TooMuchInProgress { .. }, before_publish: true }
    ));
    let flood: Vec<u8> = (3..60).flat_map(|csid| chunk(csid, 8 << 20, VIDEO, &[0; 128])).collect();
    let outcome = run(&Script::publish().raw(&flood));
    assert!(matches!(
        kind(&outcome),
        ErrorKind::Chunk { fault: ChunkError::TooMuchInProgress { .. }, before_publish: false }
    ));
}

#[test]
fn chunk_sizes_without_sense_end_the_session() {
    for payload in [&0u32.to_be_bytes()[..], &u32::MAX.to_be_bytes(), &[0, 0]] {
        let outcome = run(&Script::new().raw(&chunk(2, payload.len() as u32, 1, payload)));
        assert!(matches!(kind(&outcome), ErrorKind::Chunk { .. }), "{payload:?}");
    }
    // A large one costs nothing: what counts is the length of messages.
    let outcome = run(&Script::new().raw(&chunk(2, 4, 1, &0x7FFF_FFFFu32.to_be_bytes())).connect("live"));
    assert_eq!(outcome.error, None);
}

#[test]
fn deep_and_wide_amf_ends_the_session() {
    let mut nested = write_values(&[text("connect"), Value::Number(1.0)]);
    nested.extend(b"\x03\0\0".repeat(20_000));
    let outcome = run(&Script::new().message(COMMAND, 0, 0, &nested));
    assert_eq!(*kind(&outcome), ErrorKind::Amf(AmfError::TooDeep(16)));

    let outcome = run(&Script::new().message(COMMAND, 0, 0, &[5; 65_000]));
    assert_eq!(*kind(&outcome), ErrorKind::Amf(AmfError::TooManyValues(1024)));

    let outcome = run(&Script::publish().message(DATA, 1, 0, &b"\x0A\xff\xff\xff\xff".repeat(5000)));
    assert_eq!((outcome.stats.malformed_messages, &outcome.error), (1, &None));
}

/// Tools that write FLV files index the keyframes of an hour in two arrays of 1,800 numbers.
#[test]
fn the_index_of_a_recording_ends_no_publish() {
    let index = Value::Array(vec![Value::Number(1.0); 1800]);
    let metadata = Value::Object(vec![("times".into(), index.clone()), ("filepositions".into(), index)]);
    let script = Script::publish().data(&[text("@setDataFrame"), text("onMetaData"), metadata]);
    let outcome = run(&script.aac_config().aac(0));
    assert_eq!((outcome.stats.malformed_messages, &outcome.error), (1, &None));
    assert_eq!(outcome.packets().len(), 1);
}

#[test]
fn broken_commands_are_dropped_and_counted() {
    let outcome = run(&Script::new()
        .message(COMMAND, 0, 0, b"")
        .message(COMMAND, 0, 0, b"\x02\0\x09conn")
        .message(COMMAND, 0, 0, b"\x02\0\x07connect")
        .message(17, 0, 0, b"\0\x11\x0A\x0B\x01")
        .message(DATA, 0, 0, b"\x02\0\x0D@setDataFrame")
        .message(15, 0, 0, b"\0")
        .message(99, 0, 0, b"?")
        .message(4, 0, 0, b"\0\x06")
        .message(5, 0, 0, b"\0"));
    assert_eq!((outcome.events.len(), &outcome.error), (0, &None));
    assert!(
        outcome.stats.malformed_messages >= 2 && outcome.stats.ignored_messages >= 4,
        "{:?}",
        outcome.stats
    );
}

#[test]
fn a_publish_without_arguments_or_connect_is_harmless() {
    let bare = [text("publish")];
    assert_eq!(*kind(&run(&Script::new().command(0, &bare))), ErrorKind::NotConnected);
    let outcome = run(&Script::new().connect("live").command(0, &bare));
    assert!(matches!(kind(&outcome), ErrorKind::UnusableStreamKey(_)));
}

#[test]
fn a_million_streams_are_never_made() {
    let mut script = Script::new().connect("live");
    for _ in 0..100 {
        script = script.create_stream();
    }
    assert_eq!(*kind(&run(&script)), ErrorKind::CommandFlood { limit: 32 });

    // Slowly, it is their number.
    let mut driver = Driver::new(Limits::default());
    driver.input(&Script::new().connect("live").bytes).unwrap();
    let many = script.bytes.len() - Script::new().connect("live").bytes.len();
    let one = many / 100;
    let mut rest = &script.bytes[script.bytes.len() - many..];
    let error = loop {
        driver.pass(Duration::from_millis(100)).unwrap();
        if let Err(error) = driver.input(&rest[..one]) {
            break error;
        }
        rest = &rest[one..];
    };
    assert_eq!(error.kind, ErrorKind::TooManyCommands { count: 65 });
}

#[test]
fn corrupt_media_never_ends_a_publish() {
    let mut script = Script::publish().aac_config();
    for (millis, payload) in [
        &[0x17u8, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF][..],
        &[0x17, 0],
        &[0x97; 50],
        &[0xFF; 9],
        &[],
        &[0x17, 0, 0, 0, 0, 9],
    ]
    .into_iter()
    .enumerate()
    {
        script = script.message(VIDEO, 1, millis as u32, payload).message(AUDIO, 1, millis as u32, payload);
    }
    let outcome = run(&script.aac(40));
    assert_eq!((outcome.packets().len(), &outcome.error), (1, &None));
    assert!(outcome.stats.corrupt_access_units + outcome.stats.rejected_configs >= 4, "{:?}", outcome.stats);
}

#[test]
fn an_aggregate_bomb_is_cut_off() {
    const AGGREGATE: u8 = 22;
    let part = [&[AUDIO, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0][..], &[0xAF, 1, 9], &[0, 0, 0, 14]].concat();
    let outcome = run(&Script::publish().aac_config().message(AGGREGATE, 1, 0, &part.repeat(5000)));
    assert_eq!(outcome.packets().len(), Limits::default().max_aggregate_messages);
    assert_eq!((outcome.stats.cut_aggregates, &outcome.error), (1, &None));
    // Aggregates inside aggregates are no messages of ours.
    let nested = [&[AGGREGATE, 0, 0, 18, 0, 0, 0, 0, 0, 0, 0][..], &part, &[0; 4]].concat();
    let outcome = run(&Script::publish().aac_config().message(AGGREGATE, 1, 0, &nested));
    assert_eq!((outcome.packets().len(), outcome.stats.ignored_messages), (0, 1));
}

#[test]
fn what_is_left_after_a_session_of_floods_is_small() {
    // A thousand messages begun and given up, on every chunk stream that there may be.
    let mut driver = Driver::new(Limits::default());
    driver.input(&Script::publish().bytes).unwrap();
    for round in 0..1000u32 {
        let csid = 3 + (round % 60) as u8;
        driver.input(&chunk(csid, 200 + round % 7, VIDEO, &[0; 128])).unwrap();
    }
    assert!(driver.session.stats().aborted_messages > 800);
    assert_eq!(driver.events.len(), 1);
}
