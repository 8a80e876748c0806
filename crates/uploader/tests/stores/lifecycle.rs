//! Lifecycle rules on a real S3 server.

use s3::serde_types::{BucketLifecycleConfiguration, Expiration, LifecycleFilter, LifecycleRule};
use uploader::{LifecycleError, S3Options, S3Store, StoreError, StoreRule, StoreRuleAction};

use crate::options;
use crate::seaweed::Seaweed;

const NAMES: [&str; 2] = ["abort-uploads", "expire-recordings"];

fn rules(days: u32) -> Vec<StoreRule> {
    let rule = |name, action| StoreRule { name, prefix: "recordings/", action };
    vec![
        rule(NAMES[0], StoreRuleAction::AbortUploads { days }),
        rule(NAMES[1], StoreRuleAction::Expire { days }),
    ]
}

#[tokio::test]
async fn rules_are_written_beside_those_of_others_and_taken_back() {
    let seaweed = Seaweed::shared().await;
    let store = |key: &str| {
        let (access_key, secret_key) = (Some(key.to_owned()), Some(format!("{key}-secret")));
        S3Store::new(S3Options { access_key, secret_key, ..options(&seaweed.endpoint) }).unwrap()
    };
    let (store, reader) = (store("admin"), store("reader"));
    let filter = LifecycleFilter { prefix: Some("logs/".into()), ..LifecycleFilter::default() };
    let theirs = LifecycleRule::builder("Enabled").id("theirs").filter(filter);
    let theirs = theirs.expiration(Expiration::new(None, Some(3), None)).build();
    let bucket = seaweed.bucket();
    bucket.put_bucket_lifecycle(BucketLifecycleConfiguration::new(vec![theirs])).await.unwrap();

    let change = store.plan_lifecycle(&rules(30), &NAMES).await.unwrap();
    assert_eq!((change.kept, change.is_needed), (1, true));
    let refused = reader.change_lifecycle(reader.plan_lifecycle(&rules(30), &NAMES).await.unwrap()).await;
    assert!(matches!(refused, Err(LifecycleError::Store(StoreError::Rejected(_)))), "{refused:?}");
    store.change_lifecycle(change).await.unwrap();
    let ids = async || -> Vec<String> {
        let found = bucket.get_bucket_lifecycle().await.unwrap().rules;
        found.into_iter().filter_map(|rule| rule.id).collect()
    };
    assert_eq!(ids().await, ["theirs", "weir-abort-uploads", "weir-expire-recordings"]);
    assert!(!store.plan_lifecycle(&rules(30), &NAMES).await.unwrap().is_needed, "applied twice");

    let change = store.plan_lifecycle(&rules(40)[..1], &NAMES).await.unwrap();
    assert_eq!(change.removed, ["weir-expire-recordings"]);
    store.change_lifecycle(change).await.unwrap();
    assert_eq!(ids().await, ["theirs", "weir-abort-uploads"]);
}
