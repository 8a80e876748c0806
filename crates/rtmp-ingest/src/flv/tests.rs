use super::*;
use media::{AudioConfig, FrameRate, Timestamp, VideoConfig};
use proptest::prelude::*;

/// Feeds messages to a new demuxer.
fn demux(messages: &[(Track, u32, Vec<u8>)]) -> (Vec<MediaEvent>, Stats) {
    let mut demuxer = Demuxer::new(8192);
    let (mut events, mut stats) = (Vec::new(), Stats::default());
    for (track, millis, message) in messages {
        let message = Bytes::copy_from_slice(message);
        demuxer.push(*track, *millis, &message, &mut stats, |event| events.push(event));
    }
    (events, stats)
}

fn video(messages: &[&[u8]]) -> (Vec<MediaEvent>, Stats) {
    demux(&messages.iter().map(|message| (Track::Video, 0, message.to_vec())).collect::<Vec<_>>())
}

fn audio(messages: &[&[u8]]) -> (Vec<MediaEvent>, Stats) {
    demux(&messages.iter().map(|message| (Track::Audio, 0, message.to_vec())).collect::<Vec<_>>())
}

fn only_video_config(events: &[MediaEvent]) -> &VideoConfig {
    match events {
        [MediaEvent::Video(config)] => config,
        other => panic!("{other:?}"),
    }
}

fn only_audio_config(events: &[MediaEvent]) -> &AudioConfig {
    match events {
        [MediaEvent::Audio(config)] => config,
        other => panic!("{other:?}"),
    }
}

/// A baseline SPS for a picture of so many macroblocks, without cropping.
fn sps(width_in_mbs: u32, height_in_mbs: u32) -> Vec<u8> {
    let mut bits = String::new();
    let ue = |value: u32| {
        let code = format!("{:b}", value + 1);
        "0".repeat(code.len() - 1) + &code
    };
    for value in [0, 0, 2, 1] {
        bits += &ue(value); // id, log2_max_frame_num, pic_order_cnt_type, max_num_ref_frames
    }
    bits += "0"; // no gaps
    bits += &(ue(width_in_mbs - 1) + &ue(height_in_mbs - 1));
    bits += "11001"; // frames only, 8x8 inference, no cropping, no VUI, stop bit
    bits += &"0".repeat(bits.len().next_multiple_of(8) - bits.len());
    let body = bits.as_bytes().chunks(8).map(|byte| byte.iter().fold(0, |v, bit| v << 1 | (bit - b'0')));
    [0x67, 66, 0, 62].into_iter().chain(body).collect()
}

fn avcc(sps: &[u8]) -> Vec<u8> {
    let mut record = vec![1, 66, 0, 62, 0xFF, 0xE1];
    record.extend_from_slice(&(sps.len() as u16).to_be_bytes());
    record.extend_from_slice(sps);
    record.extend_from_slice(&[1, 0, 2, 0x68, 0xCE]);
    record
}

fn avc_config(record: &[u8]) -> Vec<u8> {
    [&[0x17, 0, 0, 0, 0], record].concat()
}

fn avc_frame(units: &[&[u8]]) -> Vec<u8> {
    let mut frame = vec![0x17, 1, 0, 0, 0];
    for unit in units {
        frame.extend_from_slice(&(unit.len() as u32).to_be_bytes());
        frame.extend_from_slice(unit);
    }
    frame
}

#[test]
fn an_avc_record_gives_the_picture_and_each_unit_its_length() {
    let config = avc_config(&avcc(&sps(80, 45)));
    let (events, stats) = video(&[&config, &config, &avc_frame(&[&[0x65, 1], &[]])]);
    assert_eq!(events.len(), 2, "a repeated configuration is no event");
    let config = only_video_config(&events[..1]);
    assert_eq!((config.width, config.height, config.frame_rate), (1280, 720, None));
    assert_eq!((stats.video_packets, stats.corrupt_access_units), (1, 0));
}

