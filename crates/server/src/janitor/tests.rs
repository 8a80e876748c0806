use std::sync::Arc;
use std::time::UNIX_EPOCH;

use hls_mux::playlist::{Entry, MediaPlaylist};
use hls_mux::{MediaSequence, segment_name};
use media::MediaDuration;
use uploader::{ListedMultipart, MemoryStore, Multipart, Object, RetryPolicy};

use super::*;
use crate::catalog::{EndReason, Leavings, StreamOptions};
use crate::live::ObjectKeys;

/// What is left of a broadcast that isn't recorded.
const LISTED: [&str; 4] = ["index.m3u8", "segment_002.ts", "segment_003.ts", "segment_004.ts"];

struct House {
    _dir: tempfile::TempDir,
    store: Arc<MemoryStore>,
    janitor: Janitor,
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("weir.db").display());
        let store = Arc::new(MemoryStore::new(1 << 20));
        let janitor = Janitor {
            catalog: Catalog::open(&url).await.unwrap(),
            uploader: Uploader::new(store.clone(), RetryPolicy::default()),
            registry: None,
            window: Duration::ZERO,
            max_retention_days: None,
            older_than: Duration::ZERO,
            uploads_older_than: UPLOAD_LIMIT,
            dry_run: false,
        };
        Self { _dir: dir, store, janitor }
    }

    async fn put(&self, key: &str, data: &str) {
        let data = data.to_owned().into();
        let object = Object { key: key.to_owned(), data, content_type: "", cache_control: "" };
        self.janitor.uploader.put(&object).await.unwrap();
    }

    /// A stream with a broadcast that has ended: the playlist lists the last three of five segments.
    async fn ended(&self, options: StreamOptions) -> VideoId {
        let (catalog, length) = (&self.janitor.catalog, MediaDuration::from_secs(2));
        let recorded = options.record;
        let id = catalog.create("", options).await.unwrap().video_id;
        let first = recorded.then_some(MediaSequence::new(0));
        catalog.went_live(&id, UNIX_EPOCH, first).await.unwrap();
        let mut playlist = MediaPlaylist::new(length, 3);
        for number in 0..5 {
            let sequence = MediaSequence::new(number);
            let entry = Entry {
                sequence,
                uri: segment_name(sequence),
                duration: length,
                program_date_time: UNIX_EPOCH,
                discontinuity: false,
                gap: false,
            };
            playlist.push(entry.clone());
            catalog.keep_playlist(&id, length, &playlist, &[entry], recorded).await.unwrap();
            self.put(&ObjectKeys::new(&id).segment(sequence), "").await;
        }
        self.put(&ObjectKeys::new(&id).media_playlist(), &playlist.render()).await;
        let reason = EndReason { code: String::new(), message: String::new() };
        catalog.ended(&id, Status::Ready, &reason).await.unwrap();
        id
    }

    fn left(&self, id: &VideoId) -> Vec<String> {
        let keys = self.store.keys().into_iter();
        keys.filter(|key| key.contains(id.as_str()))
            .map(|key| key.rsplit('/').next().unwrap().into())
            .collect()
    }
}

#[tokio::test]
async fn what_nothing_names_goes_and_what_a_playlist_or_a_recording_names_stays() {
    let house = House::new().await;
    let plain = house.ended(StreamOptions::default()).await;
    let recorded = house.ended(StreamOptions { record: true, ..StreamOptions::default() }).await;
    house.put("live/notes/segment_000.ts", "").await;
    house.put(&format!("recordings/{recorded}.mp4"), "").await;
    house.put(&format!("recordings/{recorded}-2.mp4"), "").await;
    let swept = house.janitor.sweep().await.unwrap();
    assert_eq!(swept, Swept { objects: 3, ..Swept::default() });
    assert_eq!(house.left(&plain), LISTED);
    let left = house.left(&recorded);
    assert_eq!((left.len(), &left[6]), (7, &format!("{recorded}.mp4")));
    assert!(house.store.keys().contains(&"live/notes/segment_000.ts".to_owned()));
}

#[tokio::test]
async fn what_the_playlist_in_the_bucket_lists_stays_though_the_catalog_has_forgotten_it() {
    let house = House::new().await;
    let id = house.ended(StreamOptions::default()).await;
    house.put(&ObjectKeys::new(&id).media_playlist(), "#EXTM3U\nsegment_001.ts\n").await;
    house.janitor.sweep().await.unwrap();
    assert_eq!(house.left(&id), ["index.m3u8", "segment_001.ts"]);
}

#[tokio::test]
async fn a_dry_run_a_young_object_and_a_stream_on_air_lose_nothing() {
    let mut house = House::new().await;
    let id = house.ended(StreamOptions::default()).await;
    house.janitor.dry_run = true;
    assert_eq!(house.janitor.sweep().await.unwrap().objects, 2);
    (house.janitor.dry_run, house.janitor.older_than) = (false, GRACE);
    assert_eq!(house.janitor.sweep().await.unwrap(), Swept::default());
    house.janitor.older_than = Duration::ZERO;
    house.janitor.catalog.went_live(&id, UNIX_EPOCH, None).await.unwrap();
    assert_eq!(house.janitor.sweep().await.unwrap(), Swept::default());
    assert_eq!(house.left(&id).len(), 6);
}

