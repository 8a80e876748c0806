//! What no encoder should send, while somebody else is live and must not notice.

use std::time::Duration;

use scenarios::{Bystander, Expected, Picture, Source, Weir, assert_broadcast, play_file};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PICTURE: Picture = Picture { width: 320, height: 180, fps: 30.0 };

#[tokio::test]
async fn garbage_on_the_rtmp_port_disturbs_nobody() {
    let mut weir = Weir::start().await;
    let bystander = Bystander::start(&weir).await;
    let connect = || TcpStream::connect(("127.0.0.1", weir.rtmp_port()));
    // Says nothing, all the while.
    let mut silent = connect().await.unwrap();
    let http = b"GET /live HTTP/1.1\r\nHost: weir\r\n\r\n".to_vec();
    let noise: Vec<u8> =
        (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80).collect();
    // A handshake, and then no RTMP.
    let shaken = [vec![3], vec![0; 1536], vec![0; 1536], vec![0xff; 50_000]].concat();
    for garbage in [http, noise, shaken] {
        let mut client = connect().await.unwrap();
        // The server may well hang up before it has read everything.
        let _ = client.write_all(&garbage).await;
        let mut heard = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(20), client.read_to_end(&mut heard)).await;
        assert!(closed.is_ok(), "still connected after {:?}", &garbage[..16]);
    }
    let closed = tokio::time::timeout(Duration::from_secs(30), silent.read(&mut [0; 16])).await;
    assert!(closed.is_ok(), "a connection that says nothing is kept for ever");
    bystander.noticed_nothing().await;
    weir.assert_healthy().await;
}

#[tokio::test]
async fn damaged_pictures_do_not_end_the_broadcast() {
    let mut weir = Weir::start().await;
    let stream = weir.api().create("damaged").await;
    let mut player = stream.watch();
    let mut args = play_file(&Source::default()).await;
    args.extend(["-bsf:v", r"noise=amount=gt(n\,100)*lt(n\,160)*20"].map(str::to_owned));
    let mut publisher = stream.publish(args);
    publisher.finishes().await;
    player.ended().await;
    stream.reaches("READY").await;
    let recording = player.finish();
    assert_broadcast(&recording, Expected { picture: Some(PICTURE), sound: true, segments: 4 }).await;
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_picture_without_a_keyframe_is_never_shown() {
    let mut weir = Weir::start().await;
    let bystander = Bystander::start(&weir).await;
    let stream = weir.api().create("no keyframe").await;
    let player = stream.watch();
    let mut args = play_file(&Source { seconds: 5, ..Source::default() }).await;
    args.extend(["-bsf:v", "noise=drop=key"].map(str::to_owned));
    let mut publisher = stream.publish(args);
    publisher.ends(Duration::from_secs(30)).await;
    stream.reports("the end of it", |status| status["isLiveNow"] == false).await;
    for segment in player.finish().segments {
        let found = scenarios::probe(&segment.media).await;
        let first = found.packets("video").first().map(|packet| packet.flags.clone());
        assert!(first.is_none_or(|flags| flags.contains('K')), "{} cannot be decoded", segment.entry.uri);
    }
    bystander.noticed_nothing().await;
    weir.assert_healthy().await;
}
