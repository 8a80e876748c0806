use std::time::{Duration, SystemTime};

use hls_mux::playlist::{Entry, MediaPlaylist};
use media::{MediaDuration, Timestamp};
use uploader::{MemoryStore, Object, Uploader};

use super::assembly::tests::segments;
use super::*;
use crate::catalog::{EndReason, RecordingState, Status, StreamOptions};
use crate::config::Config;
use crate::live::{Board, RegistryOptions};
use crate::settings::Settings;

const LENGTH: MediaDuration = MediaDuration::from_secs(2);

/// A catalog, a store, and what is needed to make recordings of one in the other.
struct House {
    _dir: tempfile::TempDir,
    store: Arc<MemoryStore>,
    uploader: Uploader,
    catalog: Catalog,
    registry: Registry,
    janitor: Janitor,
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { data_dir: Some(dir.path().to_owned()), ..Settings::default() };
        let config = Config::new(settings).unwrap();
        let store = Arc::new(MemoryStore::new(64 << 20));
        let uploader = Uploader::new(store.clone(), RetryPolicy::default());
        let catalog = Catalog::open(&config.database_url).await.unwrap();
        let options = RegistryOptions::new(&config, None);
        let (stop, shutdown) = (CancellationToken::new(), CancellationToken::new());
        let board = Board::new(config.viewers);
        let registry = Registry::new(options, catalog.clone(), board, uploader.clone(), stop, shutdown);
        let janitor = Janitor::new(&config, catalog.clone(), uploader.clone(), Some(registry.clone()));
        Self { _dir: dir, store, uploader, catalog, registry, janitor }
    }

    /// A new stream with a broadcast of six seconds that is over.
    async fn broadcast(&self) -> VideoId {
        let id = self.catalog.create("", StreamOptions::default()).await.unwrap().video_id;
        let mut playlist = MediaPlaylist::new(LENGTH, 3);
        let mut new = Vec::new();
        for (number, segment) in (0..).zip(segments(Timestamp::ZERO, 6, 9000)) {
            let sequence = MediaSequence::new(number);
            self.put(ObjectKeys::new(&id).segment(sequence), segment.data).await;
            let entry = Entry {
                sequence,
                uri: hls_mux::segment_name(sequence),
                duration: segment.duration,
                program_date_time: SystemTime::UNIX_EPOCH,
                discontinuity: false,
                gap: false,
            };
            playlist.push(entry.clone());
            new.push(entry);
        }
        self.catalog.keep_playlist(&id, LENGTH, &playlist, &new, true).await.unwrap();
        self.catalog.went_live(&id, SystemTime::now(), Some(MediaSequence::new(0))).await.unwrap();
        let reason = EndReason { code: "stopped".into(), message: String::new() };
        self.catalog.ended(&id, Status::Ready, &reason).await.unwrap();
        id
    }

    fn start(&self) -> Recorders {
        let (catalog, registry) = (self.catalog.clone(), self.registry.clone());
        Recorders::start(catalog, registry, &self.uploader, self.janitor.clone())
    }

    /// A stream's recording, once its file is there.
    async fn recorded(&self, id: &VideoId) -> Recording {
        loop {
            let recording = self.catalog.recording(id, 1).await.unwrap().unwrap();
            if recording.state == RecordingState::Ready {
                return recording;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn put(&self, key: String, data: Bytes) {
        self.uploader.put(&Object { key, data, content_type: "", cache_control: "" }).await.unwrap();
    }

    fn text(&self, key: &str) -> Option<String> {
        self.store.get(key).map(|object| String::from_utf8(object.data.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn an_attempt_that_is_carried_out_late_does_not_take_the_end_of_a_playlist_away() {
    let house = House::new().await;
    let ids = [house.broadcast().await, house.broadcast().await];
    let _recorders = house.start();
    let [stays, goes] = [house.recorded(&ids[0]).await, house.recorded(&ids[1]).await];
    let key = |recording: &Recording| ObjectKeys::new(&recording.video_id).vod_playlist();
    for recording in [&stays, &goes] {
        assert!(house.text(&key(recording)).unwrap().ends_with("#EXT-X-ENDLIST\n"));
        house.put(key(recording), Bytes::from_static(b"#EXTM3U\n")).await;
    }
    house.catalog.remove_recording(&goes).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(125)).await;
    tokio::time::resume();
    let written = async {
        while !house.text(&key(&stays)).unwrap().ends_with("#EXT-X-ENDLIST\n") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // By then the other would be, too.
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    tokio::time::timeout(Duration::from_secs(10), written).await.unwrap();
    assert_eq!(house.text(&key(&goes)).unwrap(), "#EXTM3U\n", "nothing is kept of it");
}

#[tokio::test]
async fn a_recording_that_was_removed_leaves_no_list_and_no_small_pictures() {
    let house = House::new().await;
    let id = &house.broadcast().await;
    let recorders = house.start();
    let recording = house.recorded(id).await;
    assert!(recorders.vod(id).await.unwrap().unwrap().is_ended);
    assert!(recorders.thumbs(id).await.unwrap().is_some());
    recorders.remove(&recording).await.unwrap();
    assert!(recorders.vod(id).await.unwrap().is_none());
    assert_eq!(recorders.thumbs(id).await.unwrap(), None);
}