#[test]
fn a_padded_sps_is_read() {
    let padded = [sps(80, 45), vec![0, 0]].concat();
    assert_eq!(only_video_config(&video(&[&avc_config(&avcc(&padded))]).0).width, 1280);
}

#[test]
fn the_limit_on_pictures_holds_in_and_out_of_band() {
    assert_eq!(video(&[&avc_config(&avcc(&sps(1024, 1024)))]).1.rejected_configs, 1, "16384x16384");
    assert_eq!(video(&[&avc_config(&avcc(&sps(512, 270)))]).1.rejected_configs, 0, "8192x4320");
    let too_large = sps(1024, 8);
    let (events, stats) = video(&[&avc_config(&avcc(&too_large)), &avc_frame(&[&[0x65, 1]])]);
    assert_eq!(events, [], "16384x128");
    assert_eq!((stats.rejected_configs, stats.unconfigured_access_units), (1, 1));

    let good = avc_config(&avcc(&sps(80, 45)));
    let (_, stats) =
        video(&[&good, &avc_frame(&[&too_large, &[0x65, 1]]), &avc_frame(&[&sps(80, 45), &[0x65, 1]])]);
    assert_eq!((stats.corrupt_access_units, stats.video_packets), (1, 1));
}

#[test]
fn broken_avc_records_are_rejected() {
    let good = avcc(&sps(80, 45));
    for length in 0..good.len() {
        let (events, stats) = video(&[&avc_config(&good[..length])]);
        assert_eq!((events.len(), stats.rejected_configs), (0, 1), "{length} bytes");
    }
    let replaced = |at: usize, value: u8| {
        let mut record = good.clone();
        record[at] = value;
        video(&[&avc_config(&record)]).1.rejected_configs
    };
    assert_eq!(replaced(0, 2), 1, "version");
    assert_eq!(replaced(4, 0xFE), 1, "lengths of three bytes");
    assert_eq!(replaced(7, 0), 1, "an empty SPS");
    assert_eq!(replaced(8, 0x68), 1, "a PPS for an SPS");
    assert_eq!(video(&[&avc_config(&avcc(&[0x67, 66, 0, 62, 0xFF]))]).1.rejected_configs, 1, "nonsense");
}

#[test]
fn a_rejected_record_silences_the_track_until_a_good_one() {
    let good = avc_config(&avcc(&sps(80, 45)));
    let frame = avc_frame(&[&[0x65, 1]]);
    let (events, stats) = video(&[&good, &avc_config(&[1]), &frame, &good, &frame]);
    assert_eq!(events.len(), 3, "{events:?}");
    assert_eq!((stats.unconfigured_access_units, stats.video_packets), (1, 1));
}

#[test]
fn access_units_whose_lengths_dont_add_up_are_dropped() {
    let good = avc_config(&avcc(&sps(80, 45)));
    for body in [&[0, 0, 0, 9, 0x65][..], &[0, 0, 0], &[0xFF, 0xFF, 0xFF, 0xFF, 0x65], &[0, 0, 0, 0]] {
        let (_, stats) = video(&[&good, &[&[0x17, 1, 0, 0, 0], body].concat()]);
        assert_eq!((stats.corrupt_access_units, stats.video_packets), (1, 0), "{body:?}");
    }
}

#[test]
fn keyframes_are_idr_pictures_or_claimed_recovery_points() {
    let good = avc_config(&avcc(&sps(80, 45)));
    let recovery: &[u8] = &[6, 5, 1, 0xAA, 6, 1, 0xC0, 0x80];
    let claimed = |units: &[&[u8]]| avc_frame(units);
    let plain = |units: &[&[u8]]| [&[0x27], &avc_frame(units)[1..]].concat();
    for (frame, expected) in [
        (claimed(&[&[0x65, 1]]), true),
        (plain(&[&[0x65, 1]]), true),
        (claimed(&[&[0x41, 1]]), false),
        (claimed(&[recovery, &[0x41, 1]]), true),
        (plain(&[recovery, &[0x41, 1]]), false),
        (claimed(&[&[6, 5, 0xFF, 0xFF, 1], &[0x41, 1]]), false),
    ] {
        let (events, _) = video(&[&good, &frame]);
        let Some(MediaEvent::Packet(packet)) = events.get(1) else { panic!("{events:?}") };
        assert_eq!(packet.is_keyframe, expected, "{frame:?}");
    }
}

