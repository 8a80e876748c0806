//! Any size, rate, sample format and codec becomes the one output.

use bytes::Bytes;
use media::{AudioCodec, AudioConfig, FrameRate, MediaDuration, MediaEvent, Timestamp, Track};
use transcode::{Options, Transcoder};

use crate::output::{transcode, transcode_with};
use crate::source::{AAC, X264, kept, pictures, publish, run_ffmpeg, sound, tone, without};

/// Publishes test pictures and a tone, with these encoder arguments.
fn clip(size: &str, rate: &str, seconds: f64, encoding: &str) -> Vec<MediaEvent> {
    publish(&[&pictures(size, rate, seconds), &tone(48_000, seconds), encoding, AAC])
}

#[test]
fn full_hd_at_60_is_scaled_and_loses_no_picture() {
    let output = transcode(clip("1920x1080", "60", 4.5, X264));
    let config = output.video_config();
    assert_eq!((config.width, config.height), (1280, 720));
    assert_eq!(config.frame_rate, Some(FrameRate { num: 60, den: 1 }));
    assert_eq!(output.packets(Track::Video).len(), 270);
    output.check_grid(MediaDuration::from_millis(17));
    assert_eq!(output.stats.video.dropped, 0);
    assert_eq!(output.stats.video.input_size, Some((1920, 1080)));
    assert!((output.stats.video.input_frame_rate.unwrap() - 60.0).abs() < 0.5);
}

#[test]
fn hd_at_25_keeps_its_size() {
    let output = transcode(clip("1280x720", "25", 4.5, X264));
    assert_eq!((output.video_config().width, output.video_config().height), (1280, 720));
    assert_eq!(output.keyframes(), [0, 2000, 4000].map(Timestamp::from_millis));
    let config = output.audio_config();
    assert_eq!((config.codec, config.sample_rate, config.channels), (AudioCodec::Aac, 48_000, 2));
    assert_eq!(config.extradata.as_ref()[..2], [0x11, 0x90], "AAC-LC, 48 kHz, stereo");
}

#[test]
fn portrait_stays_portrait() {
    let output = transcode(clip("1080x1920", "30", 2.5, X264));
    assert_eq!((output.video_config().width, output.video_config().height), (404, 720));
}

#[test]
fn a_small_picture_is_not_enlarged() {
    let output = transcode(clip("322x182", "30", 2.5, X264));
    assert_eq!((output.video_config().width, output.video_config().height), (322, 182));
}

#[test]
fn samples_that_are_not_square_become_so() {
    let output = transcode(clip("720x576", "25", 1.5, &format!("{X264} -vf setsar=16/11")));
    assert_eq!((output.video_config().width, output.video_config().height), (1048, 576));
}

#[test]
fn reordered_pictures_come_out_in_order() {
    let encoding = "-c:v libx264 -preset veryfast -bf 3 -g 60 -pix_fmt yuv420p";
    let output = transcode(clip("640x360", "30000/1001", 6.5, encoding));
    assert_eq!(output.packets(Track::Video).len(), 195);
    output.check_grid(MediaDuration::from_millis(34));
}

#[test]
fn film_rate_keeps_to_the_grid() {
    let output = transcode(clip("640x360", "24000/1001", 14.5, X264));
    assert_eq!(output.keyframes().len(), 8);
    output.check_grid(MediaDuration::from_millis(42));
}

#[test]
fn a_varying_rate_keeps_to_the_grid() {
    let thinned = format!("{X264} -vf select=lt(t\\,3)+not(mod(n\\,7)) -vsync vfr");
    let output = transcode(clip("640x360", "30", 9.0, &thinned));
    output.check_grid(MediaDuration::from_millis(7 * 34));
    // Pictures are taken for lost until the other rate has been seen for eight of them.
    assert!(output.stats.video.repeated <= 8 * 6, "{}", output.stats.video.repeated);
}

#[test]
fn lost_pictures_are_replaced_by_the_ones_before_them() {
    let lossy = format!("{X264} -vf select=gt(random(1)\\,0.06) -vsync vfr");
    let output = transcode(clip("320x180", "30", 9.0, &lossy));
    let video = &output.stats.video;
    // One lost at the very beginning or end isn't missed.
    assert!(video.repeated > 5 && (266..=270).contains(&(video.decoded + video.repeated)), "{video:?}");
}

#[test]
fn a_camera_that_wavers_is_shown_evenly() {
    let wavering = "settb=1/1000,setpts='PTS+(random(2)-0.5)*25'";
    let encoding = format!("{X264} -vf {wavering} -vsync passthrough -enc_time_base 1/1000");
    let output = transcode(clip("320x180", "30", 9.0, &encoding));
    let video = output.packets(Track::Video);
    let intervals = video.windows(2).map(|pair| pair[1].dts - pair[0].dts);
    let (shortest, longest) = (intervals.clone().min().unwrap(), intervals.max().unwrap());
    assert!(shortest >= MediaDuration::from_millis(20), "{shortest}");
    assert!(longest <= MediaDuration::from_millis(50), "{longest}");
    assert!(output.stats.video.dropped + output.stats.video.repeated < 10, "{:?}", output.stats.video);
}

