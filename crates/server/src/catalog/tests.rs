use hls_mux::playlist::{Entry, MediaPlaylist};
use hls_mux::segment_name;
use media::MediaDuration;

use super::*;

async fn catalog(dir: &tempfile::TempDir) -> Catalog {
    Catalog::open(&format!("sqlite://{}", dir.path().join("weir.db").display())).await.unwrap()
}

fn reason() -> EndReason {
    EndReason { code: "stopped".into(), message: "stopped by an API call".into() }
}

#[tokio::test]
async fn a_stream_goes_through_its_states_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = catalog(&dir).await;
    let stream = first.create("Sunday", StreamOptions::default()).await.unwrap();
    assert_eq!((stream.status, stream.armed), (Status::Pending, true));
    first.went_live(&stream.video_id, SystemTime::now(), None).await.unwrap();
    first.close().await;

    let second = catalog(&dir).await;
    let found = second.find_by_key(&stream.stream_key.0).await.unwrap().unwrap();
    assert_eq!((found.video_id, found.status), (stream.video_id.clone(), Status::Live));
    let live = second.live().await.unwrap();
    assert_eq!(live.len(), 1);
    assert_eq!(live[0].video_id, stream.video_id);
    second.ended(&stream.video_id, Status::Ready, &reason()).await.unwrap();
    let again = second.get(&stream.video_id).await.unwrap().unwrap();
    assert_eq!(again.end_reason, Some(reason()));
    assert!(again.ended_at >= again.started_at);
}

#[tokio::test]
async fn a_rotated_key_kills_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let stream = catalog.create("", StreamOptions::default()).await.unwrap();
    let key = catalog.rotate_key(&stream.video_id).await.unwrap().unwrap();
    assert!(catalog.find_by_key(&stream.stream_key.0).await.unwrap().is_none());
    assert_eq!(catalog.find_by_key(&key).await.unwrap().unwrap().video_id, stream.video_id);
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let id = VideoId::parse("nobody").unwrap();
    assert!(catalog.get(&id).await.unwrap().is_none());
    assert!(!catalog.delete(&id).await.unwrap());
    assert!(!catalog.arm(&id, None).await.unwrap());
    assert!(catalog.rotate_key(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn sequence_numbers_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let stream = catalog.create("", StreamOptions::default()).await.unwrap();
    assert_eq!(catalog.next_sequence(&stream.video_id).await.unwrap().get(), 0);
    catalog.set_next_sequence(&stream.video_id, MediaSequence::new(40)).await.unwrap();
    assert_eq!(catalog.next_sequence(&stream.video_id).await.unwrap().get(), 40);
}

#[test]
fn a_video_id_can_stand_in_a_path() {
    for bad in ["", "..", "a/b", "a b", "ü", &"x".repeat(65)] {
        assert!(VideoId::parse(bad).is_none(), "{bad}");
    }
    assert!(VideoId::parse("0190-aBc").is_some());
}

#[tokio::test]
async fn options_are_kept_and_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let options = StreamOptions {
        record: true,
        reconnect_window: 0,
        second_publisher: SecondPublisher::Reject,
        latency_mode: LatencyMode::Standard,
        retention_days: Some(0),
        dvr_window: Some(3600),
        convert_to_vod: true,
    };
    let id = catalog.create("first", options.clone()).await.unwrap().video_id;
    assert_eq!(catalog.get(&id).await.unwrap().unwrap().options, options);
    assert!(catalog.change(&id, "second", &StreamOptions::default()).await.unwrap());
    let changed = catalog.get(&id).await.unwrap().unwrap();
    assert_eq!((changed.title.as_str(), changed.options), ("second", StreamOptions::default()));
    let other = VideoId::parse("nobody").unwrap();
    assert!(!catalog.change(&other, "", &options).await.unwrap());
}