#[test]
fn what_holds_no_media_yields_nothing() {
    let (events, stats) = video(&[&[], &[0x17], &[0x57, 0], &[0x17, 2, 0, 0, 0], &[0x17, 1, 0, 0, 0]]);
    assert_eq!((events, stats), (vec![], Stats::default()));
    let (events, stats) = audio(&[&[], &[0xAF], &[0xAF, 1], &[0x2F]]);
    assert_eq!((events, stats), (vec![], Stats::default()));
}

#[test]
fn foreign_codecs_are_counted() {
    let (_, stats) = video(&[&[0x12, 0, 0], &[0x14, 1], b"\x90vvc1xxxx", b"\x91vp08"]);
    assert_eq!(stats.unsupported_media, 4);
    let (_, stats) = audio(&[&[0xB2, 1], &[0x72, 1], b"\x90abcd"]);
    assert_eq!(stats.unsupported_media, 3);
}

#[test]
fn audio_specific_configs() {
    for (asc, expected) in [
        (&[0x12, 0x10][..], Some((44_100, 2))),
        (&[0x11, 0x88, 0x56, 0xE5, 0x00], Some((48_000, 1))),
        (&[0x2B, 0x11, 0x88, 0x00], Some((48_000, 2))), // explicit SBR over 24 kHz
        (&[0x17, 0x80, 0x5D, 0xC0, 0x10], Some((48_000, 2))), // an explicit rate
        (&[0x11, 0x80], Some((48_000, 0))),             // channels in a program config element
        (&[0x11, 0xB8], Some((48_000, 8))),
        (&[0x16, 0x90], None),             // reserved rate
        (&[0x11, 0xC0], None),             // reserved channels
        (&[0x01, 0x90], None),             // no object type
        (&[0x17, 0x80, 0, 0, 0x90], None), // a rate of 1 Hz
        (&[0x12], None),
        (&[], None),
    ] {
        let (events, stats) = audio(&[&[&[0xAF, 0], asc].concat(), &[0xAF, 1, 9]]);
        match expected {
            Some(expected) => {
                let config = only_audio_config(&events[..1]);
                assert_eq!((config.sample_rate, config.channels), expected, "{asc:02x?}");
                assert_eq!((&config.extradata[..], stats.audio_packets), (asc, 1));
            }
            None => {
                assert_eq!((stats.rejected_configs, stats.unconfigured_access_units), (1, 1), "{asc:02x?}")
            }
        }
    }
}

#[test]
fn self_describing_audio_is_configured_by_its_frames() {
    let mp3 = |header: [u8; 4]| audio(&[&[&[0x2F][..], &header].concat()]);
    for (header, expected) in [
        ([0xFF, 0xFB, 0x90, 0x00], (44_100, 2)),
        ([0xFF, 0xF3, 0x94, 0xC0], (24_000, 1)),
        ([0xFF, 0xE3, 0x98, 0x00], (8_000, 2)),
    ] {
        let (events, _) = mp3(header);
        let config = only_audio_config(&events[..1]);
        assert_eq!(
            (config.codec, config.sample_rate, config.channels),
            (AudioCodec::Mp3, expected.0, expected.1)
        );
    }
    for header in [[0xFF, 0xFB, 0x9C, 0], [0xFF, 0xEB, 0x90, 0], [0, 0, 0, 0], [0xFF, 0xFD, 0x90, 0]] {
        assert_eq!(mp3(header).1.corrupt_access_units, 1, "{header:02x?}");
    }
    // 3/2.1 at 48 kHz; then stereo at 44.1 kHz: a new configuration.
    let ac3 = |frame: [u8; 8]| [b"\x91ac-3", &frame[..]].concat();
    let surround = ac3([0x0B, 0x77, 0, 0, 0x1E, 0x40, 0xE1, 0]);
    let stereo = ac3([0x0B, 0x77, 0, 0, 0x5E, 0x40, 0x40, 0]);
    let (events, _) = audio(&[b"\x90ac-3", &surround, &surround, &stereo]);
    let config = |event: &MediaEvent| match event {
        MediaEvent::Audio(config) => Some((config.sample_rate, config.channels)),
        _ => None,
    };
    assert_eq!(events.iter().filter_map(config).collect::<Vec<_>>(), [(48_000, 6), (44_100, 2)]);
}

