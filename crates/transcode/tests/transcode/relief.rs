//! Less work while the machine can't keep up: one continuous stream all the same.

use std::num::NonZeroU32;

use media::{MediaDuration, MediaEvent, Timestamp, Track};
use transcode::{DecodeSkip, Options, Relief, Transcoder};

use crate::output::{Output, transcode_with};
use crate::source::{AAC, X264, pictures, publish, tone};

/// Keyframes each second, and pictures that a loop filter has a part in.
const X264_FILTERED: &str =
    "-c:v libx264 -preset veryfast -b:v 200k -g 30 -keyint_min 30 -sc_threshold 0 -bf 0 -pix_fmt yuv420p";

/// Encodes, with the relief that is in force from each of these times of the input on.
fn relieved(options: Options, events: Vec<MediaEvent>, steps: &[(i64, Relief)]) -> Output {
    let mut output = Output::default();
    let mut transcoder = Transcoder::new(options).unwrap();
    let mut steps = steps.iter().peekable();
    for event in events {
        if let MediaEvent::Packet(packet) = &event
            && let Some((_, relief)) = steps.next_if(|(at, _)| packet.dts >= Timestamp::from_millis(*at))
        {
            transcoder.relieve(*relief);
        }
        transcoder.push(event, &mut |event| output.events.push(event)).unwrap();
    }
    output.close(transcoder);
    output.check();
    output
}

fn relief(one_in: u32, faster: usize) -> Relief {
    Relief { one_picture_in: NonZeroU32::new(one_in).unwrap(), faster, ..Relief::default() }
}

#[test]
fn presets_change_at_keyframes_and_back_in_one_stream() {
    let events = publish(&[&pictures("320x180", "30", 11.0), &tone(48_000, 11.0), X264, AAC]);
    let steps = [(1000, relief(1, 1)), (3000, relief(1, 2)), (5000, relief(1, 1)), (7000, relief(1, 0))];
    let output = relieved(Options::default(), events, &steps);
    output.check_grid(MediaDuration::from_millis(1));
    assert_eq!(output.stats.video.preset, "veryfast");
    assert_eq!(output.packets(Track::Video).len(), 330);
    assert!(output.has_one_sequence_parameter_set());
    let video = output.packets(Track::Video);
    let keyframes: Vec<_> = video.iter().filter(|packet| packet.is_keyframe).collect();
    // x264 states its settings in each encoder's first access unit; CABAC is off in ultrafast.
    let states =
        |n: usize, text: &str| keyframes[n].data.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(states(0, "cabac=1") && states(2, "cabac=0") && states(3, "cabac=1"));
}

#[test]
fn pictures_are_left_out_between_keyframes_and_sound_is_not() {
    let events = publish(&[&pictures("320x180", "30", 8.0), &tone(48_000, 8.0), X264, AAC]);
    let whole = relieved(Options::default(), events.clone(), &[]);
    let output = relieved(Options::default(), events, &[(2000, relief(4, 0)), (6000, relief(1, 0))]);
    output.check_grid(MediaDuration::from_millis(1));
    assert_eq!(output.packets(Track::Audio).len(), whole.packets(Track::Audio).len());
    assert_eq!(output.stats.audio, whole.stats.audio);
    let video = output.packets(Track::Video);
    let repeated = output.stats.video.repeated as usize;
    assert_eq!(output.stats.video.skipped as usize, 240 + repeated - video.len());
    assert!(repeated <= 6, "{repeated}");
    assert!((86..=92).contains(&output.stats.video.skipped), "{}", output.stats.video.skipped);
    // Every picture that is left is where it was: sound and picture stay together. Some lead up to longer ones.
    let times: Vec<_> = whole.packets(Track::Video).iter().map(|packet| packet.pts).collect();
    assert_eq!(video.iter().filter(|packet| !times.contains(&packet.pts)).count(), repeated);
    let longest = video.windows(2).map(|pair| pair[1].pts - pair[0].pts).max().unwrap();
    assert!(longest <= MediaDuration::from_millis(134), "{longest}");
}

/// Encodes six seconds, between one and five of which the decoder leaves so much out; the same whole, too.
fn skipping(encoding: &str, decode_skip: DecodeSkip) -> (Output, Output) {
    let events = publish(&[&pictures("320x180", "30", 6.0), &tone(48_000, 6.0), encoding, AAC]);
    let whole = transcode_with(Options::default(), events.clone());
    let skips = Relief { decode_skip, ..Relief::default() };
    let output = relieved(Options::default(), events, &[(1000, skips), (5000, Relief::default())]);
    output.check_grid(MediaDuration::from_millis(34));
    assert_eq!(output.stats.audio, whole.stats.audio);
    let stats = &output.stats.video;
    assert_eq!((stats.decode_errors, stats.undecodable), (0, 0), "{stats:?}");
    // Up to two are held to be put in order, and come at the end.
    assert!((178..=180).contains(&(stats.decoded + stats.skipped)), "{stats:?}");
    (output, whole)
}

/// What a picture is made of, to be compared.
fn data(output: &Output, index: usize) -> &[u8] {
    &output.packets(Track::Video)[index].data
}

#[test]
fn pictures_that_are_not_filtered_are_all_there() {
    let (output, whole) = skipping(X264_FILTERED, DecodeSkip::LoopFilter);
    assert_eq!((output.stats.video.skipped, output.packets(Track::Video).len()), (0, 180));
    assert_eq!(data(&output, 20), data(&whole, 20));
    assert_ne!(data(&output, 75), data(&whole, 75), "it makes a difference");
}

#[test]
fn pictures_that_none_refers_to_are_left_out() {
    let encoding = format!("{X264_FILTERED} -bf 2 -x264-params b-pyramid=none:b-adapt=0");
    let (output, _) = skipping(&encoding, DecodeSkip::NonReference);
    // Two in three, for four seconds.
    assert!((76..=84).contains(&output.stats.video.skipped), "{:?}", output.stats.video);
    let video = output.packets(Track::Video);
    let longest = video.windows(2).map(|pair| pair[1].pts - pair[0].pts).max().unwrap();
    assert!(longest <= MediaDuration::from_millis(134), "{longest}");
}

#[test]
fn keyframes_alone_are_decoded_and_shown_at_once() {
    for b_frames in ["-bf 0", "-bf 2"] {
        let (output, whole) = skipping(&format!("{X264_FILTERED} {b_frames}"), DecodeSkip::NonKey);
        let stats = &output.stats.video;
        // Of 120 there are four keyframes, or five.
        assert!((115..=116).contains(&stats.skipped), "{b_frames}: {stats:?}");
        let video = output.packets(Track::Video);
        let longest = video.windows(2).map(|pair| pair[1].pts - pair[0].pts).max().unwrap();
        assert!(longest <= MediaDuration::from_millis(734), "{b_frames}: {longest}");
        // A publisher's keyframe that comes in the midst of that is shown where it was.
        let shown: Vec<_> = video.iter().map(|packet| packet.pts.since_origin().as_millis()).collect();
        for (_, packet) in whole.packets(Track::Video).iter().enumerate().filter(|(n, _)| n % 30 == 0) {
            let keyframe = packet.pts.since_origin().as_millis();
            if !(1100..5000).contains(&keyframe) {
                continue;
            }
            assert!(shown.contains(&keyframe), "{b_frames}: {keyframe} in {shown:?}");
        }
    }
}
