//! Independent judges: ffprobe and ffmpeg.

use std::io::Write;
use std::process::{Output, Stdio};

use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What ffprobe finds in a piece of media.
#[derive(Clone, Debug, Deserialize)]
pub struct Probe {
    /// The elementary streams.
    pub streams: Vec<MediaStream>,
    /// Their packets, in the order of the file.
    pub packets: Vec<MediaPacket>,
}

/// An elementary stream.
#[derive(Clone, Debug, Deserialize)]
pub struct MediaStream {
    /// `video` or `audio`.
    pub codec_type: String,
    /// libav's name of the codec.
    pub codec_name: String,
    /// The codec's profile.
    #[serde(default)]
    pub profile: String,
    /// Width in pixels.
    #[serde(default)]
    pub width: u32,
    /// Height in pixels.
    #[serde(default)]
    pub height: u32,
    /// The shape of a pixel; `1:1` is square.
    #[serde(default)]
    pub sample_aspect_ratio: Option<String>,
    /// Samples in a second.
    #[serde(default)]
    pub sample_rate: String,
    /// Channels.
    #[serde(default)]
    pub channels: u32,
}

/// A coded access unit.
#[derive(Clone, Debug, Deserialize)]
pub struct MediaPacket {
    /// `video` or `audio`.
    pub codec_type: String,
    /// When it is shown, in 90 kHz ticks.
    pub pts: i64,
    /// When it is decoded, in 90 kHz ticks.
    pub dts: i64,
    /// Contains `K` in a keyframe.
    pub flags: String,
}

impl Probe {
    /// The packets of the picture or of the sound.
    pub fn packets(&self, codec_type: &str) -> Vec<&MediaPacket> {
        self.packets.iter().filter(|packet| packet.codec_type == codec_type).collect()
    }

    /// The stream of the picture or of the sound.
    pub fn stream(&self, codec_type: &str) -> Option<&MediaStream> {
        self.streams.iter().find(|stream| stream.codec_type == codec_type)
    }
}

/// Streams and packets of an MPEG-2 transport stream.
///
/// From a file and not a pipe: of a segment as short as a broadcast's last may be, ffprobe learns the
/// sound's frame length only at the end, and goes back to give each frame its time.
pub async fn probe(media: &[u8]) -> Probe {
    let mut file = tempfile::Builder::new().suffix(".ts").tempfile().unwrap();
    file.write_all(media).unwrap();
    let args = format!("-v error -f mpegts -show_streams -show_packets -of json {}", file.path().display());
    let found = run("ffprobe", &args, &[]).await;
    assert!(found.status.success(), "ffprobe: {}", String::from_utf8_lossy(&found.stderr));
    serde_json::from_slice(&found.stdout).unwrap_or_else(|error| {
        let kept = file.keep().map(|(_, path)| path);
        panic!("{error}: ffprobe misses something in {kept:?}")
    })
}

/// What ffmpeg complains of while it decodes everything; empty if it has nothing to say.
///
/// With the media's own clock at the end, since pictures need not keep a constant rate.
pub async fn decode_warnings(media: &[u8]) -> String {
    let decoded = run(
        "ffmpeg",
        "-v warning -xerror -f mpegts -i pipe:0 -fps_mode passthrough -enc_time_base -1 -f null -",
        media,
    )
    .await;
    let said = String::from_utf8_lossy(&decoded.stderr).into_owned();
    if decoded.status.success() { said } else { format!("{}: {said}", decoded.status) }
}

/// The mean color of the last picture: red, green and blue.
pub async fn last_color(media: &[u8]) -> [u8; 3] {
    let args = "-v error -f mpegts -i pipe:0 -vf scale=1:1:flags=area -f rawvideo -pix_fmt rgb24 pipe:1";
    let decoded = run("ffmpeg", args, media).await;
    let (_, last) = decoded.stdout.split_last_chunk().expect("ffmpeg decodes a picture");
    *last
}

/// How many breaks of continuity counters ffmpeg's demuxer finds.
pub async fn continuity_errors(media: &[u8]) -> usize {
    let read = run("ffmpeg", "-v debug -f mpegts -i pipe:0 -c copy -f null -", media).await;
    assert!(read.status.success(), "ffmpeg cannot read the transport stream");
    String::from_utf8_lossy(&read.stderr).matches("Continuity check failed").count()
}

/// The NAL unit types of the first picture, in order (ITU-T H.264 table 7-1).
pub async fn nal_types(media: &[u8]) -> Vec<u8> {
    let args = "-v info -f mpegts -i pipe:0 -map 0:v -c copy -bsf:v trace_headers -frames:v 1 -f null -";
    let read = run("ffmpeg", args, media).await;
    let said = String::from_utf8_lossy(&read.stderr);
    // The filter prints the packet itself only after "Extradata", if there is any.
    let (_, packet) = said.split_once("Packet:").expect("ffmpeg traces a packet");
    let packet = packet.split("Packet:").next().unwrap_or_default();
    packet
        .lines()
        .filter(|line| line.contains(" nal_unit_type "))
        .filter_map(|line| line.rsplit('=').next()?.trim().parse().ok())
        .collect()
}

async fn run(program: &str, args: &str, input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(args.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    // The program may have seen enough before the input's end.
    let feed = async move {
        let _ = stdin.write_all(input).await;
    };
    tokio::join!(child.wait_with_output(), feed).0.unwrap()
}