#[tokio::test]
async fn a_deleted_stream_leaves_nothing() {
    let house = House::new().await;
    let id = house.ended(StreamOptions { record: true, ..StreamOptions::default() }).await;
    house.janitor.catalog.delete(&id).await.unwrap();
    house.janitor.sweep().await.unwrap();
    assert_eq!(house.left(&id), [""; 0]);
}

#[tokio::test]
async fn a_recording_that_has_had_its_time_goes_but_for_what_the_playlist_lists() {
    let mut house = House::new().await;
    let catalog = &house.janitor.catalog.clone();
    let options = |days| StreamOptions { record: true, retention_days: days, ..StreamOptions::default() };
    let (gone, stays) = (house.ended(options(Some(0))).await, house.ended(options(Some(1))).await);
    assert_eq!(house.janitor.expire().await.unwrap(), Swept::default(), "their files are not ready yet");
    for id in [&gone, &stays] {
        let recording = catalog.recording(id, 1).await.unwrap().unwrap();
        house.put(&ObjectKeys::new(id).recording(1), "").await;
        catalog.recording_failed(&recording, "").await.unwrap();
    }
    let swept = house.janitor.expire().await.unwrap();
    assert_eq!(swept, Swept { recordings: 1, objects: 3, ..Swept::default() });
    assert_eq!(house.left(&gone), LISTED);
    assert_eq!(house.left(&stays).len(), 7);
    assert_eq!(catalog.recordings_of(&gone).await.unwrap(), []);
    house.janitor.max_retention_days = Some(0);
    assert_eq!(house.janitor.expire().await.unwrap().recordings, 1, "the shorter time counts");
    assert_eq!(house.left(&stays), LISTED);
}

#[tokio::test]
async fn recordings_have_their_time_where_the_bucket_is_never_swept() {
    let house = House::new().await;
    let options = StreamOptions { record: true, retention_days: Some(0), ..StreamOptions::default() };
    let id = house.ended(options).await;
    let catalog = &house.janitor.catalog;
    catalog.recording_failed(&catalog.recording(&id, 1).await.unwrap().unwrap(), "").await.unwrap();
    house.put(&format!("live/{id}/segment_900.ts"), "").await;
    let running = tokio::spawn(house.janitor.clone().run(Duration::ZERO));
    let is_removed =
        async || catalog.recordings_of(&id).await.unwrap().is_empty() && house.left(&id).len() == 5;
    while !is_removed().await {
        assert!(!running.is_finished());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    assert!(house.left(&id).contains(&"segment_900.ts".to_owned()), "that is for a sweep to find");
}

#[tokio::test]
async fn the_lists_of_a_newer_recording_stay_when_an_older_one_goes() {
    let house = House::new().await;
    let catalog = &house.janitor.catalog;
    let id = house.ended(StreamOptions { record: true, ..StreamOptions::default() }).await;
    let (keys, recording) = (ObjectKeys::new(&id), catalog.recording(&id, 1).await.unwrap().unwrap());
    let lists = [keys.vod_playlist(), keys.thumbs()];
    catalog.remove_recording(&recording).await.unwrap();
    for (newer, left) in [(true, 2), (false, 0)] {
        for list in &lists {
            house.put(list, "").await;
        }
        if newer {
            catalog.went_live(&id, UNIX_EPOCH, Some(MediaSequence::new(5))).await.unwrap();
        } else {
            catalog.remove_recording(&catalog.recording(&id, 2).await.unwrap().unwrap()).await.unwrap();
        }
        // As it was read before the newer one began.
        assert_eq!(recording.before, None);
        let leavings = Leavings { upload_id: None, segments: Vec::new(), sheets: Vec::new() };
        house.janitor.remove_recorded(&recording, leavings, &mut Swept::default()).await.unwrap();
        let there = house.store.keys().into_iter().filter(|key| lists.contains(key)).count();
        assert_eq!(there, left);
    }
}

#[tokio::test]
async fn a_bucket_of_another_catalog_is_left_alone() {
    let (mut house, mine) = (House::new().await, House::new().await);
    let id = mine.ended(StreamOptions { record: true, ..StreamOptions::default() }).await;
    mine.janitor.sweep().await.unwrap();
    house.janitor.uploader = mine.janitor.uploader.clone();
    assert!(matches!(house.janitor.sweep().await, Err(JanitorError::Foreign)));
    assert_eq!(mine.left(&id).len(), 6);
}

#[tokio::test]
async fn an_upload_is_abandoned_after_a_day_unless_a_recording_has_it() {
    let house = House::new().await;
    let id = house.ended(StreamOptions { record: true, ..StreamOptions::default() }).await;
    let catalog = &house.janitor.catalog;
    let recording = catalog.recording(&id, 1).await.unwrap().unwrap();
    let upload = |age: u64, key: &str, upload_id: &str| ListedMultipart {
        multipart: Multipart { key: key.to_owned(), upload_id: upload_id.to_owned() },
        begun: SystemTime::now() - Duration::from_secs(age),
    };
    let key = ObjectKeys::new(&id).recording(1);
    catalog.begin_upload(&recording, Some("mine")).await.unwrap();
    let abandoned = async |upload| house.janitor.is_abandoned(&upload).await.unwrap();
    assert!(abandoned(upload(90_000, &key, "lost")).await);
    assert!(!abandoned(upload(90_000, &key, "mine")).await);
    assert!(!abandoned(upload(3_600, &key, "lost")).await);
    assert!(!abandoned(upload(90_000, "recordings/interview.mp4", "lost")).await);
}
