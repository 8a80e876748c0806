//! A fraction of a second behind: parts, blocking requests and their limits (RFC 8216bis).

use std::process::Command;
use std::time::Instant;

use scenarios::{LowLatency, PartPlayer, Source, Version, Weir, encode, part};

#[tokio::test]
async fn a_player_gets_each_part_the_moment_it_is_there() {
    let weir = Weir::start().await;
    let stream = weir.api().create("parts").await;
    let mut plain = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 120, ..Source::default() }));
    plain.segments(1).await;
    let mut player = PartPlayer::join(weir.anonymous(), &stream.id).await;
    player.play(25).await;

    let playlist = &player.playlist;
    assert!(playlist.hold_back >= 3.0 * playlist.part_target, "{}", playlist.text);
    for (place, (duration, independent)) in &playlist.parts {
        assert!(*duration <= playlist.part_target && *duration >= 0.85 * playlist.part_target, "{place:?}");
        assert_eq!(*independent, place.1 == 0, "{place:?}:\n{}", playlist.text);
    }
    // The parts are the segment, byte for byte.
    let whole: Vec<u64> = player.parts.keys().filter(|place| place.1 == 9).map(|place| place.0).collect();
    let whole: Vec<u64> = whole.into_iter().filter(|msn| player.parts.contains_key(&(*msn, 0))).collect();
    assert!(!whole.is_empty(), "{:?}", player.parts.keys());
    for msn in whole {
        let joined: Vec<u8> = (0..10).flat_map(|index| player.parts[&(msn, index)].clone()).collect();
        let segment = player.get(&format!("segment_{msn:03}.ts")).await;
        assert_eq!((segment.code, segment.body == joined), (200, true), "segment {msn}");
        assert_eq!(player.get(&part(msn, 3)).await.body, player.parts[&(msn, 3)]);
    }
    // A reader that knows nothing of parts finds a plain playlist.
    let text = player.get("index.m3u8").await.text;
    Version::parse(&text, Instant::now()).unwrap();
    plain.finish();
    publisher.stop().await;
    // Whoever waits for what never comes is told of the end at once, and directives mean nothing any more.
    let next = player.playlist.next;
    let ended = player.get(&format!("index.m3u8?_HLS_msn={}", next + 1)).await;
    assert!(ended.code == 200 && ended.text.contains("#EXT-X-ENDLIST"), "{}", ended.text);
    assert!(LowLatency::read(&ended.text).hint.is_none(), "{}", ended.text);
    let absurd = player.get("index.m3u8?_HLS_msn=99999&_HLS_part=3").await;
    assert_eq!((absurd.code, absurd.text), (200, ended.text));
}

