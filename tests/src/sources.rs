use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A test pattern and a tone, as an encoder would be given them.
#[derive(Clone, Debug)]
pub struct Source {
    /// Width and height; `None`: no picture.
    pub size: Option<(u32, u32)>,
    /// Pictures in a second.
    pub fps: &'static str,
    /// Consecutive B-frames.
    pub b_frames: u32,
    /// Audio codec by libav's name, sample rate and channels; `None`: no sound.
    pub audio: Option<(&'static str, u32, u32)>,
    /// Seconds.
    pub seconds: u32,
    /// With new grain in each picture, and all that a decoder has to do.
    pub heavy: bool,
}

impl Default for Source {
    fn default() -> Self {
        let audio = Some(("aac", 48_000, 2));
        Self { size: Some((320, 180)), fps: "30", b_frames: 0, audio, seconds: 10, heavy: false }
    }
}

/// ffmpeg's arguments to make the source and encode it while publishing.
pub fn encode(source: &Source) -> Vec<String> {
    let mut args = lavfi(source, &["-re"]);
    args.extend(codecs(source));
    args
}

/// ffmpeg's arguments to publish a picture that grows from black to white in so many seconds.
pub fn brightening(seconds: u32) -> Vec<String> {
    let picture = format!("color=white:size=640x360:rate=30:duration={seconds},fade=in:st=0:d={seconds}");
    let args = [
        "-re",
        "-f",
        "lavfi",
        "-i",
        &picture,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
    ];
    args.into_iter().chain(["-g", "60"]).map(str::to_owned).collect()
}

/// Writes one picture of a lavfi `graph` to a file, in the format that its name asks for.
pub async fn still(graph: &str, file: &str) {
    let args = ["-loglevel", "error", "-y", "-f", "lavfi", "-i", graph, "-frames:v", "1", file];
    let made = tokio::process::Command::new("ffmpeg").args(args).status().await.expect("ffmpeg is installed");
    assert!(made.success(), "{file}");
}

/// The source as an FLV file, encoded beforehand.
pub async fn source_file(source: &Source) -> PathBuf {
    let source = source.clone();
    // Encoding it takes a while, in which whoever polls must go on polling.
    tokio::task::spawn_blocking(move || encoded_file(&source)).await.unwrap()
}

/// ffmpeg's arguments to publish the source as it is in a file.
pub async fn play_file(source: &Source) -> Vec<String> {
    let file = source_file(source).await.display().to_string();
    ["-re", "-i", &file, "-map", "0", "-c", "copy"].map(str::to_owned).into()
}

/// The same, again and again without an end.
pub async fn play_file_in_a_loop(source: &Source) -> Vec<String> {
    let mut args = play_file(source).await;
    args.splice(0..0, ["-stream_loop", "-1"].map(str::to_owned));
    args
}

/// The source as an FLV file, which is kept from one run to the next.
fn encoded_file(source: &Source) -> PathBuf {
    let folder = std::env::temp_dir().join("weir-scenarios-sources");
    std::fs::create_dir_all(&folder).unwrap();
    let (video, audio) = (name_of(source), source.audio.map_or("silent".into(), |a| format!("{a:?}")));
    let name = format!("{video}-{audio}-{}s", source.seconds).replace(['(', ')', '"', ' '], "");
    let (file, part) = (folder.join(format!("{name}.flv")), folder.join(format!("{name}.part")));
    // Scenarios in other processes want the same file.
    let lock = File::create(folder.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !file.exists() {
        make(source, &part);
        std::fs::rename(&part, &file).unwrap();
    }
    file
}

fn make(source: &Source, file: &Path) {
    let made = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y"])
        .args(lavfi(source, &[]))
        .args(codecs(source))
        .args(["-f", "flv"])
        .arg(file)
        .output()
        .expect("ffmpeg is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn name_of(source: &Source) -> String {
    source.size.map_or("sound".into(), |(width, height)| {
        let heavy = if source.heavy { "-heavy" } else { "" };
        format!("{width}x{height}-{}fps-{}b{heavy}", source.fps.replace('/', "_"), source.b_frames)
    })
}

fn lavfi(source: &Source, options: &[&str]) -> Vec<String> {
    let mut args: Vec<String> = Vec::new();
    let mut input = |graph: String| {
        args.extend(options.iter().map(|&option| option.to_owned()));
        args.extend(["-f".into(), "lavfi".into(), "-i".into(), graph]);
    };
    if let Some((width, height)) = source.size {
        let grain = if source.heavy { ",noise=alls=8:allf=t" } else { "" };
        input(format!("testsrc2=size={width}x{height}:rate={}{grain}", source.fps));
    }
    if let Some((_, rate, _)) = source.audio {
        input(format!("sine=frequency=440:beep_factor=4:sample_rate={rate}"));
    }
    args
}

fn codecs(source: &Source) -> Vec<String> {
    let mut args: Vec<String> = Vec::new();
    let mut add = |options: &str| args.extend(options.split_whitespace().map(str::to_owned));
    if source.size.is_some() {
        let (preset, bitrate) = if source.heavy { ("superfast", "40M") } else { ("ultrafast", "3M") };
        add(&format!("-c:v libx264 -preset {preset} -pix_fmt yuv420p -b:v {bitrate}"));
        add("-force_key_frames expr:gte(t,n_forced*2)");
        add(&format!("-bf {}", source.b_frames));
    }
    if let Some((codec, rate, channels)) = source.audio {
        add(&format!("-c:a {codec} -b:a 128k -ar {rate} -ac {channels}"));
    }
    add(&format!("-t {}", source.seconds));
    args
}
