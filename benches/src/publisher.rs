//! A live source: stamped frames at an exact rate, encoded and published by an ffmpeg process.

use std::collections::VecDeque;
use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Error;
use crate::picture::Picture;
use crate::stamp;
use crate::tap::FlvTap;

/// What a publisher sends.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its picture.
    pub size: Size,
    /// Pictures in a second.
    pub fps: u32,
}

/// Width and height in pixels, in which a stamp fits: as text, `1280x720`.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Width: a multiple of 64.
    pub width: usize,
    /// Height: an even number.
    pub height: usize,
}

/// A running live source. Dropping it ends it.
pub struct Publisher {
    encoder: Child,
    stop: Arc<AtomicBool>,
    times: Arc<Mutex<Times>>,
    threads: Vec<JoinHandle<()>>,
}

/// What the publisher saw of itself; times in Unix milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// When the first frame was made.
    pub first_frame: Option<f64>,
    /// When the server had accepted the publish and the first bytes of media went out.
    pub accepted: Option<f64>,
    /// The frames that have left the encoder: stamp, and when its last byte was out.
    pub sent: Vec<(f64, f64)>,
    /// How late the latest frame was made, against its place on the grid.
    pub worst_lateness_millis: f64,
    /// Stamps of the frames that the encoder has not given back yet.
    in_encoder: VecDeque<f64>,
}

impl Format {
    /// Bits a second that a streamer would send at this size.
    pub fn bit_rate(self) -> u32 {
        if self.size.height > 720 { 6_000_000 } else { 3_500_000 }
    }

    fn x264_arguments(self) -> Vec<String> {
        let rate = self.bit_rate();
        let keyframes = 2 * self.fps;
        // Not what is measured, so no more than it must be: two cores hold this, the server and a browser.
        format!(
            "-c:v libx264 -preset superfast -tune zerolatency -pix_fmt yuv420p -b:v {rate} -maxrate {rate} \
             -bufsize {rate} -g {keyframes} -c:a aac -b:a 128k -ac 2 -flags +global_header"
        )
        .split_whitespace()
        .map(str::to_owned)
        .collect()
    }

