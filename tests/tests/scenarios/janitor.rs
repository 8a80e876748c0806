//! What stays in the bucket, and what doesn't.

use std::time::Duration;

use scenarios::{SeaweedFs, Source, Weir, WeirBuilder, encode};
use serde_json::json;

use crate::recording::ready;

fn stored(store: &SeaweedFs) -> WeirBuilder {
    Weir::builder().objects_in(store)
}

#[tokio::test]
async fn what_nothing_names_leaves_the_bucket_and_what_is_listed_or_kept_never_does() {
    let store = SeaweedFs::bucket("janitor").await;
    let weir = stored(&store).env("WEIR_SEGMENT_DURATION", 1).env("WEIR_PLAYLIST_WINDOW", 3);
    let mut weir = weir.env("WEIR_JANITOR_INTERVAL", 1).env("WEIR_RECORD", true).start().await;
    let (kept, gone) = (weir.api().create("kept").await, weir.api().create("gone").await);
    let none = json!({ "retentionDays": 0 });
    let changed =
        weir.api().call(reqwest::Method::PATCH, &format!("/api/live/{}", gone.id), Some(none)).await;
    assert_eq!(changed.code, 200, "{}", changed.text);
    let source = Source { size: Some((320, 180)), seconds: 6, ..Source::default() };
    let mut publishers = [kept.publish(encode(&source)), gone.publish(encode(&source))];
    for publisher in &mut publishers {
        publisher.finishes().await;
    }

    // Without retention a recording goes when its file is ready, but for what the ended playlist lists.
    let removed = || async {
        let names = store.list(&format!("live/{}", gone.id)).await;
        let segments = names.iter().filter(|name| name.ends_with(".ts")).count();
        (segments == 3 && !names.contains(&"vod.m3u8".to_owned())).then_some(())
    };
    scenarios::eventually("three segments are left", Duration::from_secs(30), removed).await;
    gone.watch_s3().segments(3).await;
    assert_eq!(weir.api().get(&gone.path("recordings")).await.json()["recordings"], json!([]));
    assert!(gone.status().await["vodUrl"].is_null());
    let file = |id: &str| format!("{id}.mp4");
    ready(&weir, &kept, 1).await;
    assert_eq!(store.list("recordings").await, [file(&kept.id)]);
    let segments = store.list(&format!("live/{}", kept.id)).await;
    assert!(segments.iter().filter(|name| name.ends_with(".ts")).count() >= 5, "{segments:?}");

    // What a crash leaves: a segment that was never listed, and an upload that was never completed.
    let orphan = format!("live/{}/segment_900.ts", kept.id);
    store.ask(&["-X", "PUT", "-d", "lost"], &orphan).await;
    store.ask(&["-X", "POST"], &format!("recordings/{}-9.mp4?uploads=", kept.id)).await;
    store.ask(&["-X", "PUT", "-d", "mine"], "live/notes.txt").await;
    let uploads = || async { store.ask(&[], "?uploads=").await.matches("<UploadId>").count() };
    assert_eq!(uploads().await, 1);
    let sweep = |args: &'static [&'static str]| {
        let sweep = stored(&store).env("WEIR_DATA_DIR", weir.data_dir().display()).arg("janitor");
        args.iter().fold(sweep, |sweep, arg| sweep.arg(arg)).ends()
    };
    for (args, told, left) in [
        (&["--older-than", "0", "--dry-run"][..], "To be removed: 1 objects, 1 unfinished uploads", 1),
        (&["--older-than", "0"], "Removed: 1 objects, 1 unfinished uploads", 0),
        (&["--older-than", "0"], "Removed: 0 objects, 0 unfinished uploads", 0),
    ] {
        let (status, said) = sweep(args).await;
        assert!(status.success() && said.contains(told), "{status}: {said}");
        let names = store.list(&format!("live/{}", kept.id)).await;
        assert_eq!(names.len(), segments.len() + left, "{names:?}");
        assert_eq!(uploads().await, left);
    }
    assert_eq!(store.list("recordings").await, [file(&kept.id)]);
    assert!(store.list("live").await.contains(&"notes.txt".to_owned()));
    weir.assert_healthy().await;
}
