//! A recording's file, as ffprobe and ffmpeg see it.

use std::io::Write;
use std::path::Path;

use mp4parse::unstable::create_sample_table;
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

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
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

    /// How many samples each track has, as Mozilla's parser reads its tables to their ends. All must lie in the media, each behind
    /// the one before, and be all of it.
    pub fn samples(&self) -> Vec<usize> {
        let movie = mp4parse::read_mp4(&mut std::io::Cursor::new(&self.data)).unwrap();
        let tables = movie.tracks.iter().map(|track| create_sample_table(track, 0.into()).unwrap());
        let tables: Vec<_> = tables.collect();
        let mut bytes = 0;
        for table in &tables {
            let mut end = self.data.len() as i64 - self.media_bytes();
            for sample in table.iter() {
                assert!(sample.start_offset.0 as i64 >= end && sample.start_decode < sample.end_composition);
                end = sample.end_offset.0 as i64;
                bytes += end - sample.start_offset.0 as i64;
            }
            assert!(end <= self.data.len() as i64);
        }
        assert_eq!(bytes, self.media_bytes(), "all of the media");
        tables.iter().map(|table| table.len()).collect()
    }

    /// Bytes of media, which is the last of its boxes.
    fn media_bytes(&self) -> i64 {
        let at = self.data.windows(4).position(|name| name == b"mdat").unwrap();
        (self.data.len() - at - 12) as i64
    }

    /// What ffmpeg complains of while it decodes everything, with the media's own clock at the end; and how many pictures
    /// there were.
    ///
    /// Without its demuxer's parser, which reads all pictures by the first parameter sets; the decoder follows each change.
    pub async fn decode(&self) -> (String, usize) {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "warning", "-xerror", "-fflags", "+noparse", "-i"]).arg(self.file.path());
        ffmpeg.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-progress", "pipe:1"]);
        let decoded = ffmpeg.args(["-f", "null", "-"]).output().await.unwrap();
        let progress = String::from_utf8_lossy(&decoded.stdout);
        let pictures = progress.lines().filter_map(|line| line.strip_prefix("frame=")).next_back();
        let said = String::from_utf8_lossy(&decoded.stderr).into_owned();
        (said, pictures.unwrap_or_else(|| panic!("no picture: {progress}")).trim().parse().unwrap())
    }
}
