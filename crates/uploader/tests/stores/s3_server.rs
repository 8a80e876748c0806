//! The S3 store against SeaweedFS, which checks signatures as AWS does.

use std::sync::Arc;

use uploader::{
    CheckError, LatestObject, ObjectStore, RetryPolicy, S3Options, S3Store, StoreError, Uploader, check,
};

use crate::seaweed::Seaweed;
use crate::{LIMIT, options, segment};

#[tokio::test]
async fn objects_are_stored_with_their_headers_and_deleted() {
    let seaweed = Seaweed::shared().await;
    let store = S3Store::new(options(&seaweed.endpoint)).unwrap();
    let uploader = Uploader::new(Arc::new(store), RetryPolicy::default());
    let other = seaweed.bucket();
    for size in [0, 1, 700_000, 33 << 20] {
        let object = segment(&format!("live/v/segment_{size}.ts"), size);
        assert_eq!(uploader.put(&object).await.unwrap().attempts, 1);

        let read = other.get_object(&object.key).await.unwrap();
        assert!(read.bytes() == &object.data, "{size} bytes come back unchanged");
        let (head, _) = other.head_object(&object.key).await.unwrap();
        assert_eq!(head.content_type.as_deref(), Some("video/mp2t"));
        assert_eq!(head.cache_control.as_deref(), Some("max-age=31536000, immutable"));
        assert!(uploader.store().get(&object.key).await.unwrap() == object.data);

        uploader.delete(&object.key).await.unwrap();
        assert!(!other.object_exists(&object.key).await.unwrap());
        assert_eq!(uploader.store().get(&object.key).await, Err(StoreError::NotFound));
        uploader.delete(&object.key).await.unwrap();
    }
}

#[tokio::test]
async fn odd_keys_and_a_prefix_name_the_objects_they_say() {
    let seaweed = Seaweed::shared().await;
    let prefixed = S3Options { prefix: "/some where/é/".into(), ..options(&seaweed.endpoint) };
    let store = S3Store::new(prefixed).unwrap();
    for key in [
        "x y+z.ts",
        "100%.ts",
        "a?b#c&d=e.ts",
        "größe/日本.ts",
        "..a/b../~(c)'!*.ts",
        "%2e%2e/x",
        "a:b@c;d,e$",
    ] {
        let object = segment(key, 100);
        store.put(&object).await.unwrap_or_else(|error| panic!("{key}: {error}"));
        let listed = seaweed.bucket().list("some where/é/".into(), None).await.unwrap();
        let listed: Vec<_> = listed.iter().flat_map(|page| &page.contents).map(|found| &found.key).collect();
        assert_eq!(listed, [&format!("some where/é/{key}")]);
        assert_eq!(store.get(key).await.unwrap(), object.data);
        store.delete(key).await.unwrap();
    }
    assert_eq!(store.put(&segment("../live/x", 1)).await, Err(StoreError::InvalidKey));
}

#[tokio::test]
async fn the_check_passes_and_leaves_nothing_or_names_what_is_wrong() {
    let seaweed = Seaweed::shared().await;
    let prefixed = S3Options { prefix: "checked".into(), ..options(&seaweed.endpoint) };
    check(&S3Store::new(prefixed).unwrap(), LIMIT).await.unwrap();
    let left = seaweed.bucket().list("checked/".into(), None).await.unwrap();
    assert_eq!(left.iter().flat_map(|page| &page.contents).count(), 0);

    let problem = async |change: fn(&mut S3Options)| {
        let mut options = options(&seaweed.endpoint);
        change(&mut options);
        check(&S3Store::new(options).unwrap(), LIMIT).await.unwrap_err()
    };
    let wrong = problem(|o| o.secret_key = Some("wrong".into())).await;
    assert!(matches!(wrong, CheckError::WrongSecret { .. }), "{wrong}");
    let wrong = problem(|o| o.access_key = Some("nobody".into())).await;
    assert!(matches!(wrong, CheckError::UnknownKeyId { .. }), "{wrong}");
    let wrong = problem(|o| {
        o.bucket = "nowhere".into();
        o.access_key = Some("admin".into());
        o.secret_key = Some("admin-secret".into());
    })
    .await;
    assert!(matches!(wrong, CheckError::NoSuchBucket { .. }), "{wrong}");
    let wrong = problem(|o| o.bucket = "nowhere".into()).await;
    assert!(matches!(wrong, CheckError::NoPermission { .. }), "{wrong}");
    let wrong = problem(|o| {
        o.access_key = Some("reader".into());
        o.secret_key = Some("reader-secret".into());
    })
    .await;
    assert!(matches!(wrong, CheckError::NoPermission { .. }), "{wrong}");
    let wrong = problem(|o| o.endpoint.as_mut().unwrap().set_scheme("https").unwrap()).await;
    assert!(matches!(wrong, CheckError::Tls { .. }), "{wrong}");
}

#[tokio::test]
async fn a_latest_object_is_replaced_in_place() {
    let seaweed = Seaweed::shared().await;
    let store = S3Store::new(options(&seaweed.endpoint)).unwrap();
    let uploader = Uploader::new(Arc::new(store), RetryPolicy::default());
    let playlist =
        LatestObject::new(uploader, "live/v/index.m3u8", "application/vnd.apple.mpegurl", "no-cache");
    for version in 1..=5 {
        let text = format!("#EXTM3U\n#{version}\n");
        playlist.replace(text.clone().into()).await.unwrap();
        let read = seaweed.bucket().get_object(playlist.key()).await.unwrap();
        assert_eq!(read.to_string().unwrap(), text);
    }
    playlist.settle().await.unwrap();
    let (head, _) = seaweed.bucket().head_object(playlist.key()).await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("application/vnd.apple.mpegurl"));
    assert_eq!(head.cache_control.as_deref(), Some("no-cache"));
}
