//! From connect to the end of a publish.

use std::time::Duration;

use media::{MediaEvent, Timestamp};
use rml_rtmp::messages::{RtmpMessage, UserControlEventType};
use rml_rtmp::rml_amf0::Amf0Value;
use rtmp_ingest::amf0::{Value, write_values};
use rtmp_ingest::{ErrorKind, Event, KeyFault, Limits, PublishRequest, Refusal, Session, WaitingFor};

use crate::script::{AUDIO, COMMAND, DATA, Driver, Script, VIDEO, run, text};

fn request(script: &Script) -> PublishRequest {
    match run(script).events.into_iter().next() {
        Some(Event::PublishRequested(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn names(answers: &[RtmpMessage]) -> Vec<&str> {
    answers.iter().map(name).collect()
}

fn name(answer: &RtmpMessage) -> &str {
    match answer {
        RtmpMessage::Amf0Command { command_name, .. } => command_name,
        RtmpMessage::SetChunkSize { .. } => "SetChunkSize",
        RtmpMessage::WindowAcknowledgement { .. } => "WindowAckSize",
        RtmpMessage::SetPeerBandwidth { .. } => "SetPeerBandwidth",
        RtmpMessage::UserControl { event_type: UserControlEventType::StreamBegin, .. } => "StreamBegin",
        other => panic!("{other:?}"),
    }
}

#[test]
fn connect_create_stream_and_publish_in_one_read() {
    let mut driver = Driver::undecided();
    driver.input(&Script::publish().bytes).unwrap();
    let setup = ["WindowAckSize", "SetPeerBandwidth", "SetChunkSize", "_result", "_result"];
    assert_eq!(names(&driver.answers()), setup, "nothing of the publish before it is decided");
    assert!(matches!(driver.events[..], [Event::PublishRequested(_)]));

    driver.session.accept_publish();
    driver.drain();
    let answers = driver.answers();
    assert_eq!(names(&answers[5..]), ["StreamBegin", "onStatus"]);
    assert_eq!(driver.statuses(), ["NetStream.Publish.Start"]);
}

#[test]
fn what_a_request_says() {
    let request = request(&Script::publish());
    assert_eq!((request.app.as_str(), request.key.expose()), ("live", "KEY"));
    assert_eq!(request.encoder.as_deref(), Some("test/1"));
    assert_eq!(request.query, None);
}

#[test]
fn app_and_key_come_in_many_ways() {
    for (app, name, expected) in [
        ("live", "KEY", ("live", "KEY", None)),
        ("live/", "KEY", ("live", "KEY", None)),
        ("/live", "/KEY", ("live", "KEY", None)),
        ("live", "KEY?a=b?c", ("live", "KEY", Some("a=b?c"))),
        ("live?t=1", "KEY", ("live", "KEY", Some("t=1"))),
        ("live?t=1", "KEY?t=2", ("live", "KEY", Some("t=2"))),
        ("live/KEY", "", ("live", "KEY", None)),
        ("live/KEY?t=1", "", ("live", "KEY", Some("t=1"))),
        ("live/KEY/", "?t=1", ("live", "KEY", Some("t=1"))),
        ("live/room", "KEY", ("live", "KEY", None)),
        ("", "KEY", ("", "KEY", None)),
    ] {
        let request = request(&Script::new().connect(app).create_stream().publish_as(text(name)));
        let actual = (request.app.as_str(), request.key.expose(), request.query.as_deref());
        assert_eq!(actual, expected, "app {app:?}, name {name:?}");
    }
}

#[test]
fn unusable_keys_are_refused_without_an_event() {
    for (key, fault) in [
        (text(""), KeyFault::Empty),
        (Value::Null, KeyFault::Empty),
        (text("?token=1"), KeyFault::Empty),
        (text("a\0b"), KeyFault::ControlCharacter),
        (text("../etc/passwd"), KeyFault::DotDot),
        (text(&"k".repeat(257)), KeyFault::TooLong),
    ] {
        let mut driver = Driver::new(Limits::default());
        let script = Script::new().connect("live").create_stream().publish_as(key);
        let error = driver.input(&script.bytes).unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnusableStreamKey(fault));
        assert_eq!(driver.statuses(), ["NetStream.Publish.BadName"]);
        assert_eq!(driver.events, []);
        assert_eq!(driver.input(b"more").unwrap_err(), error, "an error stays");
    }
}

#[test]
fn keys_and_apps_that_arent_text_are_refused() {
    let mut name = write_values(&[text("publish"), Value::Number(5.0), Value::Null]);
    name.extend_from_slice(b"\x02\0\x02\xff\xfe");
    let script = Script::new().connect("live").message(COMMAND, 1, 0, &name);
    let outcome = run(&script);
    assert_eq!(outcome.error.unwrap().kind, ErrorKind::UnusableStreamKey(KeyFault::NotText));
    assert_eq!(outcome.events, []);

    let mut connect = write_values(&[text("connect"), Value::Number(1.0)]);
    connect.extend_from_slice(b"\x03\0\x03app\x02\0\x01\xff\0\0\x09");
    let outcome = run(&Script::new().message(COMMAND, 0, 0, &connect));
    assert_eq!(outcome.error.unwrap().kind, ErrorKind::UnusableApp(KeyFault::NotText));
    let outcome = run(&Script::new().connect("../../x"));
    assert_eq!(outcome.error.unwrap().kind, ErrorKind::UnusableApp(KeyFault::DotDot));
}

#[test]
fn secrets_dont_print() {
    let script = Script::new().connect("live/KEY").publish_as(text("KEY?token=KEY"));
    let request = request(&script);
    let printed = format!("{request:?} {:?}", Event::PublishRequested(request.clone()));
    assert!(!printed.contains("KEY"), "{printed}");
}

#[test]
fn each_refusal_is_heard_and_ends_the_session() {
    for (refusal, code) in [
        (Refusal::Unauthorized, "NetStream.Publish.Unauthorized"),
        (Refusal::Busy, "NetStream.Publish.BadName"),
        (Refusal::Disarmed, "NetStream.Publish.BadName"),
        (Refusal::UnknownApp, "NetStream.Publish.BadName"),
        (Refusal::Overloaded, "NetStream.Publish.Failed"),
        (Refusal::ShuttingDown, "NetStream.Publish.Failed"),
    ] {
        let mut driver = Driver::refusing(refusal);
        driver.input(&Script::publish().aac_config().aac(0).bytes).unwrap();
        assert_eq!(driver.statuses(), [code]);
        driver.input(&[0xFF; 5000]).unwrap();
        driver.session.accept_publish(); // too late: no-op
        driver.drain();
        assert_eq!((driver.statuses().len(), driver.events.len()), (1, 1));
        assert_eq!(driver.session.poll_timeout(), None);
    }
}

#[test]
fn an_eager_encoder_loses_nothing_while_its_publish_is_decided() {
    let mut driver = Driver::undecided();
    driver.input(&Script::publish().aac_config().aac(0).bytes).unwrap();
    assert_eq!(driver.events.len(), 1);
    driver.session.accept_publish();
    driver.drain();
    assert_eq!(driver.events.len(), 3);
    assert!(matches!(driver.events[2], Event::Media(MediaEvent::Packet(_))));
}

#[test]
fn what_is_kept_before_the_decision_is_bounded() {
    let mut driver = Driver::undecided();
    driver.input(&Script::publish().bytes).unwrap();
    let limit = Limits::default().max_buffered_before_publish;
    let error = (0..).find_map(|_| driver.input(&[0; 4096]).err()).unwrap();
    assert_eq!(error.kind, ErrorKind::TooMuchBeforeDecision { limit });
}

#[test]
fn media_outside_of_a_publish_is_dropped_and_counted() {
    let script = Script::new().connect("live").aac_config().aac(0).create_stream();
    let outcome = run(&script);
    assert_eq!((outcome.events.len(), outcome.stats.media_outside_publish), (0, 2));

    let other_stream = Script::publish().aac_config().message(AUDIO, 7, 0, &[0xAF, 1, 1]).aac(5);
    let outcome = run(&other_stream);
    assert_eq!((outcome.packets().len(), outcome.stats.media_outside_publish), (1, 1));
}

#[test]
fn an_encoder_that_publishes_on_stream_0_is_understood() {
    let publish = [text("publish"), Value::Number(5.0), Value::Null, text("KEY")];
    let delete = [text("deleteStream"), Value::Number(6.0), Value::Null, Value::Number(1.0)];
    let script = Script::new().connect("live").command(0, &publish).aac_config().aac(0).command(0, &delete);
    let outcome = run(&script);
    assert_eq!((outcome.packets().len(), outcome.events.last()), (1, Some(&Event::PublishFinished)));
}

#[test]
fn a_second_publish_needs_the_first_to_end_and_its_own_permission() {
    let script = Script::publish().publish_as(text("OTHER")).aac_config().aac(0);
    let mut driver = Driver::new(Limits::default());
    driver.input(&script.bytes).unwrap();
    assert_eq!(driver.statuses(), ["NetStream.Publish.Start", "NetStream.Publish.BadName"]);
    assert_eq!(driver.events.len(), 3, "the first goes on: {:?}", driver.events);

    let delete = [text("deleteStream"), Value::Number(6.0), Value::Null, Value::Number(1.0)];
    let script = Script::publish().command(0, &delete).aac(0).publish_as(text("OTHER")).aac_config();
    let outcome = run(&script);
    assert!(matches!(outcome.events[1], Event::PublishFinished));
    assert!(
        matches!(&outcome.events[2], Event::PublishRequested(request) if request.key.expose() == "OTHER")
    );
    assert_eq!(outcome.stats.media_outside_publish, 1);
}

#[test]
fn every_way_to_end_a_publish_ends_it_once() {
    for end in ["FCUnpublish", "closeStream", "deleteStream"] {
        let script = Script::publish()
            .command(1, &[text(end), Value::Number(6.0), Value::Null])
            .command(0, &[text("deleteStream"), Value::Number(7.0), Value::Null, Value::Number(1.0)]);
        let outcome = run(&script);
        let finished = outcome.events.iter().filter(|event| **event == Event::PublishFinished).count();
        assert_eq!((finished, outcome.error), (1, None), "{end}");
    }
    let other = [text("deleteStream"), Value::Number(7.0), Value::Null, Value::Number(9.0)];
    assert_eq!(run(&Script::publish().command(0, &other)).events.len(), 1, "not this stream");
}

#[test]
fn commands_of_other_encoders_are_answered() {
    let command =
        |name: &str, transaction| [text(name), Value::Number(transaction), Value::Null, text("KEY")];
    let script = Script::new()
        .connect("live")
        .command(0, &command("_checkbw", 2.0))
        .command(0, &command("releaseStream", 3.0))
        .command(0, &command("FCPublish", 4.0))
        .command(0, &command("getUnicorns", 5.0))
        .command(0, &command("silentUnicorns", 0.0))
        .command(1, &command("play", 0.0));
    let mut driver = Driver::new(Limits::default());
    driver.input(&script.bytes).unwrap();
    let answers = driver.answers();
    assert_eq!(names(&answers[4..]), ["_result", "_result", "_result", "onFCPublish", "_error", "onStatus"]);
    assert_eq!(driver.statuses(), ["NetStream.Play.Failed"]);
}

#[test]
fn enhanced_rtmp_is_offered_to_those_who_ask() {
    let properties = |script: Script| {
        let mut driver = Driver::new(Limits::default());
        driver.input(&script.bytes).unwrap();
        match driver.answers().swap_remove(3) {
            RtmpMessage::Amf0Command { command_object: Amf0Value::Object(properties), .. } => properties,
            other => panic!("{other:?}"),
        }
    };
    assert!(!properties(Script::new().connect("live")).contains_key("fourCcList"));
    let list = Value::Array(vec![text("av01"), text("hvc1")]);
    let asked = properties(Script::new().connect_with(&[("app", text("live")), ("fourCcList", list)]));
    let Amf0Value::StrictArray(offered) = &asked["fourCcList"] else { panic!("{asked:?}") };
    assert!(offered.contains(&Amf0Value::Utf8String("hvc1".into())) && offered.len() == 10);
    assert_eq!(asked["capsEx"], Amf0Value::Number(15.0));
}

#[test]
fn a_reconnect_is_asked_of_those_who_understand_it() {
    let asked = |flags: Option<f64>| {
        let mut properties = vec![("app", text("live"))];
        properties.extend(flags.map(|flags| ("capsEx", Value::Number(flags))));
        let script = Script::new().connect_with(&properties).create_stream().publish_as(text("KEY"));
        let mut driver = Driver::new(Limits::default());
        driver.input(&script.bytes).unwrap();
        let understands = driver.session.request_reconnect("Moving.");
        driver.drain();
        let is_asked = driver.statuses().last().unwrap() == "NetConnection.Connect.ReconnectRequest";
        assert_eq!(is_asked, understands);
        understands
    };
    assert!(asked(Some(1.0)) && asked(Some(15.0)));
    assert!(!asked(Some(14.0)) && !asked(Some(f64::NAN)) && !asked(None) && !asked(Some(256.0)));
}

#[test]
fn amf3_commands_and_data_are_read() {
    const COMMAND_AMF3: u8 = 17;
    const DATA_AMF3: u8 = 15;
    let amf3 = |values: &[Value]| [vec![0], write_values(values)].concat();
    let app =
        Value::Object(vec![("app".into(), text("live")), ("objectEncoding".into(), Value::Number(3.0))]);
    let metadata = Value::Object(vec![("width".into(), Value::Number(640.0))]);
    let script = Script::new()
        .message(COMMAND_AMF3, 0, 0, &amf3(&[text("connect"), Value::Number(1.0), app]))
        .message(COMMAND_AMF3, 1, 0, &amf3(&[text("publish"), Value::Number(2.0), Value::Null, text("K")]))
        .message(DATA_AMF3, 1, 0, &amf3(&[text("onMetaData"), metadata]));
    let outcome = run(&script);
    assert_eq!((outcome.events.len(), outcome.error), (2, None));
}

#[test]
fn metadata_with_odd_values_survives_and_repeats_are_swallowed() {
    let mut payload = write_values(&[text("@setDataFrame"), text("onMetaData")]);
    payload.extend_from_slice(b"\x08\0\0\0\x03\0\x05width\0");
    payload.extend_from_slice(&640f64.to_be_bytes());
    payload.extend_from_slice(b"\0\x01d\x0B\0\0\0\0\0\0\0\0\0\0\0\x01s\x0C\0\0\0\x01x\0\0\x09");
    let broken = &payload[..payload.len() - 6];
    let script = Script::publish().message(DATA, 1, 0, &payload).message(DATA, 1, 0, &payload);
    let outcome = run(&script.message(DATA, 1, 0, broken).aac_config().aac(0));
    assert_eq!(outcome.events.len(), 4, "{outcome:?}");
    assert!(matches!(&outcome.events[1], Event::Metadata(metadata) if metadata.width == Some(640)));
    assert_eq!((outcome.stats.malformed_messages, outcome.error), (1, None));
}

#[test]
fn pings_are_answered_and_received_bytes_acknowledged_in_total() {
    const USER_CONTROL: u8 = 4;
    const WINDOW_ACK_SIZE: u8 = 5;
    let mut driver = Driver::new(Limits::default());
    let mut script = Script::publish().message(USER_CONTROL, 0, 0, &[0, 6, 1, 2, 3, 4]).message(
        WINDOW_ACK_SIZE,
        0,
        0,
        &40_000u32.to_be_bytes(),
    );
    for i in 0..4000 {
        script = script.message(VIDEO, 1, i, &[0x27; 40]);
    }
    for piece in script.bytes.chunks(1000) {
        driver.input(piece).unwrap();
    }
    let answers = driver.answers();
    assert!(answers.iter().any(|answer| matches!(answer,
        RtmpMessage::UserControl { event_type: UserControlEventType::PingResponse, timestamp: Some(t), .. }
            if t.value == 0x0102_0304)));
    let acknowledged = |answer: &RtmpMessage| match answer {
        RtmpMessage::Acknowledgement { sequence_number } => Some(*sequence_number),
        _ => None,
    };
    let sequence: Vec<u32> = answers.iter().filter_map(acknowledged).collect();
    assert!(sequence.len() >= script.bytes.len() / 40_000, "{sequence:?}");
    assert!(sequence.windows(2).all(|pair| pair[1] > pair[0] && pair[1] - pair[0] <= 40_000), "{sequence:?}");
    assert!(*sequence.last().unwrap() as usize + 20_000 + 1000 >= script.bytes.len());
}

#[test]
fn an_aggregate_yields_its_parts() {
    const AGGREGATE: u8 = 22;
    let mut payload = Vec::new();
    for (millis, body) in
        [(200u8, &[0xAFu8, 0, 0x12, 0x10][..]), (200u8, &[0xAF, 1, 9]), (221, &[0xAF, 1, 8])]
    {
        payload.extend_from_slice(&[AUDIO, 0, 0, body.len() as u8, 0, 0, millis, 0, 0, 0, 0]);
        payload.extend_from_slice(body);
        payload.extend_from_slice(&(body.len() as u32 + 11).to_be_bytes());
    }
    let outcome = run(&Script::publish().message(AGGREGATE, 1, 9_000, &payload));
    assert_eq!(outcome.packets().len(), 2);
    assert_eq!(outcome.packets()[0].dts, Timestamp::ZERO);
}

#[test]
fn each_stage_of_the_setup_has_the_deadline() {
    let handshake = Script::new();
    let connected = Script::new().connect("live");
    let pending = Script::publish();
    for (input, waiting_for) in [
        (&[][..], WaitingFor::FirstByte),
        (&[3], WaitingFor::Handshake),
        (&handshake.bytes[..2000], WaitingFor::Handshake),
        (&handshake.bytes, WaitingFor::Connect),
        (&connected.bytes, WaitingFor::Publish),
        (&pending.bytes, WaitingFor::Decision),
    ] {
        let mut driver = Driver::undecided();
        driver.pass(Duration::from_secs(9)).unwrap();
        driver.input(input).unwrap();
        assert_eq!(driver.session.poll_timeout(), Some(driver.now + Duration::from_secs(1)));
        let error = driver.pass(Duration::from_secs(1)).unwrap_err();
        let after = Duration::from_secs(10);
        assert_eq!(error.kind, ErrorKind::SetupTimeout { after, waiting_for });
    }
}

#[test]
fn a_publisher_must_send_media() {
    let mut driver = Driver::new(Limits::default());
    let mut script = Script::publish().aac_config();
    driver.input(&script.bytes).unwrap();
    for i in 0..10 {
        driver.pass(Duration::from_secs(14)).unwrap();
        script.bytes.clear();
        script = script.aac(i * 14_000);
        driver.input(&script.bytes).unwrap();
    }
    script.bytes.clear();
    script = script.create_stream();
    driver.pass(Duration::from_secs(14)).unwrap();
    driver.input(&script.bytes).unwrap();
    let error = driver.pass(Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::IdleTimeout { after: Duration::from_secs(15) });
}

/// As after the server itself stood still: what waits to be read is no silence of the publisher's.
#[test]
fn media_that_waited_to_be_read_came_in_time() {
    let mut driver = Driver::new(Limits::default());
    let mut script = Script::publish().aac_config();
    driver.input(&script.bytes).unwrap();
    driver.now += Duration::from_secs(60);
    script.bytes.clear();
    let mut script = script.aac(20);
    driver.input(&script.bytes).unwrap();
    driver.now += Duration::from_secs(60);
    script.bytes.clear();
    let late = script.create_stream();
    assert!(driver.input(&late.bytes).is_err(), "commands are no media");
}
