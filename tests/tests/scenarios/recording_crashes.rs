//! `make crash-recording`: a server that is killed again and again while it records, and while it completes the file.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scenarios::{Fault, FaultProxy, Marks, SeaweedFs, Weir, number_from_env, probe};

use crate::recording::{assert_plays, download, ready};

/// Of the first second of which a fifth is white, and a tone; grain makes a part of it in a few seconds.
fn flashes() -> Vec<String> {
    let picture = "color=black:size=320x180:rate=30,format=yuv420p,\
                   drawbox=enable='lt(mod(t,1),0.2)':color=white:t=fill,noise=alls=40:allf=t";
    let sound =
        "aevalsrc='if(lt(mod(t,1),0.2),0.5*sin(2*PI*1000*t),0)':sample_rate=48000:channel_layout=stereo";
    let inputs = ["-re", "-f", "lavfi", "-i", picture, "-re", "-f", "lavfi", "-i", sound];
    let codecs = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -b:v 12M -c:a aac -b:a 128k -t 120";
    inputs.into_iter().chain(codecs.split(' ')).map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "takes minutes: `make crash-recording`"]
async fn a_recording_is_one_whole_file_however_often_the_server_is_killed() {
    let (kills, seed) = (number_from_env("CRASH_ROUNDS", 30), number_from_env("CRASH_SEED", 1));
    println!("{kills} kills of seed {seed} (CRASH_ROUNDS, CRASH_SEED), and those after the end");
    let mut random = StdRng::seed_from_u64(seed);
    let store = SeaweedFs::bucket("recording-crashes").await;
    let proxy = FaultProxy::start(store.port()).await;
    let weir = Weir::builder()
        .objects_through(proxy.port(), &store)
        .fast_video(12_000_000)
        .env("WEIR_RECORD", true)
        .env("WEIR_SEGMENT_DURATION", 1)
        .env("WEIR_PLAYLIST_WINDOW", 60)
        .env("WEIR_RECONNECT_WINDOW", 60);
    let mut weir = weir.start().await;
    let stream = weir.api().create("crashes").await;
    let (mut player, begun) = (stream.watch_s3(), Instant::now());
    let mut publisher = stream.publish(flashes());
    player.segments(1).await;
    let (mut went_on, mut slow) = (0, 0);
    for kill in 1..=kills {
        // In each third round, parts take long to store.
        let latency = kill % 3 == 0;
        slow += u64::from(latency);
        proxy.set(if latency { Fault::Latency(Duration::from_millis(2)) } else { Fault::None });
        tokio::time::sleep(Duration::from_millis(random.random_range(0..5000))).await;
        proxy.set(Fault::None);
        went_on += u64::from(weir.log().contains("a recording goes on"));
        weir = weir.crash_and_restart().await;
        publisher.kill().await;
        publisher = stream.publish(flashes());
    }
    let before = player.count();
    player.segments(before + 5).await;

    // The store has the file before the catalog learns of it; and then it comes to nothing, again and again.
    proxy.set(Fault::LoseAnswer(".mp4?uploadId="));
    assert_eq!(stream.post("stop").await.code, 200);
    publisher.kill().await;
    let file = store.url(&format!("recordings/{}.mp4", stream.id));
    scenarios::eventually("the file", Duration::from_secs(30), || async {
        (reqwest::Client::new().head(&file).send().await.unwrap().status() == 200).then_some(())
    })
    .await;
    weir = weir.crash_and_restart().await;
    proxy.set(Fault::None);
    let ended = Instant::now();
    let recording = ready(&weir, &stream, 1).await;
    println!("ready {:.2} s after the last start", ended.elapsed().as_secs_f64());
    player.ended().await;

    let movie = download(&recording).await;
    let seen = player.finish();
    let listed: f64 = seen.segments.iter().map(|segment| segment.entry.duration).sum();
    assert_plays(&movie, &recording, listed).await;
    let (mut pictures, mut gaps, mut seams) = (0, 0, 0);
    for segment in &seen.segments {
        seams += usize::from(segment.entry.discontinuity);
        match segment.entry.gap {
            true => gaps += 1,
            false => pictures += probe(&segment.media).await.packets("video").len(),
        }
    }
    assert_eq!(movie.probe().await["streams"][0]["nb_read_packets"], pictures.to_string());
    assert_eq!(movie.samples()[0], pictures, "another parser finds each");
    let marks = Marks::find(&movie).await;
    println!(
        "{} kills in {:.0?}, {went_on} went on from a checkpoint, {slow} with a slow store: {} bytes, {listed:.1} s, {} \
         segments, {gaps} gaps, {seams} seams, {pictures} pictures, {} of them decoded; {} flashes with a tone each, at \
         most {:.1} ms apart",
        kills + 1,
        begun.elapsed(),
        recording["size"],
        seen.segments.len(),
        marks.pictures,
        marks.offsets.len(),
        marks.worst() * 1000.0,
    );
    assert_eq!(marks.pictures, pictures, "ffmpeg decodes each");
    assert!(marks.offsets.len() > seams, "there are some behind each seam: {marks:?}");
    // The first pictures behind a seam are shown up to half a picture's time late, to be at even distances.
    assert!(marks.worst() <= 0.02 + 0.5 / 30.0, "{marks:?}");
    assert_eq!(weir.log().matches("begins anew").count(), 0, "it went on in the same upload");
    weir.assert_healthy().await;
}