#[tokio::test]
async fn requests_are_answered_by_their_rules() {
    let weir = Weir::start().await;
    let stream = weir.api().create("rules").await;
    let mut plain = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 120, ..Source::default() }));
    plain.segments(1).await;
    plain.finish();
    let mut player = PartPlayer::join(weir.anonymous(), &stream.id).await;
    let (listed, target) = (player.playlist.next - 1, 2);

    // What is listed is answered at once, what comes next when it is there; caches are told for how long.
    let old = player.get(&format!("index.m3u8?_HLS_msn={listed}&_HLS_part=0")).await;
    assert_eq!((old.code, old.header("cache-control")), (200, format!("max-age={}", 6 * target).as_str()));
    let now = player.get("index.m3u8").await;
    assert_eq!(now.header("cache-control"), format!("max-age={}", target / 2));
    player.play(1).await;
    let whole = player.get(&format!("index.m3u8?_HLS_msn={}", player.playlist.next)).await;
    assert!(LowLatency::read(&whole.text).next > player.playlist.next, "a whole segment was asked for");
    // One part beyond a segment's last is the next segment's first.
    let beyond = player.get(&format!("index.m3u8?_HLS_msn={}&_HLS_part=10", player.playlist.next)).await;
    let newest = LowLatency::read(&beyond.text);
    assert!(newest.next > player.playlist.next && newest.open_parts() > 0, "{}", beyond.text);

    let next = newest.next;
    for (query, kind) in [
        (format!("_HLS_msn={}", next + 50), "too-far-ahead"),
        (format!("_HLS_msn={next}&_HLS_part=60"), "too-far-ahead"),
        ("_HLS_part=1".to_owned(), "invalid-request"),
        ("_HLS_msn=soon".to_owned(), "invalid-request"),
        (format!("_HLS_msn={next}&_HLS_part=-1"), "invalid-request"),
    ] {
        let answer = player.get(&format!("index.m3u8?{query}")).await;
        assert_eq!(answer.assert_problem(400), format!("urn:weir:problem:{kind}"), "{query}");
        // A page from elsewhere may read why.
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{query}");
    }
    for name in [part(next + 40, 0), part(0, 99), "segment_x.part_y.ts".to_owned()] {
        let answer = player.get(&name).await;
        answer.assert_problem(404);
        assert_eq!(answer.header("cache-control"), format!("max-age={target}"), "{name}");
    }

    // A part of a segment is sent where that is asked for, and nothing to who has it all.
    let name = format!("/live/{}/segment_{listed:03}.ts", stream.id);
    let segment = player.get(&format!("segment_{listed:03}.ts")).await;
    let ask = async |field: &str, value: &str| {
        let answer = reqwest::Client::new().get(weir.url(&name)).header(field, value).send().await.unwrap();
        let range = answer.headers().get("content-range").map(|range| range.to_str().unwrap().to_owned());
        (answer.status().as_u16(), range.unwrap_or_default(), answer.bytes().await.unwrap())
    };
    let length = segment.body.len();
    let (code, range, body) = ask("Range", "bytes=188-375").await;
    assert_eq!((code, range), (206, format!("bytes 188-375/{length}")));
    assert_eq!(body, segment.body[188..376]);
    let (code, range, _) = ask("Range", &format!("bytes={length}-")).await;
    assert_eq!((code, range), (416, format!("bytes */{length}")));
    let (code, _, body) = ask("If-None-Match", segment.header("etag")).await;
    assert_eq!((code, body.len()), (304, 0));

    // An encoder that stands still keeps nobody waiting: its last picture goes on.
    publisher.pause();
    let later = player.get(&format!("index.m3u8?_HLS_msn={}", next + 1)).await;
    assert!(later.code == 200 && LowLatency::read(&later.text).next > next + 1, "{}", later.text);
    publisher.kill().await;
}

#[tokio::test]
async fn http_2_is_spoken_without_tls_on_the_same_port() {
    let weir = Weir::start().await;
    let url = weir.url("/healthz");
    let ask = |options: &[&str]| {
        let write = ["-s", "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{num_connects};"];
        let output = Command::new("curl").args(write).args(options).output().expect("curl is installed");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(ask(&["--http2-prior-knowledge", &url]), "2 200 1;");
    // Asked twice: the connection is kept.
    assert_eq!(ask(&["--http1.1", &url, "-o", "/dev/null", &url]), "1.1 200 1;1.1 200 0;");
}

/// HTTP/1.1 and HTTP/2 are answered on ways of their own.
#[tokio::test]
async fn whichever_http_a_player_speaks_the_answer_is_the_same() {
    let weir = Weir::start().await;
    let stream = weir.api().create("both").await;
    let mut plain = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 120, ..Source::default() }));
    plain.segments(2).await;
    publisher.stop().await;
    plain.ended().await;
    plain.finish();
    let ask = |version: &str, url: &str, options: &[&str]| {
        let curl = Command::new("curl").args(["-s", "-i", version]).args(options).arg(url).output();
        let answer = curl.expect("curl is installed").stdout;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer") + 4;
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let (status, fields) = head.split_once("\r\n").unwrap();
        let code = status.split(' ').nth(1).unwrap().to_owned();
        // hyper tells the length of what has none (RFC 9110 §8.6).
        let is_left_out =
            |line: &str| line.starts_with("date: ") || (code == "304" && line == "content-length: 0");
        let fields = fields.lines().filter(|line| !line.is_empty() && !is_left_out(line));
        let mut fields: Vec<String> = fields.map(str::to_owned).collect();
        fields.sort();
        (code, fields, answer[end..].to_vec())
    };
    let tag = "If-None-Match: \"segment_000.ts\"";
    let segment = part(0, 3);
    for (name, options, code) in [
        ("index.m3u8", ["-H", "accept: */*"].as_slice(), "200"),
        ("index.m3u8", &["-H", "accept-encoding: gzip"], "200"),
        ("index.m3u8", &["-H", "origin: http://elsewhere"], "200"),
        ("index.m3u8", &["-I"], "200"),
        ("index.m3u8?_HLS_msn=0&_HLS_part=1", &[], "200"),
        ("index.m3u8?_HLS_part=1", &[], "400"),
        ("master.m3u8", &[], "200"),
        ("vod.m3u8", &[], "404"),
        ("segment_000.ts", &[], "200"),
        ("segment_000.ts", &["-H", "range: bytes=188-375"], "206"),
        ("segment_000.ts", &["-H", "range: bytes=99999999-"], "416"),
        ("segment_000.ts", &["-H", tag], "304"),
        ("segment_000.ts", &["-X", "OPTIONS", "-H", "origin: http://elsewhere"], "200"),
        ("segment_000.ts", &["-X", "BREW"], "405"),
        ("segment%5F000.ts", &[], "200"),
        (&segment, &[], "200"),
        ("segment_999.ts", &[], "404"),
        ("a/b.ts", &[], "404"),
        ("thumb.jpg", &["-I"], "200"),
        ("../none/index.m3u8", &["--path-as-is"], "404"),
    ] {
        let url = weir.url(&format!("/live/{}/{name}", stream.id));
        let [old, new] = ["--http1.1", "--http2-prior-knowledge"].map(|version| ask(version, &url, options));
        assert_eq!(old.0, code, "{name} {options:?}: {old:?}");
        assert_eq!(old, new, "{name} {options:?}");
    }
    // A browser asks beforehand for a page from elsewhere, also what the page's player needs beside media.
    for path in ["segment_000.ts", "index.m3u8"]
        .map(|name| format!("/live/{}/{name}", stream.id))
        .into_iter()
        .chain([format!("/api/live/{}/viewers", stream.id)])
    {
        let (code, fields, _) =
            ask("--http1.1", &weir.url(&path), &["-X", "OPTIONS", "-H", "origin: http://elsewhere"]);
        let allows =
            |field: &str| fields.iter().any(|line| line == &format!("access-control-allow-{field}: *"));
        assert!(
            code == "200" && ["origin", "methods", "headers"].into_iter().all(allows),
            "{path}: {code} {fields:?}"
        );
    }
}

