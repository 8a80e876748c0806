//! `make soak`: four streams through every kind of trouble at once, drawn from a seed.

#![allow(clippy::print_stdout)]

mod trouble;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use scenarios::{
    FaultProxy, HlsPoller, Recording, SeaweedFs, Source, Stream, Weir, number_from_env, play_file_in_a_loop,
};
use serde_json::json;
use tokio::time::{Instant, interval, sleep_until};

use trouble::{Counts, StoreTrouble, Unlucky};
use verdict::Verdict;

const STREAMS: u64 = 4;
/// How long a process has to come to its working set: the windows' segments, and the first parts of two recordings, which
/// wait until they are known not to be the whole file.
const WARM_UP: Duration = Duration::from_secs(240);

/// A stream with those who watch it.
struct Watched {
    stream: Stream,
    recorded: bool,
    bucket: HlsPoller,
    /// Nobody while the server is killed.
    origin: Option<HlsPoller>,
    /// What was seen at the origin before that.
    before: Option<Recording>,
}

#[tokio::test]
#[ignore = "takes half an hour: `make soak`"]
async fn nothing_breaks_what_viewers_are_shown() {
    let (minutes, seed) = (number_from_env("SOAK_MINUTES", 30), number_from_env("SOAK_SEED", rand::random()));
    println!("{minutes} minutes of seed {seed} (SOAK_MINUTES, SOAK_SEED)");
    let length = Duration::from_secs(minutes * 60);
    let mut random = StdRng::seed_from_u64(seed);
    let store = SeaweedFs::bucket("soak").await;
    let s3 = FaultProxy::start(store.port()).await;
    let mut weir = weir(&store, &s3).await;
    let sources = sources().await;

    let until = Instant::now() + length;
    let (mut watched, mut publishers) = (Vec::new(), Vec::new());
    for number in 0..STREAMS {
        let stream = create(&weir, number).await;
        let network = FaultProxy::start(weir.rtmp_port()).await;
        let port = |port: u16| format!(":{port}/");
        let url = stream.publish_url().replace(&port(weir.rtmp_port()), &port(network.port()));
        let publisher = Unlucky::start(url, network, sources.clone(), random.random());
        let (mut bucket, mut origin) = (stream.watch_s3(), stream.watch());
        bucket.segments(1).await;
        origin.segments(1).await;
        publishers.push(tokio::spawn(publisher.run(until)));
        let recorded = number % 2 == 1;
        watched.push(Watched { stream, recorded, bucket, origin: Some(origin), before: None });
    }
    let in_trouble = StoreTrouble::default();
    let s3 = tokio::spawn(trouble::of_the_store(s3, random.random(), until, in_trouble.clone()));

    // Once, early: what follows is long enough to see whether memory grows.
    let killed = Instant::now() + length.mul_f64(random.random_range(0.05..0.2));
    sleep_until(killed).await;
    {
        let _calm = in_trouble.lock().await;
        for watched in &mut watched {
            watched.stops_watching_the_origin();
        }
        weir = weir.crash_and_restart().await;
        for watched in &mut watched {
            watched.watches_the_origin_again().await;
        }
    }
    let memory = memory(&weir, until).await;

    let mut counts = Counts::from([("server: killed", 1)]);
    let (_s3, told) = s3.await.unwrap();
    counts.extend(told);
    let mut still_publishing = Vec::new();
    for publisher in publishers {
        let (publisher, told) = publisher.await.unwrap();
        still_publishing.push(publisher);
        for (name, count) in told {
            *counts.entry(name).or_default() += count;
        }
    }
    let mut verdict = Verdict::new(counts, memory);
    for watched in watched {
        verdict.hear(watched, &weir, &store).await;
    }
    weir.assert_healthy().await;
    println!("{verdict}");
    verdict.assert_right();
}

/// With segments of the default length, pictures that four of on two cores are easy, though of so many bits that recordings
/// soon have parts, and a short patience with the store.
async fn weir(store: &SeaweedFs, s3: &FaultProxy) -> Weir {
    let weir = Weir::builder()
        .objects_through(s3.port(), store)
        .env("WEIR_PLAYLIST_WINDOW", 20)
        .env("WEIR_UPLOAD_QUEUE_DURATION", 20)
        .env("WEIR_RECONNECT_WINDOW", 120)
        .env("WEIR_VIDEO_HEIGHT", 180)
        .env("WEIR_VIDEO_WIDTH", 320)
        .env("WEIR_VIDEO_BITRATE", 600_000)
        .env("WEIR_AUDIO_BITRATE", 64_000);
    weir.start().await
}

/// One in two is recorded, so that all of its segments survive; one in two has no parts.
async fn create(weir: &Weir, number: u64) -> Stream {
    let stream = weir.api().create(&format!("soak {number}")).await;
    let mode = if number < STREAMS / 2 { "low" } else { "standard" };
    let options = json!({ "record": number % 2 == 1, "latencyMode": mode });
    let changed = weir.api().call(Method::PATCH, &format!("/api/live/{}", stream.id), Some(options)).await;
    assert_eq!(changed.code, 200, "{}", changed.text);
    stream
}

/// Small pictures of several sizes and rates, and sounds.
async fn sources() -> Arc<Vec<Vec<String>>> {
    let kinds = [
        ((160, 90), "30", 0, Some(("aac", 48_000, 2))),
        ((320, 180), "25", 2, Some(("aac", 44_100, 1))),
        ((256, 144), "60", 0, Some(("aac", 48_000, 2))),
        ((120, 160), "15", 0, None),
    ];
    let mut sources = Vec::new();
    for (size, fps, b_frames, audio) in kinds {
        let source = Source { size: Some(size), fps, b_frames, audio, seconds: 60, heavy: false };
        sources.push(play_file_in_a_loop(&source).await);
    }
    Arc::new(sources)
}

/// Kilobytes in use, every five seconds from the warm-up on.
async fn memory(weir: &Weir, until: Instant) -> Vec<u64> {
    let warm = Instant::now() + WARM_UP;
    sleep_until(warm.min(until)).await;
    let (mut seen, mut ticks) = (Vec::new(), interval(Duration::from_secs(5)));
    while Instant::now() < until {
        ticks.tick().await;
        seen.push(weir.resident_kib());
    }
    seen
}

impl Watched {
    fn stops_watching_the_origin(&mut self) {
        self.before = self.origin.take().map(HlsPoller::finish);
    }

    async fn watches_the_origin_again(&mut self) {
        self.origin.insert(self.stream.watch()).segments(1).await;
    }
}
