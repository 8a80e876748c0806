//! Media never touches disk.

use std::path::Path;
use std::time::Duration;

use scenarios::{Source, Weir, encode, eventually};

#[tokio::test]
async fn a_broadcast_writes_no_media_to_disk() {
    let weir = Weir::start().await;
    let stream = weir.api().create("in memory").await;
    let mut player = stream.watch();
    let before = written(&weir);
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(4).await;
    assert_eq!(open_files(&weir), Vec::<String>::new(), "files open beside the catalog and the log");
    let recording = player.finish();
    let bytes: usize = recording.segments.iter().map(|segment| segment.media.len()).sum();
    publisher.stop().await;
    stream.reaches("READY").await;
    let written = written(&weir) - before;
    assert!(bytes > 1_000_000, "only {bytes} bytes of media");
    assert!(written < 600_000, "{written} bytes written to disk beside {bytes} of media");

    eventually("the temporary folder is empty", Duration::from_secs(2), || async {
        files(&weir.temp_dir()).is_empty().then_some(())
    })
    .await;
    for file in files(&weir.data_dir()) {
        let known = ["weir.db", "weir.db-wal", "weir.db-shm", "weir.db-journal", "api-token"];
        assert!(known.contains(&file.as_str()), "{file} is in the data folder");
    }
}

/// Bytes that the process has caused to be written to storage.
fn written(weir: &Weir) -> u64 {
    let io = std::fs::read_to_string(weir.proc("io")).unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap();
    line.parse().unwrap()
}

/// Regular files that the process has open, but for its catalog, its log and what it was linked with.
fn open_files(weir: &Weir) -> Vec<String> {
    let open = std::fs::read_dir(weir.proc("fd")).unwrap();
    open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.display().to_string())
        .filter(|path| path.starts_with('/') && !path.starts_with("/dev/") && !path.starts_with("/proc/"))
        .filter(|path| !path.contains("/data/weir.db"))
        .filter(|path| !path.ends_with("/stdout") && !path.ends_with("/stderr"))
        .collect()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