#[test]
fn opus_and_flac_headers() {
    let head = b"\x90OpusOpusHead\x01\x06\x38\x01\x80\xbb\0\0\0\0\x01";
    let (events, _) = audio(&[head]);
    let config = only_audio_config(&events);
    assert_eq!((config.sample_rate, config.channels), (48_000, 6));
    for broken in
        [&b"\x90OpusOpusHead\x01\0\x38\x01\x80\xbb\0\0\0\0\x01"[..], b"\x90OpusOpusHead\x01", b"\x90Opusxxxx"]
    {
        assert_eq!(audio(&[broken]).1.rejected_configs, 1);
    }
    let mut info = [0u8; 34];
    info[10..14].copy_from_slice(&[0x0B, 0xB8, 0x02, 0xF0]); // 48 kHz, two channels
    let bare = [b"\x90fLaC", &info[..]].concat();
    let marked = [b"\x90fLaCfLaC\x80\0\0\x22", &info[..]].concat();
    let (events, _) = audio(&[&bare, &marked]);
    let config = only_audio_config(&events);
    assert_eq!((config.sample_rate, config.channels, &config.extradata[..]), (48_000, 2, &info[..]));
    assert_eq!(audio(&[&bare[..30]]).1.rejected_configs, 1);
}

#[test]
fn enhanced_avc_has_composition_offsets_and_modifiers() {
    let config = [b"\x90avc1", &avcc(&sps(80, 45))[..]].concat();
    let coded = [b"\x91avc1\xff\xff\xdf", &avc_frame(&[&[0x65, 1]])[5..]].concat();
    let coded_x = [b"\xa3avc1", &avc_frame(&[&[0x41, 1]])[5..]].concat();
    let nanos = [b"\x97\x02\x07\xa1\x20\x03avc1", &avc_frame(&[&[0x41, 1]])[5..]].concat();
    let (events, _) = video(&[&config, &coded, &coded_x, &nanos]);
    let times = |event: &MediaEvent| match event {
        MediaEvent::Packet(packet) => Some((packet.pts.ticks(), packet.dts.ticks())),
        _ => None,
    };
    let times: Vec<_> = events.iter().filter_map(times).collect();
    assert_eq!(times, [(-33 * 90, 0), (0, 0), (45, 45)]);
}

#[test]
fn a_long_modifier_is_passed_over_and_a_chain_is_bounded() {
    let mut long = vec![0x97, 0xFF, 0x01, 0x2B];
    long.extend_from_slice(&[0; 300]);
    long.extend_from_slice(b"\x13av01\x12\0");
    let config = b"\x90av01\x81\0\x0c\0";
    let (events, _) = video(&[config, &long]);
    assert_eq!(events.len(), 2);

    let chain =
        |links: usize| [&[0x97][..], &[0, 0, 0x17].repeat(links), &[0, 0, 0x13], b"av01\x12\0"].concat();
    assert_eq!(video(&[config, &chain(31)]).1.video_packets, 1);
    let (_, stats) = video(&[config, &chain(32)]);
    assert_eq!((stats.video_packets, stats.corrupt_access_units), (0, 1));
    assert_eq!(video(&[&[0x97].repeat(100_000)]).1.corrupt_access_units, 1);
}

