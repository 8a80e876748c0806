//! Playlists, as m3u8-rs reads them.

// A test's helper may panic as the test may.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use hls_mux::MediaSequence;
use hls_mux::playlist::{Entry, MediaPlaylist, MultivariantPlaylist, Variant, codecs_string};
use m3u8_rs::MediaPlaylistType;
use media::{FrameRate, MediaDuration};
use support::epoch;
use support::media_source::{PPS, SPS, annex_b, audio_config, video_config};

fn entry(number: u64, millis: i64) -> Entry {
    Entry {
        sequence: MediaSequence::new(number),
        uri: format!("segment_{number:03}.ts"),
        duration: MediaDuration::from_millis(millis),
        program_date_time: epoch() + Duration::from_secs(2 * number),
        discontinuity: false,
        gap: false,
    }
}

fn parse(playlist: &MediaPlaylist) -> m3u8_rs::MediaPlaylist {
    m3u8_rs::parse_media_playlist_res(playlist.render().as_bytes()).unwrap()
}

#[test]
fn a_playlist_reads_like_this() {
    let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 6);
    playlist.push(Entry { duration: MediaDuration::from_ticks(180_180), ..entry(7, 0) });
    playlist.push(Entry { discontinuity: true, ..entry(8, 1960) });
    playlist.set_ended();
    assert_eq!(
        playlist.render(),
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:14.250Z\n#EXTINF:2.002000,\nsegment_007.ts\n\
         #EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T12:00:16.250Z\n#EXTINF:1.960000,\nsegment_008.ts\n\
         #EXT-X-ENDLIST\n"
    );
}

#[test]
fn a_resumed_playlist_is_the_same_and_counts_on() {
    let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 3);
    for number in 0..5 {
        playlist.push(Entry { discontinuity: number < 4, ..entry(number, 2000) });
    }
    assert_eq!(playlist.discontinuity_sequence(), 2);
    let entries: Vec<_> = playlist.entries().cloned().collect();
    let mut resumed = MediaPlaylist::new(MediaDuration::from_secs(2), 3)
        .with_entries(playlist.discontinuity_sequence(), entries);
    assert_eq!(resumed.render(), playlist.render());
    resumed.push(Entry { discontinuity: true, ..entry(5, 2000) });
    assert!(resumed.render().contains("#EXT-X-DISCONTINUITY-SEQUENCE:3\n"), "{}", resumed.render());
}

#[test]
fn what_was_lost_between_two_processes_is_bridged_with_gaps() {
    let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 6);
    (0..6).for_each(|number| drop(playlist.push(entry(number, 2000))));
    // Three numbers, in the place of 4.5 seconds.
    let next = epoch() + Duration::from_millis(16_500);
    let evicted = playlist.bridge(MediaSequence::new(9), next);
    assert_eq!(evicted.iter().map(|entry| entry.sequence.get()).collect::<Vec<_>>(), [0, 1, 2]);
    let gaps: Vec<_> = playlist.entries().filter(|entry| entry.gap).collect();
    assert_eq!(gaps.iter().map(|gap| gap.sequence.get()).collect::<Vec<_>>(), [6, 7, 8]);
    assert_eq!(gaps.iter().map(|gap| gap.duration.to_std().as_millis()).collect::<Vec<_>>(), [1500; 3]);
    let ends = gaps.last().map(|gap| gap.program_date_time + gap.duration.to_std());
    assert_eq!(ends, Some(next), "dates go on through the gaps");
    assert_eq!(parse(&playlist).media_sequence, 3);
}

#[test]
fn a_bridge_never_exceeds_the_target_duration_and_never_is_empty() {
    for (seconds, millis) in [(3600, 2000), (0, 0)] {
        let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 6);
        (0..6).for_each(|number| drop(playlist.push(entry(number, 2000))));
        playlist.bridge(MediaSequence::new(8), epoch() + Duration::from_secs(seconds));
        let gaps: Vec<_> = playlist.entries().filter(|entry| entry.gap).map(|gap| gap.duration).collect();
        assert_eq!(gaps.iter().map(|gap| gap.to_std().as_millis()).collect::<Vec<_>>(), [millis; 2]);
        assert!(gaps.iter().all(|gap| gap.ticks() > 0));
    }
}

