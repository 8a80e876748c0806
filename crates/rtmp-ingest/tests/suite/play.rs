//! Playing from another server: what is said to it, and what becomes of its answers.

use std::time::{Duration, Instant};

use media::{MediaEvent, Track};
use proptest::prelude::*;
use rml_rtmp::messages::{RtmpMessage, UserControlEventType};
use rml_rtmp::rml_amf0::Amf0Value;
use rtmp_ingest::amf0::Value;
use rtmp_ingest::{ClientSession, Connection, ErrorKind, Event, Limits, Session, WaitingFor};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::script::{COMMAND, HANDSHAKE_LEN, Script, read_messages, text};

const URL: &str = "rtmp://h/live/STREAMKEY?token=SECRET";
const USER_CONTROL: u8 = 4;

/// What a server sends, and in which phase it leaves a client.
fn greeted() -> Script {
    Script::new()
}

fn connected() -> Script {
    let success = Value::Object(vec![("code".into(), text("NetConnection.Connect.Success"))]);
    let result = [text("_result"), Value::Number(1.0), Value::Object(vec![]), success];
    greeted().message(5, 0, 0, &2_500_000u32.to_be_bytes()).command(0, &result)
}

fn with_stream() -> Script {
    connected().command(0, &[text("_result"), Value::Number(2.0), Value::Null, Value::Number(1.0)])
}

fn status(script: Script, level: &str, code: &str, description: &str) -> Script {
    let information = [("level", level), ("code", code), ("description", description)];
    let information = information.map(|(name, value)| (name.to_owned(), text(value)));
    script.command(1, &[text("onStatus"), Value::Number(0.0), Value::Null, Value::Object(information.into())])
}

fn playing() -> Script {
    let reset = status(with_stream(), "status", "NetStream.Play.Reset", "");
    status(reset, "status", "NetStream.Play.Start", "")
}

struct Player {
    session: ClientSession,
    now: Instant,
    events: Vec<Event>,
    sent: Vec<u8>,
}

impl Player {
    fn new() -> Self {
        let now = Instant::now();
        let session = ClientSession::new(URL.parse().unwrap(), Limits::default(), now);
        let mut player = Self { session, now, events: Vec::new(), sent: Vec::new() };
        player.drain();
        player
    }

    /// The server's bytes; the error they led to, if they did.
    fn hear(&mut self, bytes: &[u8]) -> Option<ErrorKind> {
        let outcome = self.session.handle_input(bytes, self.now);
        self.drain();
        outcome.err().map(|error| error.kind)
    }

    fn drain(&mut self) {
        self.events.extend(std::iter::from_fn(|| self.session.poll_event()));
        while let Some(bytes) = self.session.poll_transmit() {
            self.sent.extend_from_slice(&bytes);
        }
    }
}

fn play(script: &Script) -> (Player, Option<ErrorKind>) {
    let mut player = Player::new();
    let error = player.hear(&script.bytes);
    (player, error)
}

#[test]
fn a_stream_is_asked_for_step_by_step() {
    let mut player = Player::new();
    assert_eq!(player.sent.len(), 1 + 1536, "C0 and C1, and nothing before the answer");
    let steps = [greeted(), connected(), with_stream(), playing()];
    let mut heard = 0;
    let mut said = Vec::new();
    for step in &steps {
        assert_eq!(player.hear(&step.bytes[heard..]), None);
        heard = step.bytes.len();
        said.push(read_messages(&player.sent[HANDSHAKE_LEN..]));
    }
    assert_eq!(said.iter().map(Vec::len).collect::<Vec<_>>(), [1, 3, 5, 5]);
    let said = said.remove(3);

    let RtmpMessage::Amf0Command { command_name, command_object: Amf0Value::Object(object), .. } = &said[0]
    else {
        panic!("{said:?}")
    };
    let string = |text: &str| Amf0Value::Utf8String(text.into());
    assert_eq!((command_name.as_str(), &object["app"]), ("connect", &string("live")));
    assert_eq!(object["tcUrl"], string("rtmp://h:1935/live"));
    assert!(matches!(&object["fourCcList"], Amf0Value::StrictArray(list) if list.contains(&string("hvc1"))));
    assert_eq!(object["capsEx"], Amf0Value::Number(14.0));

    assert_eq!(said[1], RtmpMessage::WindowAcknowledgement { size: 2_500_000 });
    assert!(
        matches!(&said[2], RtmpMessage::Amf0Command { command_name, .. } if command_name == "createStream")
    );
    let RtmpMessage::Amf0Command { command_name, additional_arguments, .. } = &said[3] else {
        panic!("{said:?}")
    };
    assert_eq!(command_name, "play");
    assert_eq!(additional_arguments[0], string("STREAMKEY?token=SECRET"));
    let event_type = UserControlEventType::SetBufferLength;
    let (stream_id, buffer_length) = (Some(1), Some(3000));
    assert_eq!(said[4], RtmpMessage::UserControl { event_type, stream_id, buffer_length, timestamp: None });
    assert!(player.session.is_playing());
}

