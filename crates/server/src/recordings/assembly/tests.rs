use std::collections::BTreeMap;

use hls_mux::{MediaSequence, Output, Segment, Segmenter, SegmenterOptions};
use media::{AudioCodec, AudioConfig, VideoCodec, VideoConfig};

use super::*;

mod interrupted;

/// An encoder's, of 320x180 pictures.
const SPS: &[u8] = &[
    0x67, 0x42, 0xC0, 0x0B, 0xDA, 0x05, 0x06, 0x7E, 0x7C, 0x04, 0x40, 0, 0, 3, 0, 0x40, 0, 0, 5, 3, 0xC5,
    0x0A, 0xA8,
];
const PPS: &[u8] = &[0x68, 0xCE, 0x0F, 0xC8];

fn picture(at: Timestamp, is_keyframe: bool, size: usize) -> Packet {
    let mut data = Vec::new();
    let mut slice = vec![if is_keyframe { 0x65 } else { 0x41 }];
    slice.resize(size, 0xA5);
    let sets: &[&[u8]] = if is_keyframe { &[SPS, PPS] } else { &[] };
    for nal in sets.iter().copied().chain([&slice[..]]) {
        data.extend_from_slice(&[0, 0, 0, 1]);
        data.extend_from_slice(nal);
    }
    Packet { track: Track::Video, pts: at, dts: at, is_keyframe, data: data.into() }
}

/// `seconds` of ten pictures of `size` bytes and of 48 kHz sound, from `start` on.
pub(in crate::recordings) fn segments(start: Timestamp, seconds: i64, size: usize) -> Vec<Segment> {
    let mut packets = Vec::new();
    for index in 0..seconds * 10 {
        let at = start + MediaDuration::from_millis(index * 100);
        packets.push(picture(at, index % 20 == 0, size));
    }
    for index in 0..seconds * 48_000 / 1024 {
        let at = start + MediaDuration::from_samples(index * 1024, 48_000);
        let data = Bytes::from_static(&[0x21; 300]);
        packets.push(Packet { track: Track::Audio, pts: at, dts: at, is_keyframe: true, data });
    }
    packets.sort_by_key(|packet| (packet.dts, packet.track));
    let mut segmenter =
        Segmenter::new(SegmenterOptions::default(), MediaSequence::new(0), SystemTime::UNIX_EPOCH);
    let mut made = Vec::new();
    let mut keep = |output| {
        if let Output::Segment(segment) = output {
            made.push(segment);
        }
    };
    let video = VideoConfig {
        codec: VideoCodec::H264,
        extradata: Bytes::new(),
        width: 0,
        height: 0,
        frame_rate: None,
    };
    let audio =
        AudioConfig { codec: AudioCodec::Aac, extradata: Bytes::new(), sample_rate: 48_000, channels: 2 };
    segmenter.push(MediaEvent::Video(video), &mut keep).unwrap();
    segmenter.push(MediaEvent::Audio(audio), &mut keep).unwrap();
    for packet in packets {
        segmenter.push(MediaEvent::Packet(packet), &mut keep).unwrap();
    }
    segmenter.finish(&mut keep);
    made
}

fn assemble(segments: &[(Segment, bool)]) -> (Vec<Piece>, File, Summary) {
    let mut assembly = Assembly::new(SystemTime::UNIX_EPOCH);
    let mut pieces = Vec::new();
    for (segment, discontinuity) in segments {
        push(&mut assembly, segment, *discontinuity);
        while let Some((piece, _)) = assembly.part() {
            pieces.push(piece);
        }
    }
    let (file, summary) = assembly.finish().unwrap();
    (pieces, file, summary)
}

/// Adds a segment where its number doesn't matter.
fn push(assembly: &mut Assembly, segment: &Segment, discontinuity: bool) {
    assembly.push(MediaSequence::new(0), &segment.data, segment.duration, discontinuity).unwrap();
}

fn plain(segments: Vec<Segment>) -> Vec<(Segment, bool)> {
    segments.into_iter().map(|segment| (segment, false)).collect()
}

/// Names and sizes of the boxes.
fn boxes(file: &[u8]) -> Vec<(String, u64)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < file.len() {
        let short = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        let size = if short == 1 {
            u64::from_be_bytes(file[at + 8..at + 16].try_into().unwrap())
        } else {
            short.into()
        };
        found.push((String::from_utf8(file[at + 4..at + 8].to_vec()).unwrap(), size));
        at += size as usize;
    }
    assert_eq!(at, file.len());
    found
}

