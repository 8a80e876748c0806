use std::time::{Duration, UNIX_EPOCH};

use hls_mux::playlist::{Entry, MediaPlaylist};
use hls_mux::segment_name;
use media::MediaDuration;
use uploader::Part;

use super::*;
use crate::catalog::{EndReason, RecordingState, SealedPart, Status, StreamOptions};

async fn catalog(dir: &tempfile::TempDir) -> Catalog {
    Catalog::open(&format!("sqlite://{}", dir.path().join("weir.db").display())).await.unwrap()
}

/// A broadcast of which the first segment has that number, from its beginning to its end.
async fn broadcast(catalog: &Catalog, id: &VideoId, first: u64) {
    catalog.went_live(id, UNIX_EPOCH, Some(MediaSequence::new(first))).await.unwrap();
    end(catalog, id).await;
}

async fn end(catalog: &Catalog, id: &VideoId) {
    let reason = EndReason { code: "stopped".into(), message: String::new() };
    catalog.ended(id, Status::Ready, &reason).await.unwrap();
}

async fn newest(catalog: &Catalog, id: &VideoId) -> Recording {
    catalog.newest_recording(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_number_of_a_recording_that_was_removed_is_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let id = catalog.create("", StreamOptions::default()).await.unwrap().video_id;
    for number in 1..=3 {
        broadcast(&catalog, &id, u64::from(number) * 10).await;
        let recording = newest(&catalog, &id).await;
        assert_eq!(recording.number, number);
        assert!(catalog.remove_recording(&recording).await.unwrap().is_some());
        assert_eq!(catalog.remove_recording(&recording).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_recorder_of_a_recording_that_was_removed_leaves_nothing_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let id = catalog.create("", StreamOptions::default()).await.unwrap().video_id;
    broadcast(&catalog, &id, 0).await;
    let recording = newest(&catalog, &id).await;
    let part = Part { number: 5, etag: "etag".to_owned() };
    let sealed = SealedPart { part, digest: "digest".to_owned() };
    assert!(catalog.begin_upload(&recording, Some("upload")).await.unwrap());
    for checkpoint in [b"first", b"again"] {
        assert!(catalog.seal_part(&recording, &sealed, Some(checkpoint)).await.unwrap());
        assert_eq!(catalog.checkpoints(&recording).await.unwrap(), [&checkpoint[..]]);
    }
    let leavings = catalog.remove_recording(&recording).await.unwrap().unwrap();
    assert_eq!(leavings.upload_id.as_deref(), Some("upload"));
    assert!(!catalog.begin_upload(&recording, Some("another")).await.unwrap());
    assert!(!catalog.seal_part(&recording, &sealed, Some(b"late")).await.unwrap());
    assert_eq!(catalog.sealed_parts(&recording).await.unwrap(), []);
    assert!(catalog.checkpoints(&recording).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_stored_after_its_recording_was_removed_is_forgotten_but_not_what_is_anothers() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let id = catalog.create("", StreamOptions::default()).await.unwrap().video_id;
    let mut removed = Vec::new();
    for first in [0, 10, 20] {
        broadcast(&catalog, &id, first).await;
        removed.push(newest(&catalog, &id).await);
    }
    let removed = &removed[1];
    catalog.remove_recording(removed).await.unwrap();
    let length = MediaDuration::from_secs(2);
    let entry = |number| Entry {
        sequence: MediaSequence::new(number),
        uri: segment_name(MediaSequence::new(number)),
        duration: length,
        program_date_time: UNIX_EPOCH,
        discontinuity: false,
        gap: number == 14,
    };
    let late: Vec<_> = [9, 13, 14, 20].map(entry).into();
    catalog.keep_playlist(&id, length, &MediaPlaylist::new(length, 3), &late, true).await.unwrap();
    let forgotten = catalog.forget_late(removed).await.unwrap();
    assert_eq!(forgotten.segments, [MediaSequence::new(13)]);
    let left = catalog.kept_segments(&id, MediaSequence::new(0), None, 10).await.unwrap();
    assert_eq!(left, [entry(9), entry(20)]);
}

#[tokio::test]
async fn a_recording_that_failed_on_air_ends_with_its_broadcast() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let options = StreamOptions { retention_days: Some(0), ..StreamOptions::default() };
    let id = catalog.create("", options).await.unwrap().video_id;
    catalog.went_live(&id, UNIX_EPOCH, Some(MediaSequence::new(0))).await.unwrap();
    catalog.recording_failed(&newest(&catalog, &id).await, "no room").await.unwrap();
    let later = SystemTime::now() + Duration::from_secs(60);
    assert!(catalog.is_recording(&id).await.unwrap(), "its segments are kept");
    assert_eq!(catalog.expired_recordings(later, None).await.unwrap(), []);
    end(&catalog, &id).await;
    let ended = newest(&catalog, &id).await;
    assert_eq!((ended.state, ended.ended_at.is_some()), (RecordingState::Failed, true));
    assert!(!catalog.is_recording(&id).await.unwrap());
    assert_eq!(catalog.expired_recordings(later, None).await.unwrap(), [ended]);
}

#[tokio::test]
async fn a_recording_that_is_to_be_kept_after_all_stays() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let options = |days| StreamOptions { retention_days: days, ..StreamOptions::default() };
    let id = catalog.create("", options(Some(0))).await.unwrap().video_id;
    broadcast(&catalog, &id, 0).await;
    catalog.recording_failed(&newest(&catalog, &id).await, "").await.unwrap();
    let later = SystemTime::now() + Duration::from_secs(60);
    let expired = catalog.expired_recordings(later, None).await.unwrap();
    catalog.change(&id, "", &options(Some(1))).await.unwrap();
    assert_eq!(catalog.remove_expired(&expired[0], later, None).await.unwrap(), None);
    assert!(catalog.remove_expired(&expired[0], later, Some(0)).await.unwrap().is_some());
    assert_eq!(catalog.recordings_of(&id).await.unwrap(), []);
}

#[tokio::test]
async fn recordings_are_removed_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog(&dir).await;
    let id = catalog.create("", StreamOptions::default()).await.unwrap().video_id;
    for first in 0..40 {
        broadcast(&catalog, &id, first).await;
    }
    let (busy, other) = (catalog.clone(), id.clone());
    let busy = tokio::spawn(async move {
        for number in 0.. {
            busy.set_next_sequence(&other, MediaSequence::new(number)).await.unwrap();
        }
    });
    for recording in catalog.recordings_of(&id).await.unwrap() {
        assert!(catalog.remove_recording(&recording).await.unwrap().is_some());
    }
    busy.abort();
}