#[test]
fn a_rate_above_the_limit_is_thinned() {
    let output = transcode(clip("320x180", "120", 4.5, X264));
    let count = output.packets(Track::Video).len();
    assert!((268..=272).contains(&count), "{count}");
    assert_eq!(output.video_config().frame_rate, Some(FrameRate { num: 60, den: 1 }));
    assert_eq!(output.stats.video.dropped + output.stats.video.encoded, 540);
}

#[test]
fn other_sample_formats_are_converted() {
    let gray = |format: &str, range: &str| {
        let filter = format!("-vf geq=lum=128:cb=128:cr=128,scale=out_range={range},format={format}");
        let encoding = format!("-c:v libx264 -preset ultrafast -color_range {range} {filter}");
        let source = "-f lavfi -i color=gray:s=640x360:r=30:d=0.5";
        let output = transcode(publish(&[source, &encoding]));
        let picture = output.luma_at(Timestamp::ZERO);
        let [cb, cr] = picture.chroma();
        assert!((cb - 128.0).abs() < 2.0 && (cr - 128.0).abs() < 2.0, "{format}: {cb} {cr}");
        picture.mean(0..640, 0..360)
    };
    let plain = gray("yuv420p", "tv");
    for (format, range) in [("yuv422p", "tv"), ("yuv444p", "tv"), ("yuv420p10le", "tv"), ("yuvj420p", "pc")] {
        let luma = gray(format, range);
        assert!((luma - plain).abs() <= 1.5, "{format}: {luma} instead of {plain}");
    }
}

#[test]
fn rgb_becomes_what_the_output_says_it_is() {
    let source = "-f lavfi -i color=red:s=1280x720:r=30:d=0.5,format=gbrp";
    let output = transcode(publish(&[source, "-c:v libx264rgb -preset ultrafast -pix_fmt rgb24"]));
    let picture = output.luma_at(Timestamp::ZERO);
    // ITU-R BT.709 in limited range; BT.601 would give (81, 90, 240).
    let [cb, cr] = picture.chroma();
    let luma = picture.mean(0..1280, 0..720);
    assert!(
        (luma - 63.0).abs() < 2.0 && (cb - 102.0).abs() < 2.0 && (cr - 240.0).abs() < 2.0,
        "{luma} {cb} {cr}"
    );
}

#[test]
fn no_picture_is_held_back() {
    let mut transcoder = Transcoder::new(Options::default()).unwrap();
    let events = clip("640x360", "30", 2.0, &format!("{X264} -tune zerolatency"));
    let mut shown = 0;
    for event in events {
        transcoder
            .push(event, &mut |event| {
                shown +=
                    u64::from(matches!(event, MediaEvent::Packet(packet) if packet.track == Track::Video));
            })
            .unwrap();
        let stats = transcoder.stats().video;
        assert_eq!((stats.packets, stats.decoded, stats.encoded), (shown, shown, shown));
    }
    assert_eq!(shown, 60);
}

#[test]
fn the_bit_rate_is_kept_whatever_picture_rate_is_stated() {
    for (rate, stated_ticks) in [("60", 60), ("15", 60)] {
        let encoding = format!("{X264} -bsf:v h264_metadata=tick_rate={stated_ticks}");
        let noisy = format!("{},noise=alls=20:allf=t", pictures("640x360", rate, 12.0));
        let mut options = Options::default();
        (options.video.width, options.video.height) = (640, 360);
        (options.video.bitrate, options.video.max_bitrate) = (800_000, 1_000_000);
        options.video.buffer_size = 1_000_000;
        let output = transcode_with(options, publish(&[&noisy, &encoding]));
        assert!(output.has_one_sequence_parameter_set());
        let steady = output
            .packets(Track::Video)
            .into_iter()
            .filter(|packet| packet.pts >= Timestamp::from_millis(4000));
        let bits = 8 * steady.map(|packet| packet.data.len()).sum::<usize>() / 8;
        assert!((640_000..960_000).contains(&bits), "{bits} b/s at {rate} pictures a second");
    }
}

