//! Playlists: sliding the window on by one segment, and rendering it.
#![allow(missing_docs, reason = "criterion's macros make the functions that would need them")]

use std::time::{Duration, SystemTime};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hls_mux::playlist::{Entry, MediaPlaylist};
use hls_mux::{MediaSequence, segment_name};
use media::MediaDuration;

const SEGMENT: MediaDuration = MediaDuration::from_secs(2);

fn playlists(c: &mut Criterion) {
    let mut group = c.benchmark_group("media playlist");
    // The default, and an hour to rewind in.
    for window in [6, 1800] {
        let mut playlist = MediaPlaylist::new(SEGMENT, window);
        let mut sequence = MediaSequence::default();
        for _ in 0..window {
            playlist.push(entry(sequence));
            sequence = sequence.next();
        }
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("push and render, window", window), |bencher| {
            bencher.iter(|| {
                playlist.push(entry(sequence));
                sequence = sequence.next();
                playlist.render()
            });
        });
    }
    group.finish();
}

fn entry(sequence: MediaSequence) -> Entry {
    Entry {
        sequence,
        uri: segment_name(sequence),
        duration: SEGMENT,
        program_date_time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + 2 * sequence.get()),
        discontinuity: false,
        gap: false,
    }
}

criterion_group!(benches, playlists);
criterion_main!(benches);