#[tokio::test]
async fn events_are_numbered_without_gaps_and_go_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = catalog(&dir).await;
    let (one, two) = (
        first.create("one", StreamOptions::default()).await.unwrap().video_id,
        first.create("two", StreamOptions::default()).await.unwrap().video_id,
    );
    first.went_live(&one, SystemTime::now(), None).await.unwrap();
    let mut heard = first.newest_event();
    assert_eq!(*heard.borrow_and_update(), 3);
    first.close().await;

    let second = catalog(&dir).await;
    second.ended(&one, Status::Ready, &reason()).await.unwrap();
    second.record(EventType::ViewersLimit, &two, json!({ "of": "server" })).await;
    assert_eq!(*second.newest_event().borrow(), 5);
    let told = |events: Vec<crate::events::Event>| -> Vec<(i64, String)> {
        events.into_iter().map(|event| (event.id, event.kind)).collect()
    };
    let all = told(second.events_after(0, None, 10).await.unwrap());
    let kinds = ["stream.created", "stream.created", "stream.live", "stream.ended", "viewers.limit"];
    assert_eq!(all, (1..).zip(kinds.map(str::to_owned)).collect::<Vec<_>>());
    assert_eq!(told(second.events_after(2, Some(&two), 10).await.unwrap()), [(5, "viewers.limit".into())]);
    let newest_first = told(second.events_of(&one, 2).await.unwrap());
    assert_eq!(newest_first, [(4, "stream.ended".into()), (3, "stream.live".into())]);
}

#[tokio::test]
async fn what_was_told_of_a_publisher_is_known_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let create = || catalog.create("", StreamOptions::default());
    let (id, other) = (create().await.unwrap().video_id, create().await.unwrap().video_id);
    assert!(!catalog.is_told_away(&id).await.unwrap());
    catalog.went_live(&id, SystemTime::now(), None).await.unwrap();
    assert!(!catalog.is_told_away(&id).await.unwrap());
    catalog.record(EventType::StreamReconnecting, &id, json!({})).await;
    catalog.record(EventType::ViewersLimit, &id, json!({})).await;
    assert!(catalog.is_told_away(&id).await.unwrap());
    assert!(!catalog.is_told_away(&other).await.unwrap());
    catalog.record(EventType::StreamLive, &id, json!({})).await;
    assert!(!catalog.is_told_away(&id).await.unwrap());
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let mut live = crate::events::Subscription::new(&catalog, None, None);
    let stream = catalog.create("one", StreamOptions::default()).await.unwrap().video_id;
    for _ in 0..PAGES {
        catalog.record(EventType::ViewersLimit, &stream, json!({})).await;
    }
    let mut late = crate::events::Subscription::new(&catalog, Some(1), Some(stream));
    for expected in 1..=PAGES + 1 {
        assert_eq!(live.next().await.unwrap().unwrap().id, expected);
        if expected > 1 {
            assert_eq!(late.next().await.unwrap().unwrap().id, expected);
        }
    }
    let nothing = tokio::time::timeout(Duration::from_millis(10), live.next()).await;
    assert!(nothing.is_err(), "an event came twice");
}

/// More than are read at a time.
const PAGES: i64 = 130;

#[tokio::test]
async fn a_playlist_is_kept_as_it_is_and_goes_with_its_broadcast_and_its_stream() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let id = catalog.create("", StreamOptions::default()).await.unwrap().video_id;
    assert_eq!(catalog.kept_playlist(&id).await.unwrap(), None);
    let length = MediaDuration::from_secs(2);
    let mut playlist = MediaPlaylist::new(length, 3);
    for number in 7..14 {
        let entry = Entry {
            sequence: MediaSequence::new(number),
            uri: segment_name(MediaSequence::new(number)),
            duration: length,
            program_date_time: UNIX_EPOCH + Duration::from_micros(1_790_000_000_123_456 + 2_000_000 * number),
            discontinuity: number % 4 == 0,
            gap: number == 12,
        };
        playlist.push(entry.clone());
        catalog.keep_playlist(&id, length, &playlist, &[entry], false).await.unwrap();
        let kept = catalog.kept_playlist(&id).await.unwrap().unwrap();
        let resumed = MediaPlaylist::new(length, 3).with_entries(kept.discontinuity_sequence, kept.entries);
        assert_eq!(resumed.render(), playlist.render());
    }
    // A broadcast that dies before its first segment is stored must not be taken for the one before.
    catalog.ended(&id, Status::Ready, &reason()).await.unwrap();
    assert_eq!(catalog.kept_playlist(&id).await.unwrap(), None);
    let listed: Vec<_> = playlist.entries().cloned().collect();
    catalog.keep_playlist(&id, length, &playlist, &listed, false).await.unwrap();
    assert!(catalog.delete(&id).await.unwrap());
    assert_eq!(catalog.kept_playlist(&id).await.unwrap(), None);
}
