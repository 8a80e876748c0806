//! Chunks, messages, commands and names that no encoder should send, while somebody else is live.

use std::time::Duration;

use scenarios::rtmp_client::{
    STREAM_ID, chunk, command, connect, connect_payload, create_stream, in_chunks, message, message_type::*,
    number, publish, text,
};
use scenarios::{Bystander, RtmpClient, Source, Weir, eventually, flv_tags, source_file};

/// Bits a second of the bystander's picture: the segments that are kept of it hardly weigh in memory.
const FEW: u32 = 200_000;
const SOON: Duration = Duration::from_secs(12);

/// How far a client gets before it sends what is bad.
#[derive(Clone, Copy)]
enum After {
    Nothing,
    Handshake,
    Connect,
    Publish,
}
use After::{Connect, Handshake, Nothing, Publish};

/// What it meets.
#[derive(Clone, Copy)]
enum Meets {
    /// It is hung up on, and the log says this.
    Log(&'static str),
    /// It is told this, and hung up on.
    Answer(&'static str),
    /// It is told this, and may go on.
    Talk(&'static str),
    /// Its messages are dropped and counted as this fault; it may go on.
    Fault(&'static str),
}
use Meets::{Answer, Fault, Log, Talk};

struct Attack {
    name: &'static str,
    after: After,
    bytes: Vec<u8>,
    meets: Meets,
}

fn attack(name: &'static str, after: After, bytes: Vec<u8>, meets: Meets) -> Attack {
    Attack { name, after, bytes, meets }
}

const CONNECTED: &str = "NetConnection.Connect.Success";
const REJECTED: &str = "NetConnection.Connect.Rejected";
const BAD_NAME: &str = "NetStream.Publish.BadName";

/// Field notes' bad inputs that are a matter of bytes.
///
/// `avc_config` is a sequence header as an encoder sends it.
fn attacks(avc_config: &[u8]) -> Vec<Attack> {
    let set_chunk_size = |size: u32| message(2, 0, SET_CHUNK_SIZE, &size.to_be_bytes());
    let app = |app: &[u8]| connect(app);
    let key = |key: &[u8]| publish(key);
    let live = connect_payload(b"live");
    let unfinished = chunk(3, 0, 200, COMMAND, &[0; 128]);
    let zeros =
        (0..=22_u8).filter(|&id| id != SET_CHUNK_SIZE).flat_map(|id| message(3, 0, id, &[])).collect();
    let nested = [text(b"connect"), number(1.0), [3, 0, 0].repeat(16_000)].concat();
    let array = |marker: u8| {
        [text(b"connect"), number(1.0), vec![marker], u32::MAX.to_be_bytes().into(), vec![5]].concat()
    };
    let many_values = [text(b"connect"), number(1.0), vec![5; 60_000]].concat();
    // Basic headers of two and of three bytes.
    let wide = |id: &[u8]| [id, &chunk(0, 0, live.len(), COMMAND, &live)[1..]].concat();
    let chunk_streams = (0..100_u8)
        .flat_map(|id| [&[0, id][..], &chunk(0, 0, 200, COMMAND, &[0; 128])[1..]].concat())
        .collect();
    let type_1 = {
        let mut bytes = vec![0x43, 0, 0, 0, 0, 0, live.len() as u8, COMMAND];
        bytes.extend_from_slice(&live);
        bytes
    };
    let abort = [chunk(5, 0, 200, COMMAND, &[0; 128]), message(2, 0, ABORT, &5_u32.to_be_bytes())].concat();
    let commands = create_stream().repeat(200);
    let part = [&[AUDIO][..], &[0; 10], &[0; 4]].concat();
    let aggregate = message(4, 0, AGGREGATE, &part.repeat(20_000));
    let mod_ex = message(4, 0, VIDEO, &[&[0x97][..], &[0, 0, 0x07].repeat(100_000)].concat());
    let tracks = message(4, 0, VIDEO, &[&[0x96, 0x21][..], b"avc1", &[1, 0, 0, 0].repeat(100_000)].concat());
    let config = message(4, 0, VIDEO, avc_config);
    let beyond = message(4, 0, VIDEO, &[0x17, 1, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0x65, 1, 2, 3]);
    let empty_sps = [0x17, 0, 0, 0, 0, 1, 66, 0, 30, 0xFF, 0xE1, 0, 0, 1, 0, 0];
    let audio = message(4, 0, AUDIO, &[0xAF, 1, 1, 2, 3]);
    let other_stream = {
        let mut bytes = message(4, 0, AUDIO, &[0xAF, 1, 1, 2, 3]);
        bytes[STREAM_ID] = 7;
        bytes
    };
    vec![
        attack("http", Nothing, b"GET /live HTTP/1.1\r\nHost: weir\r\n\r\n".into(), Log("an HTTP request")),
        attack("tls", Nothing, [&[0x16, 3, 1, 2, 0, 1][..], &[0; 512]].concat(), Log("a TLS handshake")),
        attack("rtmpe", Nothing, [&[6][..], &[0; 1536]].concat(), Log("encrypted RTMP")),
        attack("noise", Nothing, vec![0x99; 100_000], Log("the first byte is 0x99")),
        attack(
            "noise after the handshake",
            Handshake,
            vec![0xFF; 50_000],
            Log("starts with a chunk of type 3"),
        ),
        attack("chunk size 0", Handshake, set_chunk_size(0), Log("a chunk size of 0")),
        attack("chunk size 2^32-1", Handshake, set_chunk_size(u32::MAX), Log("a chunk size of 4294967295")),
        attack("half a chunk size", Handshake, message(2, 0, SET_CHUNK_SIZE, &[0, 0]), Log("only 2 bytes")),
        attack(
            "chunk size 1",
            Handshake,
            [set_chunk_size(1), in_chunks(1, 3, 0, COMMAND, &live)].concat(),
            Talk(CONNECTED),
        ),
        attack(
            "chunk size 2^31-1",
            Handshake,
            [set_chunk_size(0x7FFF_FFFF), in_chunks(live.len(), 3, 0, COMMAND, &live)].concat(),
            Talk(CONNECTED),
        ),
        attack("16 MB declared", Handshake, chunk(3, 0, 0xFF_FFFF, COMMAND, &[]), Log("16777215 bytes")),
        attack(
            "16 MB in sum",
            Publish,
            (3..60).flat_map(|id| chunk(id, 0, 8 << 20, VIDEO, &[0; 128])).collect(),
            Log("bytes in all"),
        ),
        attack("many chunk streams", Handshake, chunk_streams, Log("more than 64 chunk streams")),
        attack("deep AMF", Handshake, message(3, 0, COMMAND, &nested), Log("too complex")),
        attack("70,000 levels", Handshake, chunk(3, 0, 210_000, COMMAND, &[]), Log("210000 bytes")),
        attack("many values", Handshake, message(3, 0, COMMAND, &many_values), Log("too complex")),
        attack(
            "arrays of 2^32-1",
            Handshake,
            [message(3, 0, COMMAND, &array(10)), message(3, 0, COMMAND, &array(8)), app(b"live")].concat(),
            Talk(REJECTED),
        ),
        attack(
            "truncated AMF",
            Connect,
            [message(3, 0, COMMAND, &[2, 0, 200, b'x']), create_stream()].concat(),
            Talk("_result"),
        ),
        attack("zero-length messages", Connect, [zeros, create_stream()].concat(), Talk("_result")),
        attack("type 1 first", Handshake, type_1, Talk(CONNECTED)),
        attack("type 2 first", Handshake, vec![0x83, 0, 0, 0, 1], Log("a chunk of type 2")),
        attack("type 0 in mid-message", Handshake, [unfinished, app(b"live")].concat(), Talk(CONNECTED)),
        attack("abort", Handshake, [abort, app(b"live")].concat(), Talk(CONNECTED)),
        attack("a 2-byte chunk stream id", Handshake, wide(&[0, 200]), Talk(CONNECTED)),
        attack("a 3-byte chunk stream id", Handshake, wide(&[1, 255, 255]), Talk(CONNECTED)),
        attack("command flood", Connect, commands, Log("commands")),
        attack("publish before connect", Handshake, key(b"key"), Log("before `connect`")),
        attack("NUL in the app", Handshake, app(b"li\0ve"), Answer(REJECTED)),
        attack("an app that isn't text", Handshake, app(b"\xFF\xFE"), Answer(REJECTED)),
        attack("an app that climbs", Handshake, app(b"../../etc"), Answer(REJECTED)),
        attack("no app", Handshake, [app(b""), create_stream(), key(b"key")].concat(), Answer(BAD_NAME)),
        attack("no key", Connect, key(b""), Answer(BAD_NAME)),
        attack("NUL in the key", Connect, key(b"k\0y"), Answer(BAD_NAME)),
        attack("a key that isn't text", Connect, key(b"\xC3\x28"), Answer(BAD_NAME)),
        attack("a key that climbs", Connect, key(b"../../etc/passwd"), Answer(BAD_NAME)),
        attack("a long key", Connect, key(&[b'k'; 300]), Answer(BAD_NAME)),
        attack("play", Connect, command("play", 4.0, &[vec![5], text(b"x")].concat()), Talk("Play.Failed")),
        attack("publish twice", Publish, key(b"another"), Talk("already publishes")),
        attack(
            "media before publish",
            Connect,
            [audio.repeat(50), create_stream()].concat(),
            Talk("_result"),
        ),
        attack("another message stream", Publish, other_stream, Fault("media_outside_publish")),
        attack("no sequence header", Publish, audio, Fault("unconfigured_access_unit")),
        attack("aggregate bomb", Publish, aggregate, Fault("cut_aggregate")),
        attack("ModEx bomb", Publish, mod_ex, Fault("corrupt_access_unit")),
        attack("multitrack bomb", Publish, tracks, Fault("")),
        attack(
            "a picture of 16384x16384",
            Publish,
            message(4, 0, VIDEO, &huge_sps()),
            Fault("rejected_config"),
        ),
        attack("an empty SPS", Publish, message(4, 0, VIDEO, &empty_sps), Fault("rejected_config")),
        attack("NAL lengths past the end", Publish, [config, beyond].concat(), Fault("corrupt_access_unit")),
        attack(
            "AAC nonsense",
            Publish,
            message(4, 0, AUDIO, &[0xAF, 0, 0xFF, 0xFF]),
            Fault("rejected_config"),
        ),
        attack(
            "tags cut short",
            Publish,
            (1..5).flat_map(|n| message(4, 0, VIDEO, &vec![0x17; n])).collect(),
            Fault(""),
        ),
        attack(
            "unread answers",
            Connect,
            message(2, 0, USER_CONTROL, &[0, 6, 0, 0, 0, 0]),
            Log("doesn't read our answers"),
        ),
    ]
}

/// A sequence header whose SPS says 16384x16384 (ITU-T H.264 §7.3.2.1.1, Baseline).
fn huge_sps() -> Vec<u8> {
    // Four ue(0) and a ue(1) up to max_num_ref_frames, a flag, both sizes as ue(1023) macroblocks less
    // one, four flags and the stop bit.
    let size = format!("{:021b}", 1024);
    let bits = ["1111010", "0", &size, &size, "1000", "1"].concat();
    let bytes = bits
        .as_bytes()
        .chunks(8)
        .map(|byte| byte.iter().enumerate().fold(0, |value, (at, bit)| value | (bit - b'0') << (7 - at)));
    let sps: Vec<u8> = [0x67, 66, 0, 52].into_iter().chain(bytes).collect();
    let mut record = vec![0x17, 0, 0, 0, 0, 1, 66, 0, 52, 0xFF, 0xE1, 0, sps.len() as u8];
    record.extend_from_slice(&sps);
    record.extend_from_slice(&[1, 0, 4, 0x68, 0xCE, 0x3C, 0x80]);
    record
}

impl Attack {
    async fn run(&self, weir: &Weir) {
        let name = self.name;
        let mut client = RtmpClient::connect(weir.rtmp_port()).await;
        match self.after {
            Nothing => {}
            Handshake => {
                client.shake_hands().await;
            }
            Connect => {
                client.connect_app(b"live").await.hears(CONNECTED).await;
            }
            Publish => {
                let stream = weir.api().create(name).await;
                client.publish(&stream.key).await;
            }
        }
        match self.meets {
            Log(words) => {
                let before = weir.log().matches(words).count();
                if name == "unread answers" {
                    client.send_unread(&self.bytes.repeat(10_000)).await;
                } else {
                    client.send(&self.bytes).await;
                    client.is_hung_up_on(SOON).await;
                }
                let what = format!("{name}: {words:?} in the log");
                eventually(&what, SOON, || async {
                    (weir.log().matches(words).count() > before).then_some(())
                })
                .await;
            }
            Answer(words) => {
                client.send(&self.bytes).await;
                let said = client.is_hung_up_on(SOON).await;
                assert!(said.contains(words), "{name}: nothing of {words}: {said:?}");
            }
            Talk(words) => {
                client.send(&self.bytes).await.hears(words).await;
                assert!(!client.is_closed().await, "{name}: hung up on");
            }
            Fault(fault) => {
                let count = || weir.metric("weir_ingest_faults_total", fault);
                let before = count().await;
                client.send(&self.bytes).await;
                // Still a publisher: a second publish is told so, in order, after all that came before.
                client.send(&publish(b"again")).await.hears("already publishes").await;
                drop(client);
                eventually(&format!("{name}: {fault:?} is counted"), SOON, || async {
                    (count().await > before).then_some(())
                })
                .await;
            }
        }
    }
}

#[tokio::test]
async fn bad_bytes_cost_their_sender_the_connection_and_nobody_else_anything() {
    // Streams of these clients end soon after them.
    let mut weir =
        Weir::builder().env("WEIR_RECONNECT_WINDOW", 0).env("WEIR_VIDEO_BITRATE", FEW).start().await;
    let tags = flv_tags(&source_file(&Source::default()).await);
    let configuration = tags.iter().find(|tag| tag.type_id == VIDEO && tag.is_configuration()).unwrap();
    let bystander = Bystander::start(&weir).await;
    let mut resident = Vec::new();
    for _ in 0..3 {
        for attack in attacks(&configuration.data) {
            attack.run(&weir).await;
        }
        eventually("only the bystander is connected", SOON, || async {
            (weir.metric("weir_rtmp_connections", "").await <= 1.0).then_some(())
        })
        .await;
        resident.push(weir.resident_kib());
    }
    // The first round fills pools and caches, the encoder's among them; a leak grows with each.
    let growth = resident[2].saturating_sub(resident[1]);
    assert!(growth < 8 << 10, "memory grew: {resident:?} KiB");
    bystander.noticed_nothing().await;
    weir.assert_healthy().await;
}
