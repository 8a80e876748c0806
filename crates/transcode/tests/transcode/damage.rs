//! Damaged input is counted and passed over.

use bytes::Bytes;
use media::{
    AudioCodec, AudioConfig, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec, VideoConfig,
};
use transcode::{Options, Transcoder};

use crate::output::transcode;
use crate::source::{AAC, X264, kept, pictures, publish, shifted, tone};

fn clip(seconds: f64) -> Vec<MediaEvent> {
    publish(&[&pictures("320x180", "30", seconds), &tone(48_000, seconds), X264, AAC])
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Overwrites bytes in the packets that `is_hit` picks.
fn corrupted(events: Vec<MediaEvent>, is_hit: impl Fn(&Packet) -> bool) -> Vec<MediaEvent> {
    let mut random = Random(7);
    let damage = |event| match event {
        MediaEvent::Packet(mut packet) if is_hit(&packet) => {
            let mut data = packet.data.to_vec();
            for _ in 0..data.len() / 8 + 4 {
                let place = random.below(data.len());
                data[place] = random.below(256) as u8;
            }
            packet.data = Bytes::from(data);
            MediaEvent::Packet(packet)
        }
        event => event,
    };
    events.into_iter().map(damage).collect()
}

#[test]
fn a_damaged_picture_is_covered_until_the_next_keyframe() {
    let from = Timestamp::from_millis(1100);
    let until = Timestamp::from_millis(1300);
    let is_hit = |packet: &Packet| packet.track == Track::Video && (from..until).contains(&packet.pts);
    let output = transcode(corrupted(clip(6.0), is_hit));
    assert!(output.stats.video.decode_errors > 0);
    let video = output.packets(Track::Video);
    let times: Vec<_> = video.iter().map(|packet| packet.pts).collect();
    assert!(times.iter().any(|at| *at < from) && *times.last().unwrap() > Timestamp::from_millis(5900));
    let pauses = times.windows(2).filter(|pair| (pair[1] - pair[0]).as_millis() > 100).count();
    assert!(pauses <= 1, "one pause, up to the next keyframe");
    assert!(output.stats.audio.filled_samples < 1100, "sound goes on: {:?}", output.stats.audio);
}

#[test]
fn damaged_sound_leaves_the_picture_alone() {
    let is_hit = |packet: &Packet| packet.track == Track::Audio && packet.pts.ticks() % 7 == 0;
    let output = transcode(corrupted(clip(4.0), is_hit));
    assert_eq!(output.packets(Track::Video).len(), 120);
    assert!(output.packets(Track::Audio).len() >= 180);
}

#[test]
fn anything_at_all_is_survived() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let mut transcoder = Transcoder::new(Options::default()).unwrap();
        let mut last = [Timestamp::from_ticks(-1); 2];
        for event in clip(2.0) {
            let event = match event {
                MediaEvent::Packet(mut packet) => {
                    let mut data = packet.data.to_vec();
                    match random.below(6) {
                        0 => data.truncate(random.below(data.len().max(1))),
                        1 => data.clear(),
                        2 => data.iter_mut().for_each(|byte| *byte ^= random.below(256) as u8),
                        3 => packet.dts = Timestamp::from_ticks(random.below(1 << 30) as i64),
                        4 => packet.pts = Timestamp::from_ticks(random.below(1 << 30) as i64),
                        _ => {}
                    }
                    packet.is_keyframe ^= random.below(10) == 0;
                    packet.data = Bytes::from(data);
                    MediaEvent::Packet(packet)
                }
                MediaEvent::Video(mut config) if seed % 2 == 1 => {
                    config.extradata = config.extradata.slice(..random.below(config.extradata.len()));
                    MediaEvent::Video(config)
                }
                other => other,
            };
            transcoder
                .push(event, &mut |event| {
                    if let MediaEvent::Packet(packet) = event {
                        let last = &mut last[usize::from(packet.track == Track::Audio)];
                        assert!(packet.dts > *last);
                        *last = packet.dts;
                    }
                })
                .unwrap();
        }
        transcoder.finish(&mut |_| {}).unwrap();
    }
}

#[test]
fn without_a_keyframe_there_is_no_picture() {
    let events = kept(clip(20.0), |packet| !(packet.track == Track::Video && packet.is_keyframe));
    let count = events.len() as u64;
    let output = transcode(events);
    assert!(output.packets(Track::Video).is_empty());
    assert!(output.packets(Track::Audio).len() > 930);
    assert_eq!(output.stats.video.undecodable, output.stats.video.packets);
    assert_eq!(output.stats.video.packets + output.stats.audio.packets, count - 2);
}

#[test]
fn packets_without_a_configuration_are_counted() {
    let events = clip(1.0).into_iter().filter(|event| matches!(event, MediaEvent::Packet(_))).collect();
    let output = transcode(events);
    assert!(output.events.is_empty());
    assert_eq!(output.stats.video.undecodable, 30);
    assert!(output.stats.audio.undecodable > 40);
}

#[test]
fn a_damaged_configuration_is_survived() {
    let mut events = clip(2.0);
    events.extend([
        MediaEvent::Video(VideoConfig {
            codec: VideoCodec::H264,
            extradata: Bytes::from_static(&[1, 100, 0, 31, 0xff, 0xe1, 0xff, 0xff, 0x67]),
            width: 0,
            height: 0,
            frame_rate: None,
        }),
        MediaEvent::Audio(AudioConfig {
            codec: AudioCodec::Aac,
            extradata: Bytes::from_static(&[0xff]),
            sample_rate: 0,
            channels: 0,
        }),
    ]);
    events.extend(shifted(clip(2.0), MediaDuration::from_secs(2)));
    let output = transcode(events);
    assert_eq!(output.packets(Track::Video).len(), 120, "the good configuration that follows counts");
    assert!(output.stats.video.decode_errors + output.stats.audio.decode_errors > 0);
}

#[test]
fn a_lost_stretch_resumes_at_a_keyframe() {
    let gap = Timestamp::from_millis(1200)..Timestamp::from_millis(1700);
    let output =
        transcode(kept(clip(4.0), |packet| packet.track == Track::Audio || !gap.contains(&packet.pts)));
    assert!(output.packets(Track::Video).len() >= 90);
    assert!(output.packets(Track::Video).last().unwrap().pts > Timestamp::from_millis(3900));
}