#[test]
fn media_and_metadata_come_as_from_a_publisher() {
    let metadata = Value::Object(vec![("width".into(), Value::Number(640.0))]);
    let script = playing().data(&[text("|RtmpSampleAccess"), Value::Boolean(true)]);
    let script = script.data(&[text("onMetaData"), metadata]).aac_config().aac(7_000).aac(7_021);
    let (player, error) = play(&script);
    assert_eq!(error, None);
    assert!(matches!(
        &player.events[..],
        [
            Event::Metadata(_),
            Event::Media(MediaEvent::Audio(_)),
            Event::Media(MediaEvent::Packet(first)),
            Event::Media(MediaEvent::Packet(_))
        ] if first.dts == media::Timestamp::ZERO
    ));
}

#[test]
fn media_before_or_without_a_status_are_media() {
    let (player, error) = play(&with_stream().aac_config().aac(0));
    assert_eq!((player.events.len(), error), (2, None));
    assert!(player.session.is_playing());
}

#[test]
fn every_way_to_end_a_stream_ends_it() {
    for code in ["NetStream.Play.UnpublishNotify", "NetStream.Play.Stop", "NetStream.Play.Complete"] {
        let (player, error) = play(&status(playing(), "status", code, "").aac_config().aac(0));
        assert_eq!((&player.events[..], error), (&[Event::PublishFinished][..], None), "{code}");
        assert!(player.session.is_over() && player.session.poll_timeout().is_none());
    }
    for command in ["close", "deleteStream", "FCUnpublish"] {
        let (player, _) = play(&playing().command(0, &[text(command), Value::Number(0.0), Value::Null]));
        assert_eq!(player.events, [Event::PublishFinished], "{command}");
    }
    let eof = |stream: u8| playing().message(USER_CONTROL, 0, 0, &[0, 1, 0, 0, 0, stream]);
    assert_eq!(play(&eof(1)).0.events, [Event::PublishFinished]);
    assert_eq!(play(&eof(2)).0.events, [], "another stream's");
}

#[test]
fn a_refusal_says_why_without_secrets() {
    let refused = |script: &Script| match play(script).1 {
        Some(ErrorKind::SourceRefused { code, description }) => (code, description),
        other => panic!("{other:?}"),
    };
    let (code, description) = refused(&status(
        with_stream(),
        "error",
        "NetStream.Play.StreamNotFound",
        "there is no STREAMKEY?token=SECRET in live; STREAMKEY is unknown",
    ));
    assert_eq!(code, "NetStream.Play.StreamNotFound");
    assert_eq!(description, "there is no … in live; … is unknown");

    let rejected = Value::Object(vec![
        ("code".into(), text("NetConnection.Connect.Rejected")),
        ("description".into(), text("[ AccessManager.Reject ] : [ code=403 ]\n")),
    ]);
    let error = [text("_error"), Value::Number(1.0), Value::Null, rejected];
    let (code, description) = refused(&greeted().command(0, &error));
    assert_eq!(code, "NetConnection.Connect.Rejected");
    assert_eq!(description, "[ AccessManager.Reject ] : [ code=403 ]");

    // An error that nobody has heard of is one all the same; a status is not.
    assert_eq!(refused(&status(playing(), "error", "NetStream.Odd", "")).0, "NetStream.Odd");
    assert_eq!(play(&status(playing(), "status", "NetStream.Play.Transition", "")).1, None);
    assert_eq!(refused(&with_stream().command(0, &[text("_error"), Value::Number(3.0)])).0, "no code");
}

#[test]
fn each_step_has_the_deadline_and_silence_another() {
    for (script, waiting_for) in [
        (None, WaitingFor::SourceHandshake),
        (Some(greeted()), WaitingFor::SourceConnect),
        (Some(connected()), WaitingFor::SourceStream),
        (Some(with_stream()), WaitingFor::SourcePlay),
    ] {
        let mut player = Player::new();
        player.hear(&script.map(|script| script.bytes).unwrap_or_default());
        let after = Duration::from_secs(10);
        assert_eq!(player.session.poll_timeout(), Some(player.now + after));
        let error = player.session.handle_timeout(player.now + after).unwrap_err();
        assert_eq!(error.kind, ErrorKind::SetupTimeout { after, waiting_for });
    }
    let mut player = Player::new();
    player.now += Duration::from_secs(9);
    player.hear(&playing().bytes);
    let after = Duration::from_secs(15);
    assert_eq!(player.session.poll_timeout(), Some(player.now + after));
    let error = player.session.handle_timeout(player.now + after).unwrap_err();
    assert_eq!(error.kind, ErrorKind::IdleTimeout { after });
}

