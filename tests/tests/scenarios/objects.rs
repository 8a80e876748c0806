//! How playlists and segments are served: types, caches, compression and other origins.

use scenarios::{SeaweedFs, Source, Weir, encode};

#[tokio::test]
async fn the_origin_and_the_bucket_serve_objects_as_players_and_caches_need_them() {
    let store = SeaweedFs::bucket("headers").await;
    let weir = Weir::builder().objects_in(&store);
    let weir = weir.start().await;
    let stream = weir.api().create("headers").await;
    let mut player = stream.watch_s3();
    let mut publisher = stream.publish(encode(&Source { seconds: 60, ..Source::default() }));
    player.segments(2).await;
    let recording = player.finish();
    let segment = &recording.segments[0].entry.uri;
    let folder = format!("live/{}", stream.id);
    assert!(segment.starts_with("segment_") && segment.ends_with(".ts"), "{segment}");

    let origin = |name: &str| weir.url(&format!("/{folder}/{name}"));
    let bucket = |name: &str| store.url(&format!("{folder}/{name}"));
    for url in [origin("index.m3u8"), origin("master.m3u8"), bucket("index.m3u8"), bucket("master.m3u8")] {
        let answer = get(&url, &[]).await;
        assert_eq!(answer.0["content-type"], "application/vnd.apple.mpegurl", "{url}");
        let cache = answer.0["cache-control"].to_str().unwrap().to_owned();
        let expected = if url == origin("index.m3u8") || url == origin("master.m3u8") {
            "max-age=1"
        } else {
            "no-cache"
        };
        assert_eq!(cache, expected, "{url}");
        let parts = answer.1.windows(10).any(|text| text == b"EXT-X-PART");
        assert_eq!(parts, url == origin("index.m3u8"), "only the origin can block: {url}");
    }
    for url in [origin(segment), bucket(segment)] {
        let answer = get(&url, &[]).await;
        assert_eq!(answer.0["content-type"], "video/mp2t", "{url}");
        let cache = answer.0["cache-control"].to_str().unwrap().to_owned();
        assert!(cache.contains("immutable") && cache.contains("max-age="), "{url}: {cache}");
        assert_eq!(answer.1, recording.segments[0].media, "{url}");
    }

    for url in [origin("thumb.jpg"), bucket("thumb.jpg")] {
        let answer = get(&url, &[]).await;
        assert_eq!(answer.0["content-type"], "image/jpeg", "{url}");
        assert_eq!(answer.0["cache-control"], "public, max-age=5", "{url}");
        assert!(answer.1.starts_with(&[0xff, 0xd8]) && answer.1.ends_with(&[0xff, 0xd9]), "{url}: a JPEG");
    }

    let packed = get(&origin("index.m3u8"), &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.0["content-encoding"], "gzip");
    assert_eq!(packed.1[..2], [0x1f, 0x8b], "a gzip header");
    assert!(packed.0["vary"].to_str().unwrap().to_lowercase().contains("accept-encoding"));
    let plain = get(&origin("index.m3u8"), &[]).await;
    assert!(plain.0.get("content-encoding").is_none() && plain.1.starts_with(b"#EXTM3U"));
    let media = get(&origin(segment), &[("accept-encoding", "gzip")]).await;
    assert!(media.0.get("content-encoding").is_none(), "media is packed already");
    for name in ["index.m3u8", segment] {
        let answer = get(&origin(name), &[("origin", "https://elsewhere.example")]).await;
        assert_eq!(answer.0["access-control-allow-origin"], "*", "{name}");
    }
    let missing = weir.anonymous().get(&format!("/{folder}/segment_999999.ts")).await;
    assert_eq!(missing.code, 404);
    publisher.stop().await;
}

/// Header fields and body of a 200.
async fn get(url: &str, headers: &[(&str, &str)]) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let request =
        headers.iter().fold(reqwest::Client::new().get(url), |r, (name, value)| r.header(*name, *value));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    (answer.headers().clone(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn segments_leave_the_bucket_after_the_window_and_its_grace() {
    let store = SeaweedFs::bucket("window").await;
    let weir = Weir::builder().objects_in(&store);
    let knobs = weir.env("WEIR_PLAYLIST_WINDOW", 3).env("WEIR_SEGMENT_DURATION", 1);
    let weir = knobs.start().await;
    let stream = weir.api().create("window").await;
    let mut player = stream.watch_s3();
    let source = Source { size: Some((320, 180)), seconds: 60, ..Source::default() };
    let mut publisher = stream.publish(encode(&source));
    player.segments(12).await;
    let folder = format!("live/{}", stream.id);
    let first = player.finish().segments[0].entry.uri.clone();
    let gone =
        scenarios::eventually("the first segment is deleted", std::time::Duration::from_secs(20), || async {
            let left = store.list(&folder).await;
            (!left.contains(&first)).then_some(left)
        });
    let left = gone.await;
    assert!(left.iter().filter(|name| name.ends_with(".ts")).count() >= 3, "{left:?}");
    publisher.stop().await;
}
