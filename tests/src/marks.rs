//! Flashes and tones that belong together: whether picture and sound of a file are in sync.

use tokio::process::Command;

use crate::Movie;

/// How far picture and sound are apart wherever a file has a whole flash and a whole tone.
#[derive(Debug)]
pub struct Marks {
    /// Pictures that were decoded.
    pub pictures: usize,
    /// How much later than its flash each tone begins, in seconds.
    pub offsets: Vec<f64>,
}

/// The mean brightness above which a picture is a flash.
const WHITE: f64 = 100.0;
/// How long a flash and its tone are, and by how much what a seam has cut may differ.
const LENGTH: f64 = 0.2;
const CUT: f64 = 0.05;
/// Marks that are further apart don't belong together.
const APART: f64 = 0.4;

impl Marks {
    /// Decodes the file, and finds its marks.
    pub async fn find(movie: &Movie) -> Self {
        let brightness =
            "scale=32:18:flags=area,signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-";
        let said = ffmpeg(movie, &["-map", "0:v", "-fps_mode", "passthrough", "-vf", brightness]).await.0;
        let pictures: Vec<(f64, bool)> = said
            .split("frame:")
            .skip(1)
            .map(|frame| (number_after(frame, "pts_time:"), number_after(frame, "YAVG=") > WHITE))
            .collect();
        let changes = pictures.windows(2).filter(|pair| pair[0].1 != pair[1].1).map(|pair| pair[1]);
        let silence = "silencedetect=noise=-25dB:duration=0.1";
        let said = ffmpeg(movie, &["-map", "0:a", "-af", silence]).await.1;
        let tones = said.lines().filter_map(|line| {
            let start = line.contains("silence_end: ").then(|| (number_after(line, "silence_end: "), true));
            start.or_else(|| {
                line.contains("silence_start: ").then(|| (number_after(line, "silence_start: "), false))
            })
        });
        let (flashes, tones) = (whole(changes), whole(tones));
        let offsets = flashes.iter().filter_map(|flash| {
            let offset = |tone: &f64| tone - flash;
            tones
                .iter()
                .map(offset)
                .min_by(|a, b| a.abs().total_cmp(&b.abs()))
                .filter(|offset| offset.abs() < APART)
        });
        Self { pictures: pictures.len(), offsets: offsets.collect() }
    }

    /// The farthest that a flash and its tone are apart, in seconds.
    pub fn worst(&self) -> f64 {
        self.offsets.iter().fold(0.0, |worst, offset| offset.abs().max(worst))
    }
}

/// When those begin that are as long as they should be, of what begins and ends at these times.
fn whole(changes: impl Iterator<Item = (f64, bool)>) -> Vec<f64> {
    let changes: Vec<_> = changes.collect();
    let pairs = changes.windows(2).filter(|pair| pair[0].1 && !pair[1].1);
    pairs
        .map(|pair| (pair[0].0, pair[1].0 - pair[0].0))
        .filter(|(_, length)| (length - LENGTH).abs() < CUT)
        .map(|(at, _)| at)
        .collect()
}

fn number_after(text: &str, name: &str) -> f64 {
    let found = text.split_once(name).and_then(|(_, rest)| {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-.e".contains(c))).unwrap_or(rest.len());
        rest[..end].parse().ok()
    });
    found.unwrap_or_else(|| panic!("no {name} in {text:?}"))
}

/// What ffmpeg says on its standard output, and on the other one, as it decodes the file into nothing.
async fn ffmpeg(movie: &Movie, args: &[&str]) -> (String, String) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-nostats", "-xerror", "-fflags", "+noparse", "-i"]).arg(movie.path());
    let done = ffmpeg.args(args).args(["-f", "null", "-"]).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{}", text(&done.stderr));
    (text(&done.stdout), text(&done.stderr))
}
