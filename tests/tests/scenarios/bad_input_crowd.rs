//! Too many at once: silent clients, floods and guessed keys, while somebody else is live.

use std::time::{Duration, Instant};

use scenarios::{Bystander, RtmpClient, Weir, eventually};

/// Silent clients, at so many addresses.
const SILENT: usize = 1000;
const ADDRESSES: usize = 20;
const DEADLINE: Duration = Duration::from_secs(10);
/// What the silent are given; long enough for all of them to connect.
const SETUP: Duration = Duration::from_secs(8);
const CROWDS: usize = 4;

#[tokio::test]
async fn a_thousand_silent_clients_are_sent_away_in_time() {
    // The bystander's segments, which are kept, hardly weigh in memory at so few bits.
    let weir = Weir::builder()
        .env("WEIR_MAX_CONNECTIONS", SILENT + 10)
        .env("WEIR_RTMP_SETUP_TIMEOUT", SETUP.as_secs())
        .env("WEIR_VIDEO_BITRATE", 200_000);
    let mut weir = weir.start().await;
    let bystander = Bystander::start(&weir).await;
    let stream = weir.api().create("meanwhile").await;
    let mut resident = Vec::new();
    for round in 0..CROWDS {
        let started = Instant::now();
        let mut crowd = Vec::new();
        for n in 0..SILENT {
            let mut client =
                RtmpClient::connect_from([127, 1, 0, 1 + (n % ADDRESSES) as u8], weir.rtmp_port()).await;
            // Some say half of what a handshake begins with.
            if n % 2 == 1 {
                client.send(&[3; 800]).await;
            }
            crowd.push(client);
        }
        eventually("all are connected", DEADLINE, || async {
            (weir.metric("weir_rtmp_connections", "").await >= (SILENT + 1) as f64).then_some(())
        })
        .await;
        RtmpClient::connect(weir.rtmp_port()).await.publish(&stream.key).await;
        for client in &mut crowd {
            client.is_hung_up_on(SETUP + Duration::from_secs(5)).await;
        }
        assert!(started.elapsed() >= SETUP, "an encoder has its time: {:?}", started.elapsed());
        drop(crowd);
        let timed_out = weir.metric("weir_rtmp_limit_hits_total", "setup_timeout").await;
        assert_eq!(timed_out, (SILENT * (round + 1)) as f64);
        resident.push(weir.resident_kib());
    }
    // The first crowds fill the allocator's pools, which now and then take a piece more; a leak grows with each crowd.
    let growth = resident.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).min().unwrap();
    assert!(growth < 8 << 10, "memory grew: {resident:?} KiB");
    bystander.noticed_nothing().await;
    weir.assert_healthy().await;
}

#[tokio::test]
async fn a_flood_from_one_address_leaves_the_others_their_places() {
    // Both families in one socket: peers of the old one appear as ::ffff:127.0.0.2.
    let port = scenarios::free_port();
    let mut weir = Weir::builder().env("WEIR_RTMP_ADDR", format!("[::]:{port}")).start().await;
    let mut bystander_stream = weir.api().create("first").await;
    bystander_stream.rtmp_url = format!("rtmp://127.0.0.1:{port}/live");
    let mut held = Vec::new();
    let mut turned_away = 0;
    for _ in 0..500 {
        let mut client = RtmpClient::connect_from([127, 0, 0, 2], port).await;
        if held.len() < 64 {
            held.push(client);
        } else {
            client.is_hung_up_on(Duration::from_secs(2)).await;
            turned_away += 1;
        }
    }
    assert_eq!(turned_away, 436);
    assert_eq!(weir.metric("weir_rtmp_limit_hits_total", "max_connections_per_address").await, 436.0);
    assert!(
        weir.log().matches("connections open, which is all").count() < 10,
        "a flood does not fill the log"
    );
    RtmpClient::connect_from([127, 0, 0, 3], port).await.publish(&bystander_stream.key).await;
    held.clear();
    // Their places are free again.
    eventually("the flood is over", DEADLINE, || async {
        (weir.metric("weir_rtmp_connections", "").await == 0.0).then_some(())
    })
    .await;
    RtmpClient::connect_from([127, 0, 0, 2], port).await.publish(&bystander_stream.key).await;
    weir.assert_healthy().await;
}

#[tokio::test]
async fn whoever_guesses_keys_waits_and_whoever_knows_one_does_not() {
    let mut weir = Weir::start().await;
    let bystander = Bystander::start(&weir).await;
    let stream = weir.api().create("behind the same router").await;
    let guess = |n: usize| {
        let port = weir.rtmp_port();
        async move {
            let mut client = RtmpClient::connect_from([127, 0, 0, 2], port).await;
            let started = Instant::now();
            client.ask_to_publish(&format!("guess-{n}")).await;
            let said = client.is_hung_up_on(Duration::from_secs(9)).await;
            assert!(said.contains("NetStream.Publish.Unauthorized"), "{n}: {said}");
            started.elapsed()
        }
    };
    let mut waits = Vec::new();
    for n in 0..10 {
        waits.push(guess(n).await);
    }
    assert!(waits[8] > Duration::from_millis(900) && waits[9] > waits[6], "{waits:?}");
    // Ninety more at once, as far as they get a place: few of them wait, none of them long.
    let mut guesses = Vec::new();
    for n in 10..100 {
        guesses.push(tokio::spawn(guess(n)));
        if n == 54 {
            for guess in guesses.drain(..) {
                guess.await.unwrap();
            }
        }
    }
    let known = Instant::now();
    RtmpClient::connect_from([127, 0, 0, 2], weir.rtmp_port()).await.publish(&stream.key).await;
    let known = known.elapsed();
    for guess in guesses {
        guess.await.unwrap();
    }
    assert!(known < Duration::from_secs(1), "a right key waits for wrong ones: {known:?}");
    assert!(weir.metric("weir_rtmp_limit_hits_total", "failed_keys").await >= 90.0);
    assert!(!weir.log().contains("guess-"), "a wrong key is in the log");
    bystander.noticed_nothing().await;
    weir.assert_healthy().await;
}
