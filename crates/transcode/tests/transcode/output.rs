//! What came out: the promises that hold for any output, and the `ffmpeg` program as a judge.

use std::fs;
use std::process::Command;

use media::{AudioConfig, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoConfig};
use transcode::{Options, Stats, Transcoder};

/// Events in the order in which they came out.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) events: Vec<MediaEvent>,
    pub(crate) stats: Stats,
}

/// Transcodes one session with default options.
pub(crate) fn transcode(events: Vec<MediaEvent>) -> Output {
    transcode_with(Options::default(), events)
}

pub(crate) fn transcode_with(options: Options, events: Vec<MediaEvent>) -> Output {
    sessions(options, vec![(Timestamp::ZERO, events)])
}

/// Transcodes one session after the other, each to go on at its time, and checks the output.
pub(crate) fn sessions(options: Options, sessions: Vec<(Timestamp, Vec<MediaEvent>)>) -> Output {
    transcode::init();
    let mut output = Output::default();
    let mut transcoder = Transcoder::new(options).unwrap();
    for (at, events) in sessions {
        transcoder.start_session(at);
        for event in events {
            transcoder.push(event, &mut |event| output.events.push(event)).unwrap();
        }
    }
    output.close(transcoder);
    output.check();
    output
}

impl Output {
    pub(crate) fn close(&mut self, transcoder: Transcoder) {
        self.stats = transcoder.stats();
        transcoder.finish(&mut |event| self.events.push(event)).unwrap();
    }

    pub(crate) fn packets(&self, track: Track) -> Vec<&Packet> {
        let packets = self.events.iter().filter_map(|event| match event {
            MediaEvent::Packet(packet) => Some(packet),
            _ => None,
        });
        packets.filter(|packet| packet.track == track).collect()
    }

    pub(crate) fn keyframes(&self) -> Vec<Timestamp> {
        let video = self.packets(Track::Video);
        video.iter().filter(|packet| packet.is_keyframe).map(|packet| packet.pts).collect()
    }

    /// Whether all keyframes come with the same sequence parameter set: what the playlist says of the codec stays true.
    pub(crate) fn has_one_sequence_parameter_set(&self) -> bool {
        let sequence = |data: &[u8]| {
            let start = data.windows(4).position(|window| window == [0, 0, 1, 0x67]).unwrap();
            let end = data[start + 3..].windows(3).position(|window| window == [0, 0, 1]).unwrap();
            data[start..start + 3 + end].to_vec()
        };
        let keyframes = self.packets(Track::Video).into_iter().filter(|packet| packet.is_keyframe);
        let sets: std::collections::BTreeSet<_> = keyframes.map(|packet| sequence(&packet.data)).collect();
        sets.len() == 1
    }

    pub(crate) fn video_config(&self) -> &VideoConfig {
        let mut configs = self.events.iter().filter_map(|event| match event {
            MediaEvent::Video(config) => Some(config),
            _ => None,
        });
        let config = configs.next().unwrap();
        assert!(configs.next().is_none(), "the video configuration never changes");
        config
    }

    pub(crate) fn audio_config(&self) -> &AudioConfig {
        let mut configs = self.events.iter().filter_map(|event| match event {
            MediaEvent::Audio(config) => Some(config),
            _ => None,
        });
        let config = configs.next().unwrap();
        assert!(configs.next().is_none(), "the audio configuration never changes");
        config
    }

    /// Keyframes are one grid step apart, each at most a frame late.
    pub(crate) fn check_grid(&self, frame: MediaDuration) {
        let keyframes = self.keyframes();
        let last = self.packets(Track::Video).last().unwrap().pts;
        for (n, at) in keyframes.iter().enumerate() {
            let late = (*at - keyframes[0]) - MediaDuration::from_secs(2 * n as i64);
            assert!(late >= MediaDuration::ZERO && late <= frame, "keyframe {n} at {at}");
        }
        assert_eq!(keyframes.len() as i64, (last - keyframes[0]).as_millis() / 2000 + 1);
    }

    /// No picture lasts more than twice as long as the one before it: hls.js and Chromium take that for a break where a part
    /// ends between them, and show nothing up to the next keyframe. A pause too long to be filled is one.
    fn check_rhythm(&self) {
        let video = self.packets(Track::Video);
        for of in video.windows(3) {
            let (before, after) = (of[1].dts - of[0].dts, of[2].dts - of[1].dts);
            let is_hole = after > MediaDuration::from_secs(10);
            assert!(is_hole || after <= before + before, "at {}: {before}, then {after}", of[1].dts);
        }
    }

    /// What every output keeps, whatever came in.
    pub(crate) fn check(&self) {
        self.check_order();
        self.check_rhythm();
        self.check_access_units();
        self.check_sound();
        self.check_decodes();
    }

    fn check_order(&self) {
        let is_packet =
            |event: &MediaEvent, of| matches!(event, MediaEvent::Packet(packet) if packet.track == of);
        for (track, config) in [(Track::Video, 0), (Track::Audio, 1)] {
            let configured = self.events.iter().position(|event| match event {
                MediaEvent::Video(_) => config == 0,
                MediaEvent::Audio(_) => config == 1,
                MediaEvent::Packet(_) => false,
            });
            let first = self.events.iter().position(|event| is_packet(event, track));
            assert!(first.is_none() || configured < first, "{track:?} begins with its configuration");
            let packets = self.packets(track);
            assert!(packets.iter().all(|packet| packet.pts == packet.dts && packet.pts >= Timestamp::ZERO));
            assert!(packets.windows(2).all(|pair| pair[0].dts < pair[1].dts), "{track:?} only moves forward");
        }
    }

