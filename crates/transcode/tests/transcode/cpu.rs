//! What it costs, beside the `ffmpeg` program with the same settings.

use std::fs;

use media::{MediaEvent, Timestamp};
use transcode::{Options, Transcoder};

use crate::source::{AAC, publish, run_ffmpeg};

const SECONDS: u32 = 30;

/// Seconds of CPU, user and system: of this process, and of those that it has waited for.
fn cpu() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(4);
    let ticks: Vec<f64> = fields.map(|field| field.parse().unwrap()).collect();
    ((ticks[0] + ticks[1]) / 100.0, (ticks[2] + ticks[3]) / 100.0)
}

fn ours(events: &[MediaEvent]) -> f64 {
    let before = cpu().0;
    transcode::init();
    let mut transcoder = Transcoder::new(Options::default()).unwrap();
    transcoder.start_session(Timestamp::ZERO);
    let mut bytes = 0;
    let mut count = |event| {
        if let MediaEvent::Packet(packet) = event {
            bytes += packet.data.len();
        }
    };
    for event in events {
        transcoder.push(event.clone(), &mut count).unwrap();
    }
    transcoder.finish(&mut count).unwrap();
    assert!(bytes > 1_000_000);
    cpu().0 - before
}

fn theirs(path: &str) -> f64 {
    let before = cpu().1;
    run_ffmpeg(&[
        "-y -threads 1 -i",
        path,
        "-filter_threads 1 -vf scale=1280:720:flags=bicubic",
        "-c:v libx264 -preset veryfast -tune zerolatency -b:v 2500k -maxrate 3000k -bufsize 6000k -threads 1",
        "-g 600 -sc_threshold 0 -forced-idr 1 -force_key_frames expr:gte(t,n_forced*2)",
        "-c:a aac -b:a 128k -ar 48000 -ac 2 -f mpegts /dev/null",
    ]);
    cpu().1 - before
}

/// Meant for a release build on a machine that has nothing else to do.
#[test]
#[ignore = "measures; run it alone and in release: --release --test transcode -- --ignored cpu --nocapture"]
fn cpu_time_is_that_of_the_ffmpeg_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.flv").to_str().unwrap().to_owned();
    let pictures = format!("-f lavfi -i testsrc2=s=1920x1080:r=30:d={SECONDS},noise=alls=12:allf=t");
    let sound = format!("-f lavfi -i sine=f=440:r=48000:d={SECONDS}");
    let encoding =
        "-c:v libx264 -preset veryfast -b:v 6000k -maxrate 6000k -bufsize 6000k -g 60 -pix_fmt yuv420p";
    let made = [&pictures, &sound, encoding, AAC, "-ac 2"];
    run_ffmpeg(&[&made[..], &["-f flv", &path]].concat());
    let events = publish(&["-i", &path, "-c copy"]);

    let mut rounds = Vec::new();
    for _ in 0..3 {
        let (ours, theirs) = (ours(&events), theirs(&path));
        println!("ours {ours:.2} s, ffmpeg {theirs:.2} s, ratio {:.3}", ours / theirs);
        rounds.push((ours, theirs));
    }
    rounds.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (ours, theirs) = rounds[rounds.len() / 2];
    println!("median: {:.3} of a core, ratio {:.3}", ours / f64::from(SECONDS), ours / theirs);
    assert!(ours / theirs <= 1.05, "{:.3}", ours / theirs);
}
