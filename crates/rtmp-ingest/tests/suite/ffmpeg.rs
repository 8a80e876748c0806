//! The real FFmpeg publishes to a real socket, and serves a player; ffprobe says what it should have
//! sent.

use std::process::{Command, Output, Stdio};

use media::{MediaEvent, Packet, Track};
use rtmp_ingest::{Connection, Event, Limits, Refusal, SourceUrl};
use tokio::net::{TcpListener, TcpStream};

fn ffmpeg(arguments: &[&str]) -> Output {
    Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).output().expect("ffmpeg is installed")
}

/// What ffprobe reads from a file's packets of a kind: presentation and decode time in seconds, size,
/// and whether it is a keyframe.
fn probe(file: &str, kind: &str) -> Vec<(f64, f64, usize, bool)> {
    let entries = "packet=pts_time,dts_time,size,flags";
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", kind, "-show_entries", entries, "-of", "csv=p=0", file])
        .output()
        .expect("ffprobe is installed");
    let lines = String::from_utf8(output.stdout).unwrap();
    let read = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let (pts, dts) = (fields[0].parse().unwrap(), fields[1].parse().unwrap());
        (pts, dts, fields[2].parse().unwrap(), fields[3].starts_with('K'))
    };
    // Side data leaves empty lines.
    lines.lines().filter(|line| !line.is_empty()).map(read).collect()
}

/// Publishes with FFmpeg; everything the ingest makes of it.
async fn publish(arguments: &[&str], decision: Result<(), Refusal>) -> (Vec<Event>, Output) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtmp://{}/live/KEY?token=1", listener.local_addr().unwrap());
    let client = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(arguments)
        .args(["-f", "flv", &url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut connection = Connection::new(stream, Limits::default());
    let mut events = Vec::new();
    while let Some(event) = connection.next_event().await.unwrap() {
        if let Event::PublishRequested(request) = &event {
            assert_eq!((request.app.as_str(), request.key.expose()), ("live", "KEY"));
            assert_eq!(request.query.as_deref(), Some("token=1"));
            match decision {
                Ok(()) => connection.accept_publish().await.unwrap(),
                Err(refusal) => connection.refuse_publish(refusal).await.unwrap(),
            }
        }
        events.push(event);
    }
    let output = tokio::task::spawn_blocking(|| client.wait_with_output().unwrap()).await.unwrap();
    (events, output)
}

fn packets(events: &[Event], track: Track) -> Vec<&Packet> {
    let packet = |event| match event {
        &Event::Media(MediaEvent::Packet(ref packet)) if packet.track == track => Some(packet),
        _ => None,
    };
    events.iter().filter_map(packet).collect()
}

/// Makes a file with B-frames and an odd frame rate.
fn make_source(source: &str) {
    let made = ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=30000/1001:duration=4",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=44100:duration=4",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-bf",
        "3",
        "-g",
        "30",
        "-c:a",
        "aac",
        source,
    ]);
    assert!(made.status.success(), "{made:?}");
}

/// Checks that the packets of a publish or a play are those of a file.
fn assert_packets_of(source: &str, events: &[Event]) {
    let video = packets(events, Track::Video);
    let origin = probe(source, "v")[0].1;
    for (track, kind) in [(Track::Video, "v"), (Track::Audio, "a")] {
        let (expected, actual) = (probe(source, kind), packets(events, track));
        assert_eq!(actual.len(), expected.len(), "{track:?}");
        for (packet, (pts, dts, size, is_keyframe)) in actual.into_iter().zip(expected) {
            // FFmpeg rounds to milliseconds, and composition offsets once more.
            let since_origin = |at: media::Timestamp| (at - video[0].dts).as_secs_f64();
            assert!((since_origin(packet.dts) - (dts - origin)).abs() < 0.0016, "{packet:?}");
            assert!((since_origin(packet.pts) - (pts - origin)).abs() < 0.0016, "{packet:?}");
            assert_eq!((packet.data.len(), packet.is_keyframe), (size, is_keyframe));
        }
    }
}

#[tokio::test]
async fn packets_are_those_of_the_source_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.mp4");
    let source = path.to_str().unwrap();
    make_source(source);
    let (events, output) = publish(&["-i", source, "-c", "copy"], Ok(())).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(events.last(), Some(&Event::PublishFinished));
    assert_packets_of(source, &events);
}

#[tokio::test]
async fn packets_played_from_ffmpeg_are_those_of_the_source_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.mp4");
    let source = path.to_str().unwrap();
    make_source(source);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("rtmp://{free}/live/KEY");
    let mut server = Command::new("ffmpeg")
        .args(["-v", "error", "-i", source, "-c", "copy", "-f", "flv", "-listen", "1", &url])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    // FFmpeg doesn't say when it listens.
    let stream = loop {
        match TcpStream::connect(free).await {
            Ok(stream) => break stream,
            Err(_) => assert_eq!(server.try_wait().unwrap(), None, "ffmpeg serves"),
        }
    };
    let source_url: SourceUrl = url.parse().unwrap();
    let mut connection = Connection::play(stream, source_url, Limits::default());
    let mut events = Vec::new();
    while let Some(event) = connection.next_event().await.unwrap() {
        events.push(event);
    }
    assert_eq!(events.last(), Some(&Event::PublishFinished));
    assert_packets_of(source, &events);
    tokio::task::spawn_blocking(move || server.wait().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_shown_and_ends_ffmpeg() {
    let source = ["-re", "-f", "lavfi", "-i", "testsrc2=size=160x90:duration=60", "-c:v", "libx264"];
    for refusal in [Refusal::Unauthorized, Refusal::Busy] {
        let (events, output) = publish(&source, Err(refusal)).await;
        assert_eq!(events.len(), 1);
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(refusal.description()), "{said}");
    }
}