#[tokio::test]
async fn a_delta_update_leaves_out_what_its_reader_knows() {
    let weir = Weir::builder().env("WEIR_SEGMENT_DURATION", 1).env("WEIR_PLAYLIST_WINDOW", 12).start().await;
    let stream = weir.api().create("delta").await;
    let mut plain = stream.watch();
    let mut publisher = stream.publish(encode(&Source { seconds: 120, ..Source::default() }));
    plain.segments(9).await;
    plain.finish();
    let api = weir.anonymous();
    let path = format!("/live/{}/index.m3u8", stream.id);
    let whole = api.get(&path).await.text;
    let delta = api.get(&format!("{path}?_HLS_skip=YES")).await.text;
    publisher.kill().await;

    // RFC 8216bis, sections 4.4.5.2 and 6.2.5.1.
    assert!(number(&delta, "#EXT-X-VERSION:") >= 9.0 && !whole.contains("#EXT-X-SKIP"), "{whole}\n{delta}");
    let until = number(&delta, "CAN-SKIP-UNTIL=");
    assert!(until >= 6.0 * number(&delta, "#EXT-X-TARGETDURATION:"), "{delta}");
    let skipped = number(&delta, "#EXT-X-SKIP:SKIPPED-SEGMENTS=");
    let first = number(&delta, "#EXT-X-MEDIA-SEQUENCE:") + skipped;
    let (known, kept) = (segments(&whole), segments(&delta));
    assert!(skipped >= 1.0 && kept[0].0 == format!("segment_{first:03}.ts"), "{delta}");
    let open: f64 = LowLatency::read(&delta).open_parts() as f64 * number(&delta, "PART-TARGET=");
    let last: f64 = kept.iter().map(|(_, duration)| duration).sum::<f64>() + open;
    assert!(last >= until && last - kept[0].1 < until + 0.5, "{last} s are listed of {until}:\n{delta}");
    // With what its reader has, it is the whole.
    let at = known.iter().position(|segment| *segment == kept[0]).expect("what is kept is known");
    assert_eq!(known[at..], kept[..known.len() - at], "{whole}\n{delta}");
}

/// What follows `name` in a playlist.
fn number(playlist: &str, name: &str) -> f64 {
    let (_, rest) = playlist.split_once(name).unwrap_or_else(|| panic!("no {name} in\n{playlist}"));
    let end = rest.find([',', '\n']).unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}

/// The URIs and durations of a playlist's segments.
fn segments(playlist: &str) -> Vec<(String, f64)> {
    let mut duration = 0.0;
    let mut segments = Vec::new();
    for line in playlist.lines() {
        if line.starts_with("#EXTINF:") {
            duration = number(line, "#EXTINF:");
        } else if !line.starts_with('#') {
            segments.push((line.to_owned(), duration));
        }
    }
    segments
}