#[test]
fn a_source_is_bounded_like_a_publisher() {
    let long = [&[4, 0, 0, 0][..], &[0x90, 0, 0], &[9, 1, 0, 0, 0]].concat();
    let kind = play(&playing().raw(&long)).1.unwrap();
    assert_eq!(kind.limit(), Some("max_message"));
    let kind = play(&connected().raw(&long)).1.unwrap();
    assert_eq!(kind.limit(), Some("max_message_before_publish"));
    let nested = b"\x03\0\0".repeat(100);
    assert_eq!(play(&greeted().message(COMMAND, 0, 0, &nested)).1.unwrap().limit(), Some("max_amf_depth"));
}

#[test]
fn pings_are_answered_and_other_commands_passed_over() {
    let on_bw_done = [text("onBWDone"), Value::Number(0.0), Value::Null];
    let script = playing().command(0, &on_bw_done).message(USER_CONTROL, 0, 0, &[0, 6, 0, 0, 0, 9]);
    let (player, error) = play(&script);
    assert_eq!(error, None);
    let said = read_messages(&player.sent[HANDSHAKE_LEN..]);
    let pong = |message: &RtmpMessage| {
        matches!(message,
        RtmpMessage::UserControl { event_type: UserControlEventType::PingResponse, timestamp: Some(t), .. } if t.value == 9)
    };
    assert!(said.last().is_some_and(pong), "{said:?}");
}

/// What FFmpeg sent as a server of 50 pictures and 2 s of sound (`examples/play.rs` records).
fn replay(sizes: &[usize]) -> (Vec<Event>, Option<ErrorKind>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/played/ffmpeg.rtmp");
    let bytes = std::fs::read(path).unwrap();
    let mut rest = &bytes[..];
    let mut player = Player::new();
    let error = sizes.iter().cycle().find_map(|size| {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        rest = after;
        player.hear(piece).map(Some).or(rest.is_empty().then_some(None))
    });
    (player.events, error.flatten())
}

#[test]
fn a_recorded_server_is_understood_to_the_end() {
    let (events, error) = replay(&[16 * 1024]);
    assert_eq!((events.last(), error), (Some(&Event::PublishFinished), None));
    let count = |track| {
        let is_of = |event: &&Event| matches!(event, Event::Media(MediaEvent::Packet(p)) if p.track == track);
        events.iter().filter(is_of).count()
    };
    assert_eq!((count(Track::Video), count(Track::Audio)), (50, 88));
    assert!(replay(&[1]) == (events, None), "a byte at a time");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_of_a_recorded_server_gives_the_same_events(
        sizes in prop::collection::vec(prop_oneof![1usize..20, 1usize..5000], 1..30),
    ) {
        prop_assert!(replay(&sizes) == replay(&[usize::MAX]));
    }
}

#[tokio::test]
async fn a_hang_up_is_told_from_an_end() {
    for (script, expected) in [
        (None, ErrorKind::SourceHungUp { waiting_for: WaitingFor::SourceHandshake }),
        (Some(greeted()), ErrorKind::SourceHungUp { waiting_for: WaitingFor::SourceConnect }),
        (Some(playing()), ErrorKind::SourceDisconnected),
    ] {
        let (mut server, client) = duplex(1 << 16);
        let mut connection = Connection::play(client, URL.parse().unwrap(), Limits::default());
        server.write_all(&script.map(|script| script.bytes).unwrap_or_default()).await.unwrap();
        server.shutdown().await.unwrap();
        assert_eq!(connection.next_event().await.unwrap_err().kind, expected);
    }
    let (mut server, client) = duplex(1 << 16);
    let mut connection = Connection::play(client, URL.parse().unwrap(), Limits::default());
    server.write_all(&status(playing(), "status", "NetStream.Play.Stop", "").bytes).await.unwrap();
    assert_eq!(connection.next_event().await, Ok(Some(Event::PublishFinished)));
    let end = tokio::spawn(async move { connection.next_event().await });
    server.read_to_end(&mut Vec::new()).await.unwrap();
    drop(server);
    assert_eq!(end.await.unwrap(), Ok(None));
}