#[test]
fn of_many_tracks_the_first_is_taken() {
    let one = |track: u8| [b"\x95\x01mp4a", &[track][..], b"frame"].concat();
    let (events, stats) = audio(&[b"\x95\0mp4a\0\x12\x10", &one(0), &one(1)]);
    assert_eq!((events.len(), stats.extra_track_media), (2, 1));

    let many = b"\x95\x11mp4a\x01\0\0\x02xx\0\0\0\x03abc\x02\0\0\x01y";
    let (events, _) = audio(&[b"\x95\0mp4a\0\x12\x10", many]);
    assert!(matches!(&events[1], MediaEvent::Packet(packet) if &packet.data[..] == b"abc"));

    let codecs = b"\x95\x21Opus\x01\0\0\x02xxmp4a\0\0\0\x03abc";
    assert_eq!(audio(&[b"\x95\0mp4a\0\x12\x10", codecs]).0.len(), 2);
    assert_eq!(audio(&[b"\x95\x11mp4a\x01\0\xff\xff"]).1.corrupt_access_units, 1);
}

#[test]
fn a_codec_change_needs_its_configuration() {
    let avc = avc_config(&avcc(&sps(80, 45)));
    let (events, stats) = video(&[&avc, b"\x93hvc1\0\0\0\x02\x26\x01", &avc_frame(&[&[0x65, 1]])]);
    assert_eq!((events.len(), stats.unconfigured_access_units), (2, 1));
}

#[test]
fn hevc_records_and_access_units_are_checked() {
    let mut record = vec![1; 23];
    // One array with one unit, a VPS.
    record[21] = 0xFF;
    record[22] = 1;
    record.extend_from_slice(&[0xA0, 0, 1, 0, 3, 0x40, 1, 0xC]);
    let config = [b"\x90hvc1", &record[..]].concat();
    let (events, stats) = video(&[&config, b"\x93hvc1\0\0\0\x02\x26\x01", b"\x93hvc1\0\0\0\x03\x02\x01"]);
    assert!(matches!(&events[1], MediaEvent::Packet(packet) if packet.is_keyframe));
    assert_eq!((stats.video_packets, stats.corrupt_access_units), (1, 1));
    for length in 0..record.len() {
        let config = [b"\x90hvc1", &record[..length]].concat();
        assert_eq!(video(&[&config]).1.rejected_configs, u64::from(length > 0), "{length}");
    }
}

/// Bits given as text, padded with zeros to whole bytes.
fn bits(text: &str) -> Vec<u8> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = text.as_bytes().chunks(8);
    bytes.map(|byte| byte.iter().fold(0, |v, bit| v << 1 | (bit - b'0')) << (8 - byte.len())).collect()
}

fn golomb(value: u32) -> String {
    let code = format!("{:b}", value + 1);
    "0".repeat(code.len() - 1) + &code
}

#[test]
fn hevc_pictures_are_limited_in_and_out_of_band() {
    let sps = |width, height| {
        let profile = "1".repeat(96); // without emulation prevention to think of
        let size = golomb(width) + &golomb(height);
        let body = bits(&format!("1111 000 1 {profile} {} {} {size} 0 1", golomb(0), golomb(1)));
        [vec![0x42, 1], body].concat()
    };
    let record = |sps: &[u8]| {
        let mut record = vec![1; 23];
        (record[21], record[22]) = (0xFF, 1);
        record.extend_from_slice(&[0xA1, 0, 1, 0, sps.len() as u8]);
        [b"\x90hvc1", &record[..], sps].concat()
    };
    let frame = |unit: &[u8]| [b"\x93hvc1\0\0\0", &[unit.len() as u8][..], unit].concat();
    let good = record(&sps(1920, 1088));
    let (events, _) = video(&[&good]);
    assert_eq!((only_video_config(&events).width, only_video_config(&events).height), (1920, 1088));
    assert_eq!(video(&[&record(&sps(16_384, 64))]).1.rejected_configs, 1);
    let (_, stats) = video(&[&good, &frame(&sps(64, 16_384)), &frame(&sps(64, 64)), &frame(&[0x42])]);
    assert_eq!((stats.video_packets, stats.corrupt_access_units), (1, 2));
}

