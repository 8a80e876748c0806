//! Muxing: ten seconds of 720p30 H.264 and AAC at 2.6 Mb/s into transport stream segments.
#![allow(missing_docs, reason = "criterion's macros make the functions that would need them")]

use std::hint::black_box;
use std::time::SystemTime;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hls_mux::{MediaSequence, Output, Segmenter, SegmenterOptions};
use media::{
    AudioCodec, AudioConfig, FrameRate, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec,
    VideoConfig,
};

const SECONDS: i64 = 10;
const FPS: i64 = 30;
const KEYFRAME_EVERY: i64 = 2 * FPS;
const SAMPLE_RATE: u32 = 48_000;
const SAMPLES_PER_FRAME: i64 = 1024;
const KEYFRAME_BYTES: usize = 60_000;
const PICTURE_BYTES: usize = 9_600;
const AUDIO_BYTES: usize = 341;

/// Parameter sets of libx264 for 1280x720 at 30 Hz, High profile, and the start code of an IDR slice.
const IDR_PREFIX: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x64, 0, 0x1f, 0xac, 0xb4, 0x02, 0x80, 0x2d, 0xd8, 0x08, 0x80, 0, 0, 0x03, 0, 0x80, 0,
    0, 0x1e, 0x47, 0x8c, 0x19, 0x50, 0, 0, 0, 1, 0x68, 0xef, 0x3c, 0xb0, 0, 0, 0, 1, 0x65, 0x88,
];
const SLICE_PREFIX: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a];

fn muxing(c: &mut Criterion) {
    let mut group = c.benchmark_group("muxing");
    let events = events();
    let payload: usize = events.iter().map(payload_bytes).sum();
    group.throughput(Throughput::Bytes(payload as u64));
    let parts = SegmenterOptions {
        part_target: Some(MediaDuration::from_millis(200)),
        ..SegmenterOptions::default()
    };
    for (name, options) in [("segments", SegmenterOptions::default()), ("segments and 200 ms parts", parts)] {
        group.bench_function(name, |bencher| {
            // Events are handed over; making them anew is no part of muxing.
            bencher.iter_batched(|| events.clone(), |events| mux(&options, events), BatchSize::LargeInput);
        });
    }
    group.finish();
}

fn mux(options: &SegmenterOptions, events: Vec<MediaEvent>) -> usize {
    let mut segments = 0;
    let mut out = |output: Output| {
        segments += usize::from(matches!(output, Output::Segment(_)));
        black_box(output);
    };
    let mut segmenter = Segmenter::new(options.clone(), MediaSequence::default(), SystemTime::UNIX_EPOCH);
    for event in events {
        segmenter.push(event, &mut out).expect("the stream is well-formed");
    }
    segmenter.finish(&mut out);
    assert_eq!(segments as i64, SECONDS / 2, "what is timed must be what is wanted");
    segments
}

fn events() -> Vec<MediaEvent> {
    let mut packets: Vec<Packet> = (0..SECONDS * FPS).map(picture).collect();
    packets.extend((0..SECONDS * i64::from(SAMPLE_RATE) / SAMPLES_PER_FRAME).map(audio_frame));
    packets.sort_by_key(|packet| packet.dts);
    let configs = [
        MediaEvent::Video(VideoConfig {
            codec: VideoCodec::H264,
            extradata: Bytes::new(),
            width: 1280,
            height: 720,
            frame_rate: Some(FrameRate { num: 30, den: 1 }),
        }),
        MediaEvent::Audio(AudioConfig {
            codec: AudioCodec::Aac,
            extradata: Bytes::from_static(&[0x11, 0x90]),
            sample_rate: SAMPLE_RATE,
            channels: 2,
        }),
    ];
    configs.into_iter().chain(packets.into_iter().map(MediaEvent::Packet)).collect()
}

fn picture(index: i64) -> Packet {
    let is_keyframe = index % KEYFRAME_EVERY == 0;
    let (prefix, length) =
        if is_keyframe { (IDR_PREFIX, KEYFRAME_BYTES) } else { (SLICE_PREFIX, PICTURE_BYTES) };
    let mut data = prefix.to_vec();
    data.resize(length, 0x5a);
    let at = Timestamp::ZERO + MediaDuration::from_samples(index, FPS as u32);
    Packet { track: Track::Video, pts: at, dts: at, is_keyframe, data: data.into() }
}

fn audio_frame(index: i64) -> Packet {
    let at = Timestamp::ZERO + MediaDuration::from_samples(index * SAMPLES_PER_FRAME, SAMPLE_RATE);
    Packet { track: Track::Audio, pts: at, dts: at, is_keyframe: true, data: vec![0x21; AUDIO_BYTES].into() }
}

fn payload_bytes(event: &MediaEvent) -> usize {
    match event {
        MediaEvent::Packet(packet) => packet.data.len(),
        MediaEvent::Video(_) | MediaEvent::Audio(_) => 0,
    }
}

criterion_group!(benches, muxing);
criterion_main!(benches);
