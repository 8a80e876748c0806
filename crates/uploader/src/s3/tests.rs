use url::Url;

use super::*;

fn options() -> S3Options {
    S3Options {
        bucket: "live".into(),
        access_key: Some("AKIDEXAMPLE".into()),
        secret_key: Some("wJalrXUtnFEMI/K7MDENG".into()),
        session_token: Some("FwoGZXIvYXdzEXAMPLE".into()),
        ..S3Options::default()
    }
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?} {:?}", options(), S3Store::new(options()).unwrap());
    for secret in ["AKIDEXAMPLE", "wJalr", "FwoG"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn options_that_cannot_work_are_refused_by_name() {
    let with = |change: fn(&mut S3Options)| {
        let mut options = options();
        change(&mut options);
        S3Store::new(options).err()
    };
    assert_eq!(with(|o| o.bucket = "a/b".into()), Some(S3OptionsError::Bucket("a/b".into())));
    assert_eq!(with(|o| o.bucket.clear()), Some(S3OptionsError::Bucket(String::new())));
    assert_eq!(with(|o| o.region = "eu west".into()), Some(S3OptionsError::Region("eu west".into())));
    assert_eq!(with(|o| o.prefix = "a/../b".into()), Some(S3OptionsError::Prefix("a/../b".into())));
    assert_eq!(with(|o| o.secret_key = None), Some(S3OptionsError::NoKeys));
    assert_eq!(with(|o| o.secret_key = Some("a\n".into())), Some(S3OptionsError::Keys));
    assert_eq!(
        with(|o| o.endpoint = Url::parse("https://me:hush@host/").ok()),
        Some(S3OptionsError::Endpoint("https://host/".into()))
    );
    assert_eq!(
        with(|o| o.endpoint = Url::parse("ftp://host/").ok()),
        Some(S3OptionsError::Endpoint("ftp://host/".into()))
    );
}

#[tokio::test]
async fn requests_are_addressed_as_configured() {
    let url = async |change: fn(&mut S3Options)| {
        let mut options = options();
        change(&mut options);
        let store = S3Store::new(options).unwrap();
        let path = format!("{}a b+%é/x.ts", store.prefix);
        let request = ReqwestRequest::new(&store.bucket, &path, Command::GetObject).await.unwrap();
        request.url().unwrap().to_string()
    };
    assert_eq!(url(|_| ()).await, "https://live.s3.us-east-1.amazonaws.com/a%20b%2B%25%C3%A9/x.ts");
    assert_eq!(
        url(|o| {
            o.endpoint = Url::parse("http://minio:9000/").ok();
            o.path_style = true;
            o.prefix = "/one/two/".into();
        })
        .await,
        "http://minio:9000/live/one/two/a%20b%2B%25%C3%A9/x.ts"
    );
    assert_eq!(
        url(|o| o.region = "cn-north-1".into()).await,
        "https://live.s3.cn-north-1.amazonaws.com.cn/a%20b%2B%25%C3%A9/x.ts"
    );
}
