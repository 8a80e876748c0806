//! The stamps inside a segment.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use bytes::Bytes;

use crate::Error;
use crate::stamp::{self, BLOCKS_PER_WIDTH, CELL, COLUMNS, IMAGE_BYTES, ROWS};

/// Decodes a segment and reads the stamp of each of its frames, in the order in which they are shown.
///
/// `None` stands for a frame whose stamp the codec has spoilt.
pub fn stamps(segment: &Bytes) -> Result<Vec<Option<u64>>, Error> {
    let filter = format!(
        "crop=iw/{BLOCKS_PER_WIDTH}*{COLUMNS}:iw/{BLOCKS_PER_WIDTH}*{ROWS}:iw/{BLOCKS_PER_WIDTH}:iw/{BLOCKS_PER_WIDTH},\
         scale={}:{}:flags=area",
        COLUMNS * CELL,
        ROWS * CELL
    );
    let mut decoder = Command::new("ffmpeg")
        .args([
            "-hide_banner",
            "-loglevel",
            "error",
            "-f",
            "mpegts",
            "-i",
            "pipe:0",
            "-map",
            "0:v",
            "-vf",
            &filter,
        ])
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Error::start("ffmpeg"))?;
    // Fed from a thread of its own: either pipe is smaller than what goes through it.
    let feeder = decoder.stdin.take().map(|mut input| {
        let segment = segment.clone();
        thread::spawn(move || input.write_all(&segment))
    });
    let output = decoder.wait_with_output().map_err(Error::io("decode a segment"))?;
    if let Some(Ok(Err(source))) = feeder.map(thread::JoinHandle::join) {
        return Err(Error::Io { doing: "feed the decoder", source });
    }
    if output.stdout.is_empty() {
        return Err(Error::Program {
            program: "ffmpeg",
            said: "a segment without a decodable picture".into(),
        });
    }
    Ok(output.stdout.chunks(IMAGE_BYTES).map(stamp::read).collect())
}
