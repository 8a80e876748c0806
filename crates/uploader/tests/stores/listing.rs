//! What a bucket lists, against SeaweedFS.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::task::JoinSet;
use uploader::{Object, RetryPolicy, S3Options, S3Store, Uploader};

use crate::options;
use crate::seaweed::Seaweed;

/// One more than a page holds.
const OBJECTS: usize = 251;

#[tokio::test]
async fn every_object_is_listed_once_over_several_pages_without_the_prefix() {
    let seaweed = Seaweed::shared().await;
    let options = S3Options { prefix: "listed/here".into(), ..options(&seaweed.endpoint) };
    let uploader = Uploader::new(Arc::new(S3Store::new(options).unwrap()), RetryPolicy::default());
    let name = |n: usize| format!("live/a&b/{n:05}.ts");
    let mut puts = JoinSet::new();
    for worker in 0..8 {
        let uploader = uploader.clone();
        puts.spawn(async move {
            for n in (worker..OBJECTS).step_by(8) {
                let data = Bytes::from_static(b"12345");
                let object =
                    Object { key: name(n), data, content_type: "video/mp2t", cache_control: "no-cache" };
                uploader.put(&object).await.unwrap();
            }
        });
    }
    puts.join_all().await;
    let (mut keys, mut pages, mut page) = (Vec::new(), 0, None);
    loop {
        let listed = uploader.list("live/", page.as_deref()).await.unwrap();
        pages += 1;
        for object in listed.items {
            assert_eq!(object.size, 5);
            assert!(object.modified.elapsed().unwrap_or_default() < Duration::from_secs(600));
            keys.push(object.key);
        }
        page = listed.next;
        if page.is_none() {
            break;
        }
    }
    assert_eq!(keys, (0..OBJECTS).map(name).collect::<Vec<_>>());
    assert_eq!(pages, 2);
    assert_eq!(uploader.list("recordings/", None).await.unwrap().items, []);
}

#[tokio::test]
async fn unfinished_uploads_are_listed_until_they_are_given_up() {
    let seaweed = Seaweed::shared().await;
    let store = S3Store::new(options(&seaweed.endpoint)).unwrap();
    let uploader = Uploader::new(Arc::new(store), RetryPolicy::default());
    let upload = uploader.create_multipart("unfinished/a.mp4", "video/mp4").await.unwrap();
    let listed = uploader.list_multiparts("unfinished/", None).await.unwrap();
    let [found] = &listed.items[..] else { panic!("{listed:?}") };
    assert_eq!((&found.multipart, listed.next), (&upload, None));
    assert!(found.begun <= SystemTime::now() + Duration::from_secs(60));
    assert_eq!(uploader.list("unfinished/", None).await.unwrap().items, [], "it is no object yet");
    uploader.abort_multipart(&upload).await.unwrap();
    assert_eq!(uploader.list_multiparts("unfinished/", None).await.unwrap().items, []);
}
