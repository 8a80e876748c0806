//! What the tests share: media to push, and readers that know nothing of the code under test.
// Each test file uses some of it; a test's helper may panic as the test may.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod media_source;
pub mod ts_reader;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use hls_mux::{MediaSequence, Output, Part, Segment, Segmenter, SegmenterOptions};
use media::MediaEvent;

/// Wall time of media time 0 in all tests: 2026-11-22T12:00:00.250Z.
pub fn epoch() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_348_800_250)
}

/// What came out, in order.
#[derive(Debug, Default)]
pub struct Made {
    pub outputs: Vec<Output>,
    /// How many outputs there were after each event.
    pub after_event: Vec<usize>,
    pub errors: Vec<hls_mux::Error>,
}

impl Made {
    pub fn segments(&self) -> Vec<&Segment> {
        let segments = self.outputs.iter().filter_map(|output| match output {
            Output::Segment(segment) => Some(segment),
            Output::Part(_) => None,
        });
        segments.collect()
    }

    pub fn parts(&self) -> Vec<&Part> {
        let parts = self.outputs.iter().filter_map(|output| match output {
            Output::Part(part) => Some(part),
            Output::Segment(_) => None,
        });
        parts.collect()
    }

    pub fn stream(&self) -> Vec<u8> {
        self.segments().iter().flat_map(|segment| segment.data.to_vec()).collect()
    }
}

/// Pushes everything and finishes.
pub fn segment(options: SegmenterOptions, events: impl IntoIterator<Item = MediaEvent>) -> Made {
    let mut made = Made::default();
    let mut segmenter = Segmenter::new(options, MediaSequence::new(7), epoch());
    for event in events {
        let mut out = |output| made.outputs.push(output);
        if let Err(error) = segmenter.push(event, &mut out) {
            made.errors.push(error);
        }
        made.after_event.push(made.outputs.len());
    }
    segmenter.finish(&mut |output| made.outputs.push(output));
    made
}

/// Runs a program over `input`; returns what it printed, stderr last. It must succeed.
pub fn run(program: &str, args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed by this test: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that has seen enough may close its input.
    let feed = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {text}");
    text
}

/// Demuxes and decodes strictly: any warning fails the test.
pub fn assert_decodes(stream: &[u8]) {
    let said =
        run("ffmpeg", &["-v", "warning", "-xerror", "-f", "mpegts", "-i", "-", "-f", "null", "-"], stream);
    assert_eq!(said, "", "ffmpeg");
    let said = run("ffprobe", &["-v", "warning", "-f", "mpegts", "-i", "-"], stream);
    assert_eq!(said, "", "ffprobe");
}

/// No continuity fault, by ffmpeg's own check.
pub fn assert_continuous(stream: &[u8]) {
    let args = ["-v", "debug", "-f", "mpegts", "-i", "-", "-map", "0", "-c", "copy", "-f", "null", "-"];
    let said = run("ffmpeg", &args, stream);
    let faults: Vec<_> = said.lines().filter(|line| line.contains("Continuity check")).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What `tsreport -b` says of the stream's buffering.
pub fn ts_report(stream: &[u8], name: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.ts"));
    std::fs::write(&path, stream).unwrap();
    let report = run("tsreport", &["-b", path.to_str().unwrap()], &[]);
    std::fs::remove_file(&path).unwrap();
    report
}