    fn input_arguments(self) -> Vec<String> {
        format!(
            "-hide_banner -loglevel error -probesize 32 -f rawvideo -pixel_format yuv420p -video_size {} \
             -framerate {} -i pipe:0 -f lavfi -i sine=frequency=440:sample_rate=48000 -map 0:v -map 1:a -shortest",
            self.size, self.fps
        )
        .split_whitespace()
        .map(str::to_owned)
        .collect()
    }
}

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Blocks of the stamp are whole pixels, and chroma has half as many.
        let side = |text: &str, multiple: usize| {
            let fits = |side: &usize| (64..=4096).contains(side) && side.is_multiple_of(multiple);
            text.parse().ok().filter(fits)
        };
        text.split_once('x')
            .and_then(|(width, height)| Some(Self { width: side(width, 64)?, height: side(height, 2)? }))
            .ok_or("a size is WIDTHxHEIGHT, such as 1280x720: a multiple of 64 by an even number")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl Publisher {
    /// Starts to make frames and to publish them to `rtmp_url`, key included.
    pub fn start(format: Format, rtmp_url: &str) -> Result<Self, Error> {
        // The same encoder's output goes to the server and to a tap beside it, which tells when
        // each frame left the encoder. A tee'd output is written in order: server first.
        let tee = format!(
            "[f=flv:flvflags=no_duration_filesize:flush_packets=1:onfail=abort]{rtmp_url}|\
             [f=flv:flvflags=no_duration_filesize:flush_packets=1]pipe:1"
        );
        let mut encoder = Command::new("ffmpeg")
            .args(format.input_arguments())
            .args(format.x264_arguments())
            .args(["-f", "tee", &tee])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::start("ffmpeg"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let times = Arc::new(Mutex::new(Times::default()));
        let mut threads = Vec::new();
        if let (Some(frames), Some(coded)) = (encoder.stdin.take(), encoder.stdout.take()) {
            let (stop, fed, tapped) = (stop.clone(), times.clone(), times.clone());
            threads.push(thread::spawn(move || make_frames(format, frames, &stop, &fed)));
            threads.push(thread::spawn(move || watch_encoder(coded, &tapped)));
        }
        Ok(Self { encoder, stop, times, threads })
    }

    /// What has been seen so far.
    pub fn times(&self) -> Times {
        lock(&self.times).clone()
    }

    /// Ends the broadcast as an encoder does, and waits for it.
    pub fn finish(mut self) -> Times {
        self.end();
        self.times()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_secs(5);
        while let Ok(None) = self.encoder.try_wait() {
            if Instant::now() > deadline {
                // A server that no longer reads would hold the encoder, and with it this run, for good.
                let _ = self.encoder.kill();
            }
            thread::sleep(Duration::from_millis(20));
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing more to tell; what it noted before stays.
            let _ = thread.join();
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.end();
    }
}

/// Encodes `seconds` of the same picture to an FLV file, as fast as it goes.
pub fn record(format: Format, seconds: u32, file: &Path) -> Result<(), Error> {
    let mut encoder = Command::new("ffmpeg")
        .args(format.input_arguments())
        .args(format.x264_arguments())
        .args(["-y", "-f", "flv"])
        .arg(file)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(Error::start("ffmpeg"))?;
    if let Some(mut frames) = encoder.stdin.take() {
        let mut picture = Picture::new(format.size.width, format.size.height);
        let mut frame = Vec::with_capacity(picture.frame_bytes());
        for index in 0..(seconds * format.fps) as usize {
            picture.render(index, stamp::now() as u64, &mut frame);
            frames.write_all(&frame).map_err(Error::io("feed the encoder"))?;
        }
    }
    let status = encoder.wait().map_err(Error::io("wait for the encoder"))?;
    if !status.success() {
        return Err(Error::Program { program: "ffmpeg", said: format!("recording ended with {status}") });
    }
    Ok(())
}

fn make_frames(format: Format, mut encoder: ChildStdin, stop: &AtomicBool, times: &Mutex<Times>) {
    let mut picture = Picture::new(format.size.width, format.size.height);
    let mut frame = Vec::with_capacity(picture.frame_bytes());
    let start = Instant::now();
    for index in 0.. {
        // From the count, so that the rate is exact however long the run.
        let due = start + Duration::from_secs_f64(index as f64 / f64::from(format.fps));
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let stamped = stamp::now();
        {
            let mut times = lock(times);
            times.first_frame.get_or_insert(stamped);
            times.in_encoder.push_back(stamped);
            let lateness = due.elapsed().as_secs_f64() * 1000.0;
            // The encoder's own start holds up the first frames; they say nothing of the run.
            if index > format.fps as usize {
                times.worst_lateness_millis = times.worst_lateness_millis.max(lateness);
            }
        }
        picture.render(index, stamped as u64, &mut frame);
        if encoder.write_all(&frame).is_err() {
            return;
        }
    }
}

fn watch_encoder(mut coded: ChildStdout, times: &Mutex<Times>) {
    let mut tap = FlvTap::default();
    let mut piece = vec![0; 1 << 16];
    while let Ok(length @ 1..) = coded.read(&mut piece) {
        let completed = tap.push(&piece[..length]);
        let now = stamp::now();
        let mut times = lock(times);
        if completed.header {
            times.accepted = Some(now);
        }
        for _ in 0..completed.pictures {
            if let Some(stamped) = times.in_encoder.pop_front() {
                times.sent.push((stamped, now));
            }
        }
    }
}

/// Notes are plain numbers: whole, whatever became of the thread that wrote them.
fn lock(times: &Mutex<Times>) -> MutexGuard<'_, Times> {
    times.lock().unwrap_or_else(PoisonError::into_inner)
}