#[test]
fn options_decide_size_rate_and_grid() {
    let mut options = Options::default();
    options.video.width = 640;
    options.video.height = 360;
    options.video.bitrate = 300_000;
    options.video.max_bitrate = 400_000;
    options.video.buffer_size = 600_000;
    options.video.keyframe_interval = MediaDuration::from_secs(1);
    options.video.preset = "ultrafast".into();
    options.audio.sample_rate = 44_100;
    options.audio.bitrate = 64_000;
    let mut output = crate::output::Output::default();
    let mut transcoder = Transcoder::new(options).unwrap();
    for event in clip("1280x720", "30", 10.0, X264) {
        transcoder.push(event, &mut |event| output.events.push(event)).unwrap();
    }
    output.close(transcoder);
    assert_eq!((output.video_config().width, output.video_config().height), (640, 360));
    assert_eq!(output.audio_config().sample_rate, 44_100);
    assert_eq!(output.keyframes().len(), 10);
    let bytes: usize = output.packets(Track::Video).iter().map(|packet| packet.data.len()).sum();
    assert!((200_000..450_000).contains(&(bytes * 8 / 10)), "{} b/s", bytes * 8 / 10);
}

#[test]
fn mono_at_44_khz_becomes_stereo_at_48() {
    let seconds = 4.0;
    let output =
        transcode(publish(&[&pictures("320x180", "30", seconds), &tone(44_100, seconds), X264, AAC]));
    assert_eq!(output.stats.audio.input_sample_rate, Some(44_100));
    assert_eq!(output.stats.audio.input_channels, Some(1));
    let frames = output.packets(Track::Audio).len() as i64;
    assert!((frames - 4 * 48_000 / 1024).abs() <= 2, "{frames}");
    assert!(output.stats.audio.filled_samples < 100, "no seam: {:?}", output.stats.audio);
}

#[test]
fn five_point_one_is_mixed_down() {
    let seconds = 2.0;
    let encoding = format!("{AAC} -ac 6");
    let output =
        transcode(publish(&[&pictures("320x180", "30", seconds), &tone(48_000, seconds), X264, &encoding]));
    assert_eq!(output.stats.audio.input_channels, Some(6));
    assert_eq!(output.audio_config().channels, 2);
}

/// Sound of another codec as `ffmpeg` packs it, each packet of so many samples at 48 kHz.
fn coded_sound(codec: AudioCodec, extradata: &[u8], encoding: &str, muxer: &str) -> Vec<MediaEvent> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sound");
    run_ffmpeg(&[&tone(48_000, 3.0), "-ac 2", encoding, "-f", muxer, path.to_str().unwrap()]);
    let mut input = ffmpeg_next::format::input(&path).unwrap();
    let extradata = Bytes::copy_from_slice(extradata);
    let mut events =
        vec![MediaEvent::Audio(AudioConfig { codec, extradata, sample_rate: 48_000, channels: 2 })];
    for (stream, packet) in input.packets() {
        let base = stream.time_base();
        let scale = 90_000.0 * f64::from(base.numerator()) / f64::from(base.denominator());
        let Some(data) = packet.data().filter(|data| !data.is_empty()) else { continue };
        let at = packet.pts().unwrap() as f64 * scale;
        events.push(sound(Timestamp::from_ticks(at.round() as i64), data));
    }
    events
}

#[test]
fn every_audio_codec_is_understood() {
    ffmpeg_next::init().unwrap();
    let opus_head = [&b"OpusHead"[..], &[1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0]].concat();
    for (codec, extradata, encoding, muxer) in [
        (AudioCodec::Mp3, &[][..], "-c:a libmp3lame", "nut"),
        (AudioCodec::Opus, &opus_head, "-c:a libopus", "nut"),
        (AudioCodec::Ac3, &[], "-c:a ac3", "nut"),
        (AudioCodec::Eac3, &[], "-c:a eac3", "nut"),
        (AudioCodec::Flac, &[], "-c:a flac", "nut"),
    ] {
        let output = transcode(coded_sound(codec, extradata, encoding, muxer));
        let frames = output.packets(Track::Audio).len() as i64;
        assert!((frames - 3 * 48_000 / 1024).abs() <= 4, "{codec:?}: {frames} {:?}", output.stats.audio);
        assert_eq!(output.stats.audio.decode_errors, 0, "{codec:?}");
    }
}

#[test]
fn mp3_in_flv_is_understood() {
    let events = publish(&[&pictures("320x180", "30", 2.0), &tone(44_100, 2.0), X264, "-c:a libmp3lame"]);
    let output = transcode(events);
    assert!(output.packets(Track::Audio).len() > 85);
    assert_eq!(output.stats.audio.decode_errors, 0);
}

#[test]
fn pictures_that_are_too_large_are_refused_without_an_allocation() {
    let events = publish(&["-f lavfi -i color=gray:s=7696x4336:r=2:d=1 -c:v libx264 -preset ultrafast"]);
    let output = transcode_with(Options::default(), kept(without(events, Track::Audio), |_| true));
    assert!(output.packets(Track::Video).is_empty());
    assert!(output.stats.video.decode_errors > 0 && output.stats.video.decoded == 0);
}
