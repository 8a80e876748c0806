//! A flash and a beep that coincide still do.

use std::fs;

use media::{MediaEvent, Timestamp, Track};
use transcode::Options;

use crate::output::{Output, sessions, transcode};
use crate::source::{AAC, publish, run_ffmpeg};

/// Every other second the picture is white and the sound is loud, for a tenth of a second. Flashes
/// begin with a picture: at 30000/1001 Hz, 60 of them take 2.002 s.
fn flashes(audio_rate: u32, rate: &str, seconds: u32, encoding: &str) -> Vec<MediaEvent> {
    let period = if rate == "30000/1001" { "2.002" } else { "2" };
    // A tenth of a millisecond, so that rounding doesn't put a picture before its period.
    let white = format!("enable=lt(mod(t+0.0001\\,{period})\\,0.1)");
    let pictures =
        format!("-f lavfi -i color=black:s=160x90:r={rate}:d={seconds},drawbox=c=white:t=fill:{white}");
    let loud = format!("if(lt(mod(t\\,{period})\\,0.1)\\,sin(2*PI*1000*t)*0.8)");
    let sound = format!("-f lavfi -i aevalsrc={loud}:s={audio_rate}:d={seconds}");
    publish(&[&pictures, &sound, encoding, AAC])
}

const X264: &str = "-c:v libx264 -preset ultrafast -g 60 -pix_fmt yuv420p";
const X264_REORDERED: &str = "-c:v libx264 -preset veryfast -bf 2 -g 60 -pix_fmt yuv420p";

/// The times at which something begins, in seconds: where `level` rises above a half after having
/// been below it for a while.
fn onsets(levels: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
    let mut onsets = Vec::new();
    let mut last_high = f64::NEG_INFINITY;
    for (at, level) in levels {
        if level > 0.5 {
            if at - last_high > 0.5 {
                onsets.push(at);
            }
            last_high = at;
        }
    }
    onsets
}

fn seconds(at: Timestamp) -> f64 {
    at.since_origin().as_secs_f64()
}

/// How much later each beep comes than its flash, in seconds, as `ffmpeg` decodes them.
fn offsets(output: &Output) -> Vec<f64> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("v.h264"), output.elementary_stream(Track::Video)).unwrap();
    fs::write(path("a.aac"), output.elementary_stream(Track::Audio)).unwrap();

    let filter = "-vf scale=1:1:flags=area -vsync passthrough -pix_fmt gray -f rawvideo pipe:1";
    let luma = run_ffmpeg(&["-i", &path("v.h264"), filter]);
    let video = output.packets(Track::Video);
    assert_eq!(luma.len(), video.len());
    let levels =
        video.iter().zip(&luma).map(|(packet, luma)| (seconds(packet.pts), f64::from(*luma) / 255.0));
    let flashes = onsets(levels);

    let samples = run_ffmpeg(&["-i", &path("a.aac"), "-ac 1 -f s16le pipe:1"]);
    let start = seconds(output.packets(Track::Audio)[0].pts);
    let samples = samples.chunks_exact(2).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])));
    let beeps =
        onsets(samples.enumerate().map(|(n, sample)| (start + n as f64 / 48_000.0, sample.abs() / 12_000.0)));

    // The first of each may be cut off by the start of the output.
    let nearest = |flash: &f64| {
        let distances = beeps.iter().map(|beep| beep - flash);
        distances.min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap()
    };
    let offsets: Vec<f64> = flashes.iter().skip(1).map(nearest).collect();
    assert!(offsets.len() + 2 >= beeps.len() && beeps.len() + 2 >= offsets.len(), "{flashes:?} {beeps:?}");
    offsets
}

fn assert_in_sync(output: &Output, count: usize) {
    let offsets = offsets(output);
    assert!(offsets.len() >= count, "{offsets:?}");
    let worst = offsets.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
    println!("{} flashes, worst offset {:.1} ms", offsets.len(), worst * 1000.0);
    assert!(worst.abs() < 0.020, "{offsets:?}");
}

#[test]
fn flash_and_beep_coincide() {
    assert_in_sync(&transcode(flashes(48_000, "30", 20, X264)), 9);
}

#[test]
fn flash_and_beep_coincide_with_reordering_at_44_khz() {
    assert_in_sync(&transcode(flashes(44_100, "25", 20, X264_REORDERED)), 9);
}

#[test]
fn flash_and_beep_coincide_in_a_second_session() {
    let at = |millis| Timestamp::from_millis(millis);
    let output = sessions(
        Options::default(),
        vec![(at(0), flashes(48_000, "30", 7, X264)), (at(9_500), flashes(44_100, "30", 9, X264_REORDERED))],
    );
    assert_in_sync(&output, 6);
}

#[test]
#[ignore = "ten minutes of media"]
fn flash_and_beep_coincide_for_ten_minutes() {
    assert_in_sync(&transcode(flashes(48_000, "30", 600, X264_REORDERED)), 298);
}

#[test]
#[ignore = "ten minutes of media"]
fn flash_and_beep_coincide_for_ten_minutes_at_44_khz() {
    assert_in_sync(&transcode(flashes(44_100, "30000/1001", 600, X264_REORDERED)), 298);
}
