//! What encoders send, and what is then in the bucket: 720p H.264 and AAC in segments of 2 s.

use scenarios::{
    Expected, Picture, SeaweedFs, Source, Weir, assert_broadcast, assert_multivariant, encode, play_file,
};

/// Publishes until the source's end and judges what a player found in a real bucket meanwhile.
async fn publish_to_bucket(name: &str, args: Vec<String>, picture: Option<Picture>, sound: bool) {
    let store = SeaweedFs::bucket(name).await;
    let weir = Weir::builder().objects_in(&store);
    let mut weir = weir.start().await;
    let stream = weir.api().create(name).await;
    let (mut bucket, origin) = (stream.watch_s3(), stream.watch());
    let mut publisher = stream.publish(args);
    let status = stream.reaches("LIVE").await;
    assert_eq!(status["isLiveNow"], true, "{status}");
    bucket.segments(1).await;
    publisher.finishes().await;
    bucket.ended().await;
    stream.reaches("READY").await;
    weir.assert_healthy().await;

    let (bucket, origin) = (bucket.finish(), origin.finish());
    bucket.assert_same_media(&origin);
    assert_broadcast(&bucket, Expected { picture, sound, segments: 4 }).await;
    let folder = format!("live/{}", stream.id);
    let multivariant = weir.anonymous().get(&format!("/{folder}/master.m3u8")).await;
    assert_eq!(multivariant.code, 200, "{}", multivariant.text);
    assert_multivariant(&multivariant.text, &bucket, picture);
    let objects = store.list(&folder).await;
    for segment in &bucket.segments {
        assert!(objects.contains(&segment.entry.uri), "{} isn't among {objects:?}", segment.entry.uri);
    }
}

const HD: Picture = Picture { width: 1280, height: 720, fps: 30.0 };

#[tokio::test]
async fn a_1080p60_file_becomes_720p60() {
    let source = Source { size: Some((1920, 1080)), fps: "60", ..Source::default() };
    publish_to_bucket("fhd60", play_file(&source).await, Some(Picture { fps: 60.0, ..HD }), true).await;
}

#[tokio::test]
async fn b_frames_at_25_fps_are_put_in_order() {
    let source = Source { size: Some((1280, 720)), fps: "25", b_frames: 2, ..Source::default() };
    publish_to_bucket("b-frames", play_file(&source).await, Some(Picture { fps: 25.0, ..HD }), true).await;
}

#[tokio::test]
async fn a_portrait_camera_keeps_its_shape() {
    let source = Source { size: Some((1080, 1920)), ..Source::default() };
    let picture = Picture { width: 404, ..HD };
    publish_to_bucket("portrait", encode(&source), Some(picture), true).await;
}

#[tokio::test]
async fn an_encoder_at_29_97_fps_gives_segments_of_two_seconds() {
    let source = Source { fps: "30000/1001", b_frames: 2, ..Source::default() };
    let picture = Picture { width: 320, height: 180, fps: 30_000.0 / 1001.0 };
    publish_to_bucket("ntsc", encode(&source), Some(picture), true).await;
}

#[tokio::test]
async fn mono_at_44_1_khz_becomes_stereo_at_48() {
    let source = Source { audio: Some(("aac", 44_100, 1)), ..Source::default() };
    let picture = Picture { width: 320, height: 180, fps: 30.0 };
    publish_to_bucket("mono", play_file(&source).await, Some(picture), true).await;
}

#[tokio::test]
async fn mp3_becomes_aac() {
    let source = Source { audio: Some(("libmp3lame", 44_100, 2)), ..Source::default() };
    let picture = Picture { width: 320, height: 180, fps: 30.0 };
    publish_to_bucket("mp3", play_file(&source).await, Some(picture), true).await;
}

#[tokio::test]
async fn sound_alone_is_a_broadcast() {
    publish_to_bucket("sound", encode(&Source { size: None, ..Source::default() }), None, true).await;
}

#[tokio::test]
async fn a_picture_alone_is_given_silence() {
    let source = Source { size: Some((1280, 720)), audio: None, ..Source::default() };
    publish_to_bucket("silent", play_file(&source).await, Some(HD), true).await;
}