#[test]
fn nothing_is_bridged_where_nothing_is_lost_and_all_leaves_where_more_than_a_window_is() {
    let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 3);
    assert_eq!(playlist.bridge(MediaSequence::new(40), epoch()), [], "the first is at no distance");
    (0..5).for_each(|number| drop(playlist.push(Entry { discontinuity: number > 0, ..entry(number, 2000) })));
    assert_eq!(playlist.bridge(MediaSequence::new(5), epoch()), []);
    assert_eq!(playlist.entries().len(), 3);
    let evicted = playlist.bridge(MediaSequence::new(9), epoch());
    assert_eq!(evicted.iter().map(|entry| entry.sequence.get()).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!((playlist.entries().len(), playlist.discontinuity_sequence()), (0, 4));
    playlist.push(Entry { discontinuity: true, ..entry(9, 2000) });
    assert_eq!((parse(&playlist).media_sequence, playlist.discontinuity_sequence()), (9, 4));
}

#[test]
fn the_window_slides_and_returns_what_leaves_it() {
    let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 6);
    for number in 0..20 {
        let evicted = playlist.push(Entry { discontinuity: number == 3, ..entry(number, 2000) });
        let left: Vec<_> = evicted.iter().map(|entry| entry.sequence.get()).collect();
        assert_eq!(left, if number < 6 { vec![] } else { vec![number - 6] });
        let read = parse(&playlist);
        assert_eq!(read.media_sequence, (number + 1).saturating_sub(6));
        assert_eq!((read.target_duration, read.version), (2, Some(3)));
        assert_eq!(read.segments.len(), (number as usize + 1).min(6));
        assert!(!read.end_list && read.independent_segments);
        assert_eq!(read.playlist_type, None::<MediaPlaylistType>);
        let has_sequence = playlist.render().contains("#EXT-X-DISCONTINUITY-SEQUENCE:");
        assert_eq!(has_sequence, number >= 3);
        assert_eq!(read.discontinuity_sequence, u64::from(number >= 9));
        for (segment, number) in read.segments.iter().zip(read.media_sequence..) {
            let at = segment.program_date_time.unwrap().timestamp_millis();
            assert_eq!(at, 1_795_348_800_250 + 2000 * number as i64);
        }
    }
}

#[test]
fn a_window_of_short_segments_keeps_three_target_durations() {
    let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 3);
    let evicted: usize = (0..30).map(|number| playlist.push(entry(number, 500)).len()).sum();
    assert_eq!((playlist.entries().len(), evicted), (12, 18));
    // Without any duration the number is the bound.
    let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 3);
    (0..100).for_each(|number| drop(playlist.push(entry(number, 0))));
    assert_eq!(playlist.entries().len(), 30);
}

#[test]
fn a_gap_is_marked_and_needs_version_8() {
    let mut playlist = MediaPlaylist::new(MediaDuration::from_secs(2), 6);
    playlist.push(entry(0, 2000));
    playlist.push(Entry { gap: true, ..entry(1, 2000) });
    assert_eq!(parse(&playlist).version, Some(8));
    assert!(playlist.render().contains("#EXT-X-GAP\n#EXTINF:2.000000,\nsegment_001.ts\n"));
    playlist.clear_independent();
    assert!(!parse(&playlist).independent_segments);
}

#[test]
fn a_multivariant_playlist_names_all_that_players_choose_by() {
    let extradata = annex_b(&[SPS, PPS]);
    let rate = FrameRate { num: 30_000, den: 1001 };
    let codecs = codecs_string(Some(&video_config(&extradata, None)), Some(&audio_config(48_000)));
    assert_eq!(codecs, "avc1.64001f,mp4a.40.2");
    assert_eq!(codecs_string(Some(&video_config(&[], None)), None), "");
    let variant = Variant {
        uri: "720p/index.m3u8".to_owned(),
        codecs: codecs.clone(),
        width: 1280,
        height: 720,
        frame_rate: Some(rate),
        bandwidth: 3_300_000,
        average_bandwidth: Some(2_750_000),
    };
    let audio_only = Variant {
        codecs: String::new(),
        width: 0,
        height: 0,
        frame_rate: None,
        average_bandwidth: None,
        ..variant.clone()
    };
    let text = MultivariantPlaylist { variants: vec![variant, audio_only] }.render();
    assert!(text.contains("FRAME-RATE=29.970,CLOSED-CAPTIONS=NONE\n720p/index.m3u8\n"), "{text}");
    let read = m3u8_rs::parse_master_playlist_res(text.as_bytes()).unwrap();
    assert!(read.independent_segments);
    let [first, second] = &read.variants[..] else { panic!("{read:?}") };
    assert_eq!((first.bandwidth, first.average_bandwidth), (3_300_000, Some(2_750_000)));
    assert_eq!(first.codecs.as_deref(), Some(codecs.as_str()));
    assert_eq!(first.resolution.map(|size| (size.width, size.height)), Some((1280, 720)));
    assert_eq!((second.codecs.as_ref(), second.resolution), (None, None));
}
