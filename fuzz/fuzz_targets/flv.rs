//! Audio and video messages, legacy and enhanced: decode times never decrease.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::{MediaEvent, Timestamp, Track};
use rtmp_ingest::Stats;
use rtmp_ingest::flv::Demuxer;

fuzz_target!(|data: &[u8]| {
    let mut demuxer = Demuxer::new(8192);
    let mut stats = Stats::default();
    let mut last: [Option<Timestamp>; 2] = [None, None];
    for (track, millis, message) in fuzz::tags::read(data) {
        demuxer.push(track, millis, &message, &mut stats, |event| match event {
            MediaEvent::Video(config) => assert!(config.width <= 8192 && config.height <= 8192),
            MediaEvent::Audio(config) => assert!(config.sample_rate <= 192_000),
            MediaEvent::Packet(packet) => {
                let last = &mut last[usize::from(packet.track == Track::Audio)];
                assert!(last.is_none_or(|last| packet.dts >= last));
                assert!(!packet.data.is_empty());
                *last = Some(packet.dts);
            }
        });
    }
});