#[test]
fn av1_pictures_are_limited_and_units_whole() {
    let sequence = |bits_per_side: u32, side: u32| {
        let width = (bits_per_side - 1) as usize;
        let side = format!("{side:0w$b}", w = bits_per_side as usize);
        let body =
            bits(&format!("000 0 0 0 0 00000 {:012b} 00001 {width:04b} {width:04b} {side} {side} 1", 0));
        [vec![0x0A, body.len() as u8], body].concat()
    };
    let record = |obus: &[u8]| [b"\x90av01\x81\0\x0c\0", obus].concat();
    let (events, _) = video(&[&record(&sequence(10, 719))]);
    assert_eq!(only_video_config(&events).width, 720);
    assert_eq!(video(&[&record(&sequence(14, 16_383))]).1.rejected_configs, 1);
    assert_eq!(video(&[&record(&[0x0A, 0x80, 0x80, 0x80, 0x80])]).1.rejected_configs, 1);

    let frame = |obus: &[u8]| [b"\x93av01", obus].concat();
    let (_, stats) = video(&[
        &record(&[]),
        &frame(&sequence(14, 16_383)),
        &frame(&[0x32, 9, 1]),
        &frame(&[0x12, 0, 0x32, 1, 9]),
        &frame(&[0x30, 1, 2, 3]),
    ]);
    assert_eq!((stats.video_packets, stats.corrupt_access_units), (2, 2));
}

#[test]
fn vp9_keyframes_are_limited() {
    let key = |side: u32| {
        let bits = bits(&format!("10 0 0 0 0 1 0 {:024b} 001 0 {side:016b} {side:016b}", 0x0049_8342));
        [b"\x93vp09", &bits[..]].concat()
    };
    let (events, stats) =
        video(&[&key(719), &key(16_383), b"\xa3vp09\x86", b"\xa3vp09\x06", b"\x93vp09\x82\x01\x02\x03\x04"]);
    assert!(matches!(&events[0], MediaEvent::Video(config) if config.codec == VideoCodec::Vp9));
    assert_eq!((stats.video_packets, stats.corrupt_access_units), (2, 3));
}

#[test]
fn the_frame_rate_is_the_sps_s() {
    // From a publish of OBS at 30 fps.
    let record = b"\x01d\0\r\xff\xe1\0\x1cgd\0\r\xac\xd9AA\x9f\x9f\x01j\x02\x02\x02\x80\0\0\x03\0\x80\0\0\x1eG\x8a\x14\xcb\x01\0\x04h\xef\xbc\xb0";
    let (events, _) = video(&[&avc_config(record)]);
    let config = only_video_config(&events);
    assert_eq!((config.width, config.height), (320, 180));
    assert_eq!(config.frame_rate, Some(FrameRate { num: 30, den: 1 }));
}

#[test]
fn configurations_dont_start_the_clock() {
    let avc = avc_config(&avcc(&sps(80, 45)));
    let (events, _) = demux(&[(Track::Video, 0, avc), (Track::Video, 777_000, avc_frame(&[&[0x65, 1]]))]);
    assert!(matches!(&events[1], MediaEvent::Packet(packet) if packet.dts == Timestamp::ZERO));
}

proptest! {
    #[test]
    fn no_bytes_panic(messages in prop::collection::vec(
        (any::<bool>(), any::<u32>(), prop::sample::select(vec![
            vec![], vec![0x17, 0], vec![0x17, 1, 0, 0, 0], vec![0xAF, 0], vec![0xAF, 1], vec![0x2F],
            b"\x90avc1".to_vec(), b"\x90hvc1".to_vec(), b"\x97".to_vec(), b"\x96\x21".to_vec(), b"\x95\x11Opus".to_vec(),
            b"\x91ac-3\x0b\x77".to_vec(), avc_config(&avcc(&sps(80, 45))),
        ]), prop::collection::vec(any::<u8>(), 0..60)), 1..12))
    {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|(is_video, millis, head, tail)| {
                (if is_video { Track::Video } else { Track::Audio }, millis, [head, tail].concat())
            })
            .collect();
        demux(&messages);
    }
}
