//! RTMP over TLS: the same, with a certificate that may be renewed.

use std::time::Duration;

use scenarios::{
    Expected, Picture, RtmpClient, SelfSigned, Source, Weir, WeirBuilder, assert_broadcast, encode,
    eventually, free_port, served_fingerprint,
};

const SOON: Duration = Duration::from_secs(10);

fn serving(weir: WeirBuilder, port: u16, served: &SelfSigned) -> WeirBuilder {
    weir.env("WEIR_RTMPS_ADDR", format!("127.0.0.1:{port}"))
        .env("WEIR_RTMPS_CERT", served.certificate.display())
        .env("WEIR_RTMPS_KEY", served.key.display())
}

#[tokio::test]
async fn an_encoder_publishes_over_tls_while_the_certificate_is_renewed() {
    let (weir, port) = (Weir::builder(), free_port());
    let first = SelfSigned::make(weir.home(), "served");
    let first_fingerprint = first.fingerprint();
    let second = SelfSigned::make(weir.home(), "next");
    let mut weir = serving(weir, port, &first).start().await;
    let created = weir.api().post("/api/live/create").await.json();
    assert_eq!(created["rtmpsUrl"], format!("rtmps://127.0.0.1:{port}/live"));
    assert!(weir.log().contains(&format!("rtmps://127.0.0.1:{port}/live")), "the banner shows it");
    let mut stream = weir.api().create("encrypted").await;
    stream.rtmp_url = created["rtmpsUrl"].as_str().unwrap().to_owned();

    let mut player = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 14, ..Source::default() }));
    player.segments(1).await;
    assert_eq!(served_fingerprint(port).await, first_fingerprint);

    // A new certificate comes before its key, as files do.
    std::fs::copy(&second.certificate, &first.certificate).unwrap();
    let kept = "the new certificate cannot be used; the old one is still served";
    eventually(kept, SOON, || async { weir.log().contains(kept).then_some(()) }).await;
    assert_eq!(served_fingerprint(port).await, first_fingerprint);
    std::fs::copy(&second.key, &first.key).unwrap();
    let renewed = second.fingerprint();
    eventually("the new certificate", SOON, || async {
        (served_fingerprint(port).await == renewed).then_some(())
    })
    .await;
    assert!(weir.log().contains(&renewed), "the log names it:\n{}", weir.log());

    publisher.finishes().await;
    player.ended().await;
    let picture = Picture { width: 320, height: 180, fps: 30.0 };
    let expected = Expected { picture: Some(picture), sound: true, segments: 5 };
    assert_broadcast(&player.finish(), expected).await;
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_tls_handshake_that_stalls_holds_a_place_only_so_long() {
    let (weir, port) = (Weir::builder(), free_port());
    let served = SelfSigned::make(weir.home(), "served");
    let mut weir = serving(weir, port, &served)
        .env("WEIR_MAX_CONNECTIONS_PER_ADDRESS", 3)
        .env("WEIR_RTMP_SETUP_TIMEOUT", 4)
        .start()
        .await;
    let stream = weir.api().create("waiting").await;
    // Nothing, and the start of a ClientHello whose rest never comes.
    let mut silent = RtmpClient::connect_from([127, 0, 0, 2], port).await;
    let mut half = RtmpClient::connect_from([127, 0, 0, 2], port).await;
    half.send(&[0x16, 3, 1, 2, 0, 1, 0]).await;
    let mut half_shaken = RtmpClient::connect_from([127, 0, 0, 2], weir.rtmp_port()).await;
    half_shaken.send(&[3; 700]).await;
    // Each port accepts in its own time.
    eventually("three connections", SOON, || async {
        (weir.metric("weir_rtmp_connections", "").await >= 3.0).then_some(())
    })
    .await;
    // They count together, on either port; others have their own places.
    let mut fourth = RtmpClient::connect_from([127, 0, 0, 2], weir.rtmp_port()).await;
    fourth.is_hung_up_on(Duration::from_secs(2)).await;
    RtmpClient::connect_from([127, 0, 0, 3], weir.rtmp_port()).await.publish(&stream.key).await;
    for stalled in [&mut silent, &mut half, &mut half_shaken] {
        stalled.is_hung_up_on(SOON).await;
    }
    // rtmp:// on the RTMPS port is told apart.
    let mut plain = RtmpClient::connect(port).await;
    plain.send(&[3; 1537]).await.is_hung_up_on(SOON).await;
    let log = "set to rtmp://";
    eventually(log, SOON, || async { weir.log().contains(log).then_some(()) }).await;
    for line in [
        "weir_rtmp_limit_hits_total{limit=\"setup_timeout\"} 3",
        "weir_rtmp_limit_hits_total{limit=\"max_connections_per_address\"} 1",
        "weir_rtmp_refused_total{reason=\"tls\"} 3",
    ] {
        let metrics = weir.anonymous().get("/metrics").await.text;
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_served_is_named_at_the_start() {
    for (certificate, key, words) in [
        ("missing.pem", "a.key", "cannot read"),
        ("a.pem", "b.key", "cannot be used with the key"),
        ("a.key", "a.key", "holds no usable PEM certificate"),
    ] {
        let weir = Weir::builder();
        let home = weir.home().to_owned();
        SelfSigned::make(&home, "a");
        SelfSigned::make(&home, "b");
        let served = SelfSigned { certificate: home.join(certificate), key: home.join(key) };
        let (status, said) = serving(weir, free_port(), &served).ends().await;
        assert!(!status.success() && said.contains(words), "{certificate} and {key}:\n{said}");
    }
}