    fn check_access_units(&self) {
        for packet in self.packets(Track::Video) {
            let types = nal_types(&packet.data);
            assert_eq!(types[0], 9, "an access unit begins with its delimiter");
            if packet.is_keyframe {
                assert_eq!(types[1..3], [7, 8], "parameter sets come in band");
                assert!(types.contains(&5) && !types.contains(&1), "a keyframe is an IDR picture");
            } else {
                assert!(types.contains(&1) && !types.contains(&5));
            }
        }
        let video = self.packets(Track::Video);
        if let Some(first) = video.first() {
            assert!(first.is_keyframe);
            assert_eq!(nal_types(&self.video_config().extradata), [7, 8]);
        }
    }

    fn check_sound(&self) {
        let sound = self.packets(Track::Audio);
        let Some(first) = sound.first() else { return };
        assert!(!first.data.starts_with(&[0xff, 0xf1]), "no ADTS");
        for pair in sound.windows(2) {
            let step = (pair[1].pts - pair[0].pts).ticks();
            // A hole is the exception that a test must ask for by its own checks.
            assert!(
                step == 1920 || step > 10 * 90_000,
                "sound at {} goes on after {step} ticks",
                pair[0].pts
            );
        }
    }

    /// `ffmpeg` decodes both tracks without a complaint, one frame for each packet.
    fn check_decodes(&self) {
        let folder = tempfile::tempdir().unwrap();
        for (track, name, map) in [(Track::Video, "out.h264", "v"), (Track::Audio, "out.aac", "a")] {
            let count = self.packets(track).len();
            if count == 0 {
                continue;
            }
            let path = folder.path().join(name);
            fs::write(&path, self.elementary_stream(track)).unwrap();
            let decoded = Command::new("ffprobe")
                .args(["-v", "warning", "-count_frames", "-select_streams", map])
                .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"])
                .arg(&path)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&decoded.stderr).into_owned();
            // Raw ADTS has no index; ffprobe says so of every file.
            let said: Vec<_> = said.lines().filter(|line| !line.contains("Estimating duration")).collect();
            assert!(said.is_empty(), "{said:?}");
            assert_eq!(String::from_utf8_lossy(&decoded.stdout).trim(), count.to_string());
        }
    }

    /// A track's packets as a file that `ffmpeg` reads: an Annex B stream, or ADTS.
    pub(crate) fn elementary_stream(&self, track: Track) -> Vec<u8> {
        let mut stream = Vec::new();
        for packet in self.packets(track) {
            if track == Track::Audio {
                stream.extend(adts_header(self.audio_config(), packet.data.len()));
            }
            stream.extend(&packet.data);
        }
        stream
    }

    /// The first picture at or after `at`, its luma as `ffmpeg` decodes it, and its size.
    pub(crate) fn luma_at(&self, at: Timestamp) -> Luma {
        let video = self.packets(Track::Video);
        let index = video.iter().position(|packet| packet.pts >= at).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.h264");
        fs::write(&path, self.elementary_stream(Track::Video)).unwrap();
        let filter =
            format!("-vf select=eq(n\\,{index}) -vsync passthrough -f rawvideo -pix_fmt yuv420p pipe:1");
        let samples = crate::source::run_ffmpeg(&["-i", path.to_str().unwrap(), &filter]);
        let config = self.video_config();
        let (width, height) = (config.width as usize, config.height as usize);
        assert_eq!(samples.len(), width * height * 3 / 2);
        Luma { width, height, samples }
    }
}

/// A decoded picture.
pub(crate) struct Luma {
    pub(crate) width: usize,
    pub(crate) height: usize,
    samples: Vec<u8>,
}

impl Luma {
    /// The mean luma of the rectangle that spans these columns and rows.
    pub(crate) fn mean(&self, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> f64 {
        let count = (columns.len() * rows.len()) as f64;
        let row = |y: usize| {
            self.samples[y * self.width..][columns.clone()].iter().map(|s| f64::from(*s)).sum::<f64>()
        };
        rows.map(row).sum::<f64>() / count
    }

    /// The mean of each chroma plane.
    pub(crate) fn chroma(&self) -> [f64; 2] {
        let plane = self.width * self.height / 4;
        let chroma = &self.samples[self.width * self.height..];
        [0, 1].map(|n| chroma[n * plane..][..plane].iter().map(|s| f64::from(*s)).sum::<f64>() / plane as f64)
    }
}

fn nal_types(access_unit: &[u8]) -> Vec<u8> {
    let starts = access_unit.windows(4).filter(|window| window[..3] == [0, 0, 1]);
    starts.map(|window| window[3] & 0x1f).collect()
}

/// ISO/IEC 13818-7 §6.2, for AAC-LC without CRC.
fn adts_header(config: &AudioConfig, length: usize) -> [u8; 7] {
    let rate = (config.extradata[0] & 7) << 1 | config.extradata[1] >> 7;
    let channels = config.extradata[1] >> 3 & 0xf;
    let length = length + 7;
    [
        0xff,
        0xf1,
        1 << 6 | rate << 2 | channels >> 2,
        (channels & 3) << 6 | (length >> 11) as u8,
        (length >> 3) as u8,
        ((length & 7) << 5) as u8 | 0x1f,
        0xfc,
    ]
}
