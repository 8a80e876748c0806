//! A recording's file, as ffprobe and ffmpeg see it.

use std::io::Write;

use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::process::Command;

/// A file of a movie.
pub struct Movie {
    file: NamedTempFile,
    data: Vec<u8>,
}

impl Movie {
    /// Takes a file's bytes.
    pub fn new(data: Vec<u8>) -> Self {
        let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
        file.write_all(&data).unwrap();
        Self { file, data }
    }

    /// The names of its boxes, in order.
    pub fn boxes(&self) -> Vec<String> {
        let (mut names, mut rest) = (Vec::new(), &self.data[..]);
        while let [a, b, c, d, name @ ..] = rest {
            names.push(String::from_utf8_lossy(&name[..4]).into_owned());
            let size = match u32::from_be_bytes([*a, *b, *c, *d]) {
                1 => u64::from_be_bytes(rest[8..16].try_into().unwrap()),
                size => size.into(),
            };
            rest = &rest[size as usize..];
        }
        names
    }

    /// ffprobe's words on the file and its streams, every packet counted.
    pub async fn probe(&self) -> Value {
        let args = ["-v", "error", "-count_packets", "-show_format", "-show_streams", "-of", "json"];
        let found = Command::new("ffprobe").args(args).arg(self.file.path()).output().await.unwrap();
        assert!(found.status.success(), "ffprobe: {}", String::from_utf8_lossy(&found.stderr));
        serde_json::from_slice(&found.stdout).unwrap()
    }

    /// What ffmpeg complains of while it decodes everything, with the media's own clock at the end.
    ///
    /// Without its demuxer's parser, which reads all pictures by the first parameter sets; the decoder follows each change.
    pub async fn warnings(&self) -> String {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "warning", "-xerror", "-fflags", "+noparse", "-i"]).arg(self.file.path());
        ffmpeg.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"]);
        let decoded = ffmpeg.output().await.unwrap();
        String::from_utf8_lossy(&decoded.stderr).into_owned()
    }
}
