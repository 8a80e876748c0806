//! Tracks that are missing, late, or stop.

use media::{MediaDuration, MediaEvent, Packet, Timestamp, Track};
use transcode::{Options, Transcoder};

use crate::output::transcode;
use crate::source::{AAC, X264, kept, pictures, publish, tone, without};

fn clip(seconds: f64) -> Vec<MediaEvent> {
    publish(&[&pictures("320x180", "30", seconds), &tone(48_000, seconds), X264, AAC])
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn ms(millis: i64) -> MediaDuration {
    MediaDuration::from_millis(millis)
}

/// The distance between the ends of the two tracks.
fn skew(output: &crate::output::Output) -> MediaDuration {
    let end = |track| output.packets(track).last().unwrap().pts;
    (end(Track::Video) - end(Track::Audio)).abs()
}

#[test]
fn pictures_alone_get_silence() {
    let output = transcode(without(clip(4.0), Track::Audio));
    assert_eq!(output.packets(Track::Video).len(), 120);
    assert!(skew(&output) < MediaDuration::from_millis(80), "{}", skew(&output));
    assert!(output.stats.audio.filled_samples >= 190_000);
    assert!(matches!(output.events[0], MediaEvent::Video(_)));
    assert!(matches!(output.events[1], MediaEvent::Audio(_)));
}

/// libavcodec's encoder looks a frame ahead, and each frame of AAC overlaps the next.
#[test]
fn sound_waits_for_the_encoder_and_for_nothing_else() {
    transcode::init();
    for late in [-9, 0, 1, 7, 20] {
        let (mut heard, mut said, mut worst) = (0, Timestamp::ZERO, MediaDuration::ZERO);
        // The output begins with the first picture.
        let mut begun = None;
        let mut transcoder = Transcoder::new(Options::default()).unwrap();
        transcoder.start_session(Timestamp::ZERO);
        for event in clip(2.0) {
            let MediaEvent::Packet(mut packet) = event else {
                transcoder.push(event, &mut |_| ()).unwrap();
                continue;
            };
            let is_sound = packet.track == Track::Audio;
            if !is_sound {
                begun.get_or_insert(packet.pts);
            } else {
                (packet.pts, packet.dts) = (packet.pts + ms(late), packet.dts + ms(late));
            }
            let came = packet.pts - begun.unwrap_or(packet.pts);
            transcoder
                .push(MediaEvent::Packet(packet), &mut |event| match event {
                    MediaEvent::Packet(packet) if packet.track == Track::Audio => said = packet.pts,
                    _ => {}
                })
                .unwrap();
            if is_sound && came > ms(1000) {
                (heard, worst) = (heard + 1, worst.max(came - said.since_origin()));
            }
        }
        assert!(heard > 40 && worst < ms(45), "{late}: {worst} of {heard}");
    }
}

#[test]
fn sound_alone_stays_alone() {
    let output = transcode(without(clip(4.0), Track::Video));
    assert!(output.packets(Track::Video).is_empty());
    assert!(matches!(output.events[0], MediaEvent::Audio(_)));
    assert!(output.packets(Track::Audio).len() >= 185);
}

#[test]
fn sound_that_comes_late_replaces_silence() {
    let late = clip(6.0).into_iter().collect::<Vec<_>>();
    let (configs, packets): (Vec<_>, Vec<_>) =
        late.into_iter().partition(|event| matches!(event, MediaEvent::Audio(_)));
    let mut events = kept(packets, |packet| packet.track == Track::Video || packet.pts >= at(3000));
    let first_sound = events
        .iter()
        .position(|event| matches!(event, MediaEvent::Packet(Packet { track: Track::Audio, .. })));
    events.splice(first_sound.unwrap()..first_sound.unwrap(), configs);
    let output = transcode(events);
    let filled = output.stats.audio.filled_samples as i64;
    assert!((filled - 3 * 48_000).abs() < 48_000 / 10, "{filled}");
    assert!(output.stats.audio.dropped_samples < 48_000 / 10, "{:?}", output.stats.audio);
    assert!(skew(&output) < MediaDuration::from_millis(120), "{}", skew(&output));
}

#[test]
fn pictures_that_come_late_join() {
    let output = transcode(kept(clip(6.0), |packet| packet.track == Track::Audio || packet.pts >= at(3000)));
    let video = output.packets(Track::Video);
    let first_sound = output.packets(Track::Audio)[0].pts;
    assert!(first_sound < at(100), "{first_sound}");
    assert!(video[0].pts >= at(2900) && video[0].pts < at(4100), "{}", video[0].pts);
    let announced = output.events.iter().position(|event| matches!(event, MediaEvent::Video(_))).unwrap();
    assert!(announced > 50, "the configuration comes when the pictures do");
}

#[test]
fn sound_that_stops_is_continued_in_silence() {
    let output = transcode(kept(clip(8.0), |packet| packet.track == Track::Video || packet.pts < at(3000)));
    assert!(skew(&output) < MediaDuration::from_millis(80), "{}", skew(&output));
}

#[test]
fn sound_with_a_gap_keeps_its_place() {
    let is_heard =
        |packet: &Packet| packet.track == Track::Video || !(at(2000)..at(2500)).contains(&packet.pts);
    let output = transcode(kept(clip(5.0), is_heard));
    let filled = output.stats.audio.filled_samples as i64;
    assert!((filled - 24_000).abs() < 2048, "{filled}");
    assert!(output.stats.audio.dropped_samples < 2048);
}

#[test]
fn pictures_that_stop_are_repeated_and_segments_go_on() {
    let output = transcode(kept(clip(9.0), |packet| packet.track == Track::Audio || packet.pts < at(3000)));
    assert!(skew(&output) < MediaDuration::from_millis(120), "{}", skew(&output));
    assert_eq!(output.keyframes().len(), 5);
    output.check_grid(MediaDuration::from_millis(34));
    assert!(output.stats.video.repeated > 170, "{}", output.stats.video.repeated);
}

#[test]
fn pictures_that_come_back_go_on_in_their_place() {
    let is_seen =
        |packet: &Packet| packet.track == Track::Audio || !(at(2000)..at(5000)).contains(&packet.pts);
    let output = transcode(kept(clip(8.0), is_seen));
    assert_eq!(output.keyframes().len(), 4);
    assert!(skew(&output) < MediaDuration::from_millis(120), "{}", skew(&output));
    let video = output.packets(Track::Video);
    assert!(video.windows(2).all(|pair| pair[1].pts - pair[0].pts < MediaDuration::from_millis(1100)));
}

#[test]
fn nothing_at_all_gives_nothing() {
    assert!(transcode(Vec::new()).events.is_empty());
}

#[test]
fn a_moment_is_not_lost() {
    let output = transcode(without(clip(0.2), Track::Audio));
    assert_eq!(output.packets(Track::Video).len(), 6, "the end comes before the tracks are known");
}