fn names(boxes: &[(String, u64)]) -> Vec<&str> {
    boxes.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_short_broadcast_is_one_piece_with_its_index_in_front() {
    let (pieces, file, summary) = assemble(&plain(segments(Timestamp::ZERO, 6, 9000)));
    assert_eq!(pieces, []);
    let File::Whole(file) = file else { panic!("it is small") };
    assert_eq!(names(&boxes(&file)), ["ftyp", "moov", "mdat"]);
    assert_eq!(summary.bytes, file.len() as u64);
    assert_eq!(summary.duration.as_millis(), 6000);
}

#[test]
fn a_long_one_is_parts_of_one_size_with_the_index_in_the_first() {
    let (mut pieces, file, summary) = assemble(&plain(segments(Timestamp::ZERO, 20, 200_000)));
    let sealed = pieces.len();
    assert!(sealed >= 3, "they are full while it goes on: {sealed}");
    let File::Parts { pieces: rest, index_is_last } = file else { panic!("it is large") };
    assert!(!index_is_last);
    assert_eq!(rest.last().unwrap().number, 1, "the index is stored last");
    pieces.extend(rest);
    let by_number: BTreeMap<u32, Bytes> =
        pieces.into_iter().map(|piece| (piece.number, piece.data)).collect();
    let sizes: Vec<usize> = by_number.values().map(Bytes::len).collect();
    assert!(sizes[..sizes.len() - 1].iter().all(|size| *size == PART), "{sizes:?}");
    let file = by_number.values().fold(Vec::new(), |file, data| [&file[..], data].concat());
    assert_eq!(names(&boxes(&file)), ["ftyp", "moov", "free", "mdat"]);
    assert_eq!(summary.bytes, file.len() as u64);
    assert_eq!(summary.duration.as_millis(), 20_000);
}

#[test]
fn the_same_segments_make_the_same_parts() {
    let segments = plain(segments(Timestamp::ZERO, 12, 200_000));
    assert_eq!(assemble(&segments).0, assemble(&segments).0);
}

#[test]
fn what_follows_a_discontinuity_follows_in_time_and_a_gap_is_kept() {
    let first = segments(Timestamp::from_millis(5000), 4, 9000);
    let second = segments(Timestamp::from_millis(90_000_000), 4, 9000);
    let mut assembly = Assembly::new(SystemTime::UNIX_EPOCH);
    for segment in &first {
        push(&mut assembly, segment, false);
    }
    assembly.pass(MediaDuration::from_secs(2), false);
    for (index, segment) in second.iter().enumerate() {
        push(&mut assembly, segment, index == 0);
    }
    assert!(assembly.left_out() <= 1, "{}", assembly.left_out());
    let (_, summary) = assembly.finish().unwrap();
    assert_eq!(summary.duration.as_millis(), 10_000);
}

#[test]
fn a_discontinuity_whose_segment_is_missing_is_one_before_what_follows() {
    let first = segments(Timestamp::from_millis(90_000_000), 4, 9000);
    // Time begins anew, as after a crash.
    let second = segments(Timestamp::ZERO, 6, 9000);
    let length = MediaDuration::from_secs(2);
    for is_damaged in [false, true] {
        let mut assembly = Assembly::new(SystemTime::UNIX_EPOCH);
        for segment in &first {
            push(&mut assembly, segment, false);
        }
        if is_damaged {
            assert!(assembly.push(MediaSequence::new(0), b"no transport stream", length, true).is_err());
            assembly.pass(length, false);
        } else {
            assembly.pass(length, true);
        }
        for segment in &second[1..] {
            push(&mut assembly, segment, false);
        }
        assert!(assembly.left_out() <= 1, "{}", assembly.left_out());
        let (_, summary) = assembly.finish().unwrap();
        assert_eq!(summary.duration.as_millis(), 10_000);
    }
}

#[test]
fn an_upload_has_room_for_an_index_that_goes_behind_the_media() {
    let mut assembly = Assembly::new(SystemTime::UNIX_EPOCH);
    push(&mut assembly, &segments(Timestamp::ZERO, 2, 9000)[0], false);
    // Sound whose frames are all of another length: twelve bytes each in the index.
    let mut at = Timestamp::from_millis(10_000);
    for number in 0..3_000_000 {
        at += MediaDuration::from_ticks(2000 + number % 2 * 50);
        let data = Bytes::from_static(&[0x21]);
        let packet = Packet { track: Track::Audio, pts: at, dts: at, is_keyframe: true, data };
        assembly.writer.push(&MediaEvent::Packet(packet), &mut assembly.pending).unwrap();
    }
    assembly.writer.flush(&mut assembly.pending);
    // So many parts, so that another segment fits just about; and the longest that there may be comes.
    assembly.parts = LAST_PART - INDEX_PARTS - 20;
    while !assembly.is_full() {
        assembly.parts += 1;
    }
    assembly.parts -= 1;
    assembly.pending.extend_from_slice(&vec![0; LONGEST_SEGMENT]);
    let (File::Parts { pieces, index_is_last }, _) = assembly.finish().unwrap() else {
        panic!("it is large")
    };
    let last = pieces.iter().map(|piece| piece.number).max().unwrap();
    assert!(index_is_last && (LAST_PART - 2..=LAST_PART).contains(&last), "{last}");
}

#[test]
fn nothing_makes_no_file() {
    let mut assembly = Assembly::new(SystemTime::UNIX_EPOCH);
    assembly.pass(MediaDuration::from_secs(2), false);
    let nonsense = b"no transport stream";
    let pushed = assembly.push(MediaSequence::new(0), nonsense, MediaDuration::from_secs(2), false);
    assert!(matches!(pushed, Err(AssemblyError::Segment(_))));
    assert!(matches!(assembly.finish().unwrap(), (File::Empty, _)));
}
