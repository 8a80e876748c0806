//! Objects in parts, against SeaweedFS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uploader::{RetryPolicy, S3Store, Uploader};

use crate::options;
use crate::seaweed::Seaweed;

fn part(fill: u8, size: usize) -> Bytes {
    vec![fill; size].into()
}

#[tokio::test]
async fn the_first_part_may_come_last_and_numbers_may_have_gaps() {
    let seaweed = Seaweed::shared().await;
    let store = S3Store::new(options(&seaweed.endpoint)).unwrap();
    let policy = RetryPolicy { per_try_timeout: Duration::from_secs(30), ..RetryPolicy::default() };
    let uploader = Uploader::new(Arc::new(store), policy);
    let upload = uploader.create_multipart("recordings/a b+c.mp4", "video/mp4").await.unwrap();
    let contents = [(5, part(5, 8 << 20)), (6, part(6, 8 << 20)), (7, part(7, 1234)), (1, part(1, 8 << 20))];
    let mut parts = Vec::new();
    for (number, data) in &contents {
        // As after a lost answer, the same part again takes the place of the first.
        uploader.put_part(&upload, *number, data).await.unwrap();
        parts.push(uploader.put_part(&upload, *number, data).await.unwrap().1);
    }
    let other = seaweed.bucket();
    assert!(!other.object_exists(&upload.key).await.unwrap());
    uploader.complete_multipart(&upload, &parts).await.unwrap();
    uploader.complete_multipart(&upload, &parts).await.expect("as after a lost answer");

    let read = other.get_object(&upload.key).await.unwrap();
    let expected = [&contents[3].1[..], &contents[0].1[..], &contents[1].1[..], &contents[2].1[..]].concat();
    assert!(read.bytes() == &expected, "parts are joined by their numbers");
    let (head, _) = other.head_object(&upload.key).await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("video/mp4"));
    uploader.delete(&upload.key).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let seaweed = Seaweed::shared().await;
    let store = S3Store::new(options(&seaweed.endpoint)).unwrap();
    let uploader = Uploader::new(Arc::new(store), RetryPolicy::default());
    let upload = uploader.create_multipart("recordings/gone.mp4", "video/mp4").await.unwrap();
    let (_, stored) = uploader.put_part(&upload, 1, &part(1, 100)).await.unwrap();
    uploader.abort_multipart(&upload).await.unwrap();
    uploader.abort_multipart(&upload).await.unwrap();
    let error = uploader.complete_multipart(&upload, &[stored]).await.unwrap_err();
    assert!(error.to_string().contains("NoSuchUpload"), "{error}");
    let left = seaweed.bucket().list_multiparts_uploads(Some("recordings/gone"), None).await.unwrap();
    assert!(left.iter().all(|page| page.uploads.is_empty()));
}
