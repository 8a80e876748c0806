//! What is left of a broadcast: a file, and its segments.

use reqwest::header::RANGE;
use reqwest::{Client, Method};
use scenarios::{Movie, SeaweedFs, Source, Stream, Version, Weir, encode};
use serde_json::{Value, json};

/// Waits until the stream's newest recording is ready; there must be so many.
pub(crate) async fn ready(weir: &Weir, stream: &Stream, count: usize) -> Value {
    let path = stream.path("recordings");
    let listed = scenarios::eventually("a recording", std::time::Duration::from_secs(30), || async {
        let listed = weir.api().get(&path).await.json();
        (listed["recordings"][0]["state"] == "READY").then_some(listed)
    })
    .await;
    assert_eq!(listed["recordings"].as_array().unwrap().len(), count, "{listed}");
    listed["recordings"][0].clone()
}

pub(crate) async fn download(recording: &Value) -> Movie {
    let answer = reqwest::get(recording["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let data = answer.bytes().await.unwrap().to_vec();
    assert_eq!(recording["size"].as_u64(), Some(data.len() as u64));
    Movie::new(data)
}

/// It plays from its first byte on, for as long as the API says and viewers saw; its sound ends with its picture.
pub(crate) async fn assert_plays(movie: &Movie, recording: &Value, seconds: f64) {
    let boxes: Vec<_> = movie.boxes().into_iter().filter(|name| name != "free").collect();
    assert_eq!(boxes, ["ftyp", "moov", "mdat"]);
    assert_eq!(movie.decode().await.0, "");
    let found = movie.probe().await;
    let length = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let whole = length(&found["format"]["duration"]);
    assert!((whole - recording["duration"].as_f64().unwrap()).abs() < 0.1, "{recording} {found}");
    assert!((whole - seconds).abs() < 0.2, "{seconds} s were listed: {found}");
    let streams = found["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 2, "{found}");
    for (stream, codec) in streams.iter().zip(["h264", "aac"]) {
        assert_eq!(stream["codec_name"], codec);
        let start = length(&stream["start_time"]);
        assert!(start.abs() < 0.1, "{found}");
        assert!((start + length(&stream["duration"]) - whole).abs() < 0.2, "{found}");
    }
}

#[tokio::test]
async fn a_broadcast_that_lost_its_publisher_and_its_server_leaves_one_file_and_all_its_segments() {
    let store = SeaweedFs::bucket("recorded").await;
    let weir = Weir::builder().objects_in(&store);
    let weir = weir.env("WEIR_RECORD", true).env("WEIR_PLAYLIST_WINDOW", 3).env("WEIR_RECONNECT_WINDOW", 30);
    let weir = weir.start().await;
    let stream = weir.api().create("recorded").await;
    let source = Source { seconds: 60, ..Source::default() };
    let mut player = stream.watch_s3();
    let mut publisher = stream.publish(encode(&source));
    player.segments(2).await;
    publisher.kill().await;
    stream.reports("away", |status| status["reconnecting"] == true).await;
    let _publisher = stream.publish(encode(&source));
    player.segments(4).await;

    let mut weir = weir.crash_and_restart().await;
    let mut publisher = stream.publish(encode(&source));
    stream.reports("back", |status| status["reconnecting"] == false).await;
    let before = player.count();
    player.segments(before + 3).await;
    let path = stream.path("recordings");
    let listed = weir.api().get(&path).await.json();
    assert_eq!(listed["recordings"][0]["state"], "RECORDING", "{listed}");
    weir.api().delete(&format!("{path}/1")).await.assert_problem(409);
    let vod = stream.playback_url.replace("index.m3u8", "vod.m3u8");
    assert_eq!(stream.status().await["vodUrl"], vod);
    let growing = reqwest::get(&vod).await.unwrap().text().await.unwrap();
    assert!(growing.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n") && !growing.contains("ENDLIST"), "{growing}");
    assert_eq!(stream.post("stop").await.code, 200);
    player.ended().await;
    publisher.stop().await;

    let recording = ready(&weir, &stream, 1).await;
    assert_eq!(recording["key"], format!("recordings/{}.mp4", stream.id));
    let seen = player.finish();
    let listed: f64 = seen.segments.iter().map(|segment| segment.entry.duration).sum();
    assert_plays(&download(&recording).await, &recording, listed).await;
    let folder = stream.s3_playback_url.as_deref().unwrap().rsplit_once('/').unwrap().0;
    // The bucket's playlist and the origin's list all that viewers were ever shown, as they were.
    for url in [vod.clone(), format!("{folder}/vod.m3u8")] {
        let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
        // But for its type it is as a live playlist is.
        let sliding = text.replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "");
        assert_ne!(sliding, text);
        let version = Version::parse(&sliding, std::time::Instant::now()).unwrap();
        assert!(version.ended, "{text}");
        assert_eq!(version.entries, seen.segments.iter().map(|seen| seen.entry.clone()).collect::<Vec<_>>());
    }
    let first = &seen.segments[0];
    let served = reqwest::get(vod.replace("vod.m3u8", &first.entry.uri)).await.unwrap();
    assert_eq!(served.bytes().await.unwrap(), first.media, "long gone from memory");
    for segment in seen.segments.iter().filter(|segment| !segment.entry.gap) {
        let kept = reqwest::get(format!("{folder}/{}", segment.entry.uri)).await.unwrap();
        assert_eq!(kept.status(), 200, "{}", segment.entry.uri);
    }
    let sheet = assert_has_thumbs(folder, &vod, listed).await;
    let told = weir.api().get(&stream.path("events")).await.json();
    assert_eq!(told["events"][0]["type"], "recording.ready", "{told}");

    assert_eq!(weir.api().delete(&format!("{path}/1")).await.code, 204);
    weir.api().delete(&format!("{path}/1")).await.assert_problem(404);
    scenarios::eventually("no file", std::time::Duration::from_secs(10), || async {
        for url in [recording["s3Url"].as_str().unwrap(), &sheet, &format!("{folder}/thumbs.vtt")] {
            if reqwest::get(url).await.unwrap().status() != 404 {
                return None;
            }
        }
        Some(())
    })
    .await;
    weir.assert_healthy().await;
}

/// The bucket's list of small pictures, which is the origin's, has one for all of the time; each is on a sheet beside it,
/// of which the first is answered.
async fn assert_has_thumbs(folder: &str, vod: &str, seconds: f64) -> String {
    let list = reqwest::get(format!("{folder}/thumbs.vtt")).await.unwrap().text().await.unwrap();
    let origin = vod.replace("vod.m3u8", "thumbs.vtt");
    assert_eq!(reqwest::get(&origin).await.unwrap().text().await.unwrap(), list);
    let cues: Vec<(&str, &str)> =
        list.split("\n\n").skip(1).map(|cue| cue.split_once('\n').unwrap()).collect();
    assert!(cues.len() as f64 > seconds / 12.0 && cues[0].0.starts_with("00:00:00.000 --> "), "{list}");
    let last = cues.last().unwrap().0.rsplit_once(':').unwrap().1;
    assert!((last.parse::<f64>().unwrap() - seconds % 60.0).abs() < 0.1, "{seconds} {list}");
    let sheet = |cue: &str| cue.split_once("#xywh=").unwrap().0.to_owned();
    let url = format!("{folder}/{}", sheet(cues[0].1));
    for (_, cue) in &cues {
        for url in [format!("{folder}/{}", sheet(cue)), origin.replace("thumbs.vtt", &sheet(cue))] {
            let answer = reqwest::get(&url).await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["content-type"] == "image/jpeg"),
                (200, true)
            );
            assert!(answer.bytes().await.unwrap().starts_with(&[0xff, 0xd8, 0xff]), "{url}");
        }
    }
    url
}

/// Each recording has a job, of which there was an event, and which one worker can take.
async fn assert_is_queued_for_conversion(weir: &Weir, stream: &Stream, files: &[Value]) {
    let jobs = weir.api().get("/api/transcode-jobs?state=QUEUED").await.json()["jobs"].clone();
    let inputs: Vec<&Value> = jobs.as_array().unwrap().iter().map(|job| &job["inputKey"]).collect();
    assert_eq!(inputs, files.iter().map(|file| &file["key"]).collect::<Vec<_>>());
    let told = weir.api().get(&stream.path("events")).await.json();
    assert_eq!(told["events"][0]["type"], "transcode.queued", "{told}");
    assert_eq!(told["events"][0]["data"]["jobId"], jobs[1]["jobId"], "{told}");
    let job = format!("/api/transcode-jobs/{}", jobs[0]["jobId"].as_str().unwrap());
    let api = weir.api();
    let patch = |body: Value| api.call(Method::PATCH, &job, Some(body));
    assert_eq!(patch(json!({ "state": "RUNNING" })).await.json()["state"], "RUNNING");
    patch(json!({ "state": "RUNNING" })).await.assert_problem(409);
    let failed = patch(json!({ "state": "FAILED", "reason": "no such codec" })).await.json();
    assert_eq!(failed["reason"], "no such codec");
    let again = weir.api().post(&stream.path("recordings/1/convert")).await.json();
    assert_eq!((&again["jobId"], &again["state"]), (&jobs[0]["jobId"], &json!("QUEUED")));
}

#[tokio::test]
async fn each_broadcast_of_a_stream_has_a_file_that_players_can_seek_in() {
    let mut weir = Weir::builder().env("WEIR_RECORD", true).env("WEIR_CONVERT_TO_VOD", true).start().await;
    let stream = weir.api().create("twice").await;
    let mut files = Vec::new();
    for count in 1..=2 {
        let mut publisher = stream.publish(encode(&Source { seconds: 4, ..Source::default() }));
        let told = stream.reports("what is kept", |status| status["vodUrl"].is_string()).await;
        let kept = reqwest::get(told["vodUrl"].as_str().unwrap()).await.unwrap();
        assert_eq!(kept.status(), 200, "{told}");
        publisher.finishes().await;
        stream.reaches("READY").await;
        let recording = ready(&weir, &stream, count).await;
        assert_plays(&download(&recording).await, &recording, 4.0).await;
        files.push(recording);
    }
    assert_eq!(files[1]["key"], format!("recordings/{}-2.mp4", stream.id));
    let url = files[0]["url"].as_str().unwrap();
    let piece = Client::new().get(url).header(RANGE, "bytes=4-7").send().await.unwrap();
    assert_eq!(piece.status(), 206);
    let size = files[0]["size"].as_u64().unwrap();
    assert_eq!(piece.headers()["content-range"], format!("bytes 4-7/{size}"));
    assert_eq!(&piece.bytes().await.unwrap()[..], b"ftyp");
    assert_is_queued_for_conversion(&weir, &stream, &files).await;
    weir.assert_healthy().await;
}
