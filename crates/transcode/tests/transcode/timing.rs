//! Sessions, pauses, jumps: output time only moves forward.

use media::{MediaDuration, MediaEvent, Packet, Timestamp, Track};
use transcode::{Options, Transcoder};

use crate::output::{Output, sessions, transcode};
use crate::source::{AAC, X264, kept, pictures, publish, shifted, tone};

fn clip(size: &str, seconds: f64) -> Vec<MediaEvent> {
    publish(&[&pictures(size, "30", seconds), &tone(48_000, seconds), X264, AAC])
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn hours(hours: i64) -> MediaDuration {
    MediaDuration::from_secs(3600 * hours)
}

#[test]
fn output_starts_where_it_is_asked_to() {
    let output = sessions(Options::default(), vec![(at(7000), shifted(clip("320x180", 1.0), hours(5)))]);
    assert_eq!(output.packets(Track::Video)[0].pts, at(7000));
    let sound = output.packets(Track::Audio)[0].pts;
    assert!(sound >= at(7000) && sound < at(7030), "{sound}");
}

#[test]
fn a_second_session_of_another_shape_goes_on_in_the_same_picture() {
    let first = clip("1280x720", 2.5);
    let second = shifted(clip("360x640", 3.0), -hours(1));
    let output = sessions(Options::default(), vec![(at(0), first), (at(4000), second)]);
    assert_eq!((output.video_config().width, output.video_config().height), (1280, 720));
    output.check_grid(MediaDuration::from_millis(34));
    assert_eq!(output.keyframes().len(), 4);
    // The pause between 2.5 s and 4 s is filled at 30 pictures a second.
    let repeated = output.stats.video.repeated;
    assert!((43..=47).contains(&repeated), "{repeated}");
    let picture = output.luma_at(at(5500));
    let left = (picture.width - 404) / 2;
    for (name, columns) in [("left", 0..left - 2), ("right", left + 406..picture.width)] {
        let luma = picture.mean(columns, 0..picture.height);
        assert!((luma - 16.0).abs() < 1.0, "{name} bar: {luma}");
    }
    assert!(picture.mean(left + 8..left + 396, 0..picture.height) > 60.0);
}

#[test]
fn a_short_pause_between_sessions_leaves_no_trace() {
    let output =
        sessions(Options::default(), vec![(at(0), clip("320x180", 3.0)), (at(0), clip("320x180", 3.0))]);
    let video = output.packets(Track::Video);
    assert!(video.windows(2).all(|pair| pair[1].pts - pair[0].pts <= MediaDuration::from_millis(80)));
    output.check_grid(MediaDuration::from_millis(68));
}

#[test]
fn a_session_does_not_cut_the_picture_before_it_short() {
    let session = clip("320x180", 1.0);
    for begins in [4000, 4005, 4015, 4025] {
        // The rhythm of every output is checked.
        sessions(Options::default(), vec![(at(0), session.clone()), (at(begins), session.clone())]);
    }
}

#[test]
fn a_long_pause_stays_a_hole() {
    let output =
        sessions(Options::default(), vec![(at(0), clip("320x180", 2.0)), (at(60_000), clip("320x180", 2.0))]);
    assert!(output.stats.video.repeated < 3);
    assert!(output.stats.audio.filled_samples < 48_000 / 5);
    let sound = output.packets(Track::Audio);
    let resumed = sound.iter().find(|packet| packet.pts > at(10_000)).unwrap().pts;
    assert!((resumed - at(60_000)).abs() < MediaDuration::from_millis(25), "{resumed}");
}

#[test]
fn silence_of_the_publisher_is_filled_on_demand() {
    let mut output = Output::default();
    let mut transcoder = Transcoder::new(Options::default()).unwrap();
    transcoder.fill_until(at(5000), &mut |_| panic!("nothing before the first output")).unwrap();
    let mut feed = |transcoder: &mut Transcoder, events: Vec<MediaEvent>| {
        for event in events {
            transcoder.push(event, &mut |event| output.events.push(event)).unwrap();
        }
    };
    feed(&mut transcoder, clip("320x180", 2.0));
    let before = transcoder.position();
    for millis in (2500..=20_000).step_by(500) {
        transcoder.fill_until(at(millis), &mut |event| output.events.push(event)).unwrap();
        let position = transcoder.position();
        assert!(position >= at(millis) && position < at(millis + 40), "{position}");
    }
    assert!(transcoder.position() > before);
    transcoder.start_session(at(0));
    let mut feed = |transcoder: &mut Transcoder, events: Vec<MediaEvent>| {
        for event in events {
            transcoder.push(event, &mut |event| output.events.push(event)).unwrap();
        }
    };
    feed(&mut transcoder, clip("640x360", 3.0));
    output.close(transcoder);
    output.check();
    output.check_grid(MediaDuration::from_millis(68));
    assert_eq!(output.keyframes().len(), 12);
    // Filled to 20 s at 30 pictures a second.
    assert!((536..=544).contains(&output.stats.video.repeated), "{}", output.stats.video.repeated);
}

#[test]
fn the_resolution_may_change_in_the_midst() {
    let mut events = clip("640x360", 3.0);
    events.extend(shifted(clip("1280x720", 3.0), MediaDuration::from_secs(3)));
    let output = transcode(events);
    assert_eq!((output.video_config().width, output.video_config().height), (640, 360));
    assert_eq!(output.packets(Track::Video).len(), 180);
    assert_eq!(output.stats.video.input_size, Some((1280, 720)));
    output.check_grid(MediaDuration::from_millis(68));
}

#[test]
fn the_sample_rate_may_change_in_the_midst() {
    let other = publish(&[&pictures("320x180", "30", 3.0), &tone(44_100, 3.0), X264, AAC, "-ac 1"]);
    let mut events = clip("320x180", 3.0);
    events.extend(shifted(other, MediaDuration::from_secs(3)));
    let output = transcode(events);
    assert_eq!(output.stats.audio.input_sample_rate, Some(44_100));
    assert!(output.stats.audio.filled_samples + output.stats.audio.dropped_samples < 6000);
    assert!(output.packets(Track::Audio).len() >= 279);
}

#[test]
fn a_clock_that_jumps_does_not_move_the_output() {
    for jump in [hours(3), -MediaDuration::from_secs(40), MediaDuration::from_secs(20)] {
        let mut events = shifted(clip("320x180", 3.0), MediaDuration::from_secs(100));
        events.extend(shifted(clip("320x180", 3.0), MediaDuration::from_secs(103) + jump));
        let output = transcode(events);
        let end = output.packets(Track::Video).last().unwrap().pts;
        assert!(end > at(5500) && end < at(6500), "{jump}: {end}");
        assert_eq!(output.stats.timestamp_jumps, 1, "{jump}");
        assert!(output.stats.video.repeated < 5 && output.stats.audio.filled_samples < 10_000);
    }
}

#[test]
fn a_pause_within_a_session_is_filled() {
    let mut events = clip("320x180", 3.0);
    events.extend(shifted(clip("320x180", 3.0), MediaDuration::from_secs(8)));
    let output = transcode(events);
    output.check_grid(MediaDuration::from_millis(68));
    assert_eq!(output.keyframes().len(), 6);
    let largest_skew = largest_skew(&output);
    assert!(largest_skew < MediaDuration::from_millis(1400), "{largest_skew}");
}

/// How far the tracks drift apart in the order in which packets come out.
fn largest_skew(output: &Output) -> MediaDuration {
    let mut newest = [Timestamp::ZERO; 2];
    let mut largest = MediaDuration::ZERO;
    for event in &output.events {
        if let MediaEvent::Packet(packet) = event {
            newest[usize::from(packet.track == Track::Audio)] = packet.pts;
            largest = largest.max((newest[0] - newest[1]).abs());
        }
    }
    largest
}

#[test]
fn tracks_come_out_side_by_side() {
    let encoding = "-c:v libx264 -preset veryfast -bf 3 -pix_fmt yuv420p";
    let events = publish(&[&pictures("320x180", "30", 5.0), &tone(44_100, 5.0), encoding, AAC]);
    let skew = largest_skew(&transcode(events));
    assert!(skew < MediaDuration::from_millis(250), "{skew}");
}

#[test]
fn a_track_that_stood_still_alone_is_seen_and_heard_again() {
    for still in [Track::Video, Track::Audio] {
        // From 2 s on, one track's packets come 4 s later than they say.
        let mut events: Vec<_> =
            clip("320x180", 12.0).into_iter().map(|event| (arrival(&event, still), event)).collect();
        events.sort_by_key(|(at, _)| *at);
        let output = transcode(events.into_iter().map(|(_, event)| event).collect());
        let (video, audio) = (&output.stats.video, &output.stats.audio);
        match still {
            Track::Video => assert!(video.dropped < 75 && video.repeated > 100, "{video:?}"),
            Track::Audio => {
                assert!(audio.dropped_samples < 120_000 && audio.filled_samples > 160_000, "{audio:?}");
            }
        }
    }
}

#[test]
fn a_track_that_comes_a_little_after_the_other_is_back_after_a_gap() {
    let gap = at(3000)..at(4500);
    for (late_track, late) in
        [(Track::Video, 60), (Track::Video, 300), (Track::Audio, 60), (Track::Audio, 300)]
    {
        let late = MediaDuration::from_millis(late);
        let is_late = |packet: &Packet| packet.track == late_track;
        let events = kept(clip("320x180", 9.0), |packet| !is_late(packet) || !gap.contains(&packet.dts));
        let mut events: Vec<_> = events
            .into_iter()
            .map(|event| match &event {
                MediaEvent::Packet(packet) if is_late(packet) => (packet.dts + late, event),
                MediaEvent::Packet(packet) => (packet.dts, event),
                MediaEvent::Video(_) | MediaEvent::Audio(_) => (at(-1000), event),
            })
            .collect();
        events.sort_by_key(|(at, _)| *at);
        let output = transcode(events.into_iter().map(|(_, event)| event).collect());
        let (video, audio) = (&output.stats.video, &output.stats.audio);
        match late_track {
            Track::Video => assert!(video.dropped < 15 && video.repeated < 120, "{late}: {video:?}"),
            Track::Audio => {
                assert!(audio.dropped_samples < 24_000 && audio.filled_samples < 96_000, "{late}: {audio:?}");
            }
        }
    }
}

fn arrival(event: &MediaEvent, still: Track) -> Timestamp {
    match event {
        MediaEvent::Packet(packet) if packet.track == still && packet.dts >= at(2000) => {
            packet.dts + MediaDuration::from_secs(4)
        }
        MediaEvent::Packet(packet) => packet.dts,
        MediaEvent::Video(_) | MediaEvent::Audio(_) => at(-1000),
    }
}
