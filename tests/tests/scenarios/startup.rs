//! What keeps Weir from starting is named, with what to do about it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use scenarios::{SeaweedFs, Weir, WeirBuilder, free_port};

/// Starts a server that cannot work and asserts that it says so in these words.
async fn assert_gives_up(weir: WeirBuilder, words: &[&str]) {
    let (status, said) = weir.ends().await;
    assert!(!status.success(), "it ended with {status}:\n{said}");
    assert!(!said.contains("panicked at"), "{said}");
    for word in words {
        assert!(said.contains(word), "nothing of {word}:\n{said}");
    }
}

#[tokio::test]
async fn an_unreachable_object_store_is_named() {
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let weir = Weir::builder()
        .env("WEIR_S3_BUCKET", "videos")
        .env("WEIR_S3_ENDPOINT", &endpoint)
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret-that-nobody-may-read");
    let (status, said) = weir.ends().await;
    assert!(!status.success(), "{said}");
    assert!(said.contains(&endpoint) && said.contains("connection refused"), "{said}");
    assert!(!said.contains("secret-that-nobody-may-read"), "{said}");
}

#[tokio::test]
async fn a_refusing_object_store_is_named() {
    let store = SeaweedFs::bucket("refusing").await;
    for (name, value, word) in [
        ("AWS_SECRET_ACCESS_KEY", "wrong", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_ACCESS_KEY_ID", "nobody", "AWS_ACCESS_KEY_ID"),
        ("AWS_ACCESS_KEY_ID", SeaweedFs::READER, "s3:PutObject"),
    ] {
        let weir = Weir::builder().objects_in(&store);
        assert_gives_up(weir.env(name, value), &[word, store.bucket_name()]).await;
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    for (knob, what) in [("WEIR_HTTP_ADDR", "HTTP"), ("WEIR_RTMP_ADDR", "RTMP")] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        assert_gives_up(
            Weir::builder().env(knob, &address),
            &[&address, what, "another program has the port"],
        )
        .await;
    }
}

#[tokio::test]
async fn a_mistake_in_the_configuration_is_named() {
    let weir = Weir::builder();
    let file = weir.home().join("weir.toml");
    std::fs::write(&file, "playlist_windoww = 6\n").unwrap();
    let path = file.display().to_string();
    assert_gives_up(weir.arg("--config").arg(&path), &["playlist_windoww", "weir.toml"]).await;
    assert_gives_up(Weir::builder().env("WEIR_PLAYLIST_WINDOW", 1), &["playlist_window"]).await;
    assert_gives_up(Weir::builder().arg("--no-such-flag"), &["--no-such-flag"]).await;
    assert_gives_up(Weir::builder().env("WEIR_CONFIG", "/nowhere/weir.toml"), &["/nowhere/weir.toml"]).await;
}

#[tokio::test]
async fn a_slate_that_cannot_be_shown_is_named() {
    let weir = Weir::builder();
    let file = weir.home().join("slate.png");
    std::fs::write(&file, "no picture").unwrap();
    let path = file.display().to_string();
    assert_gives_up(weir.env("WEIR_SLATE", &path), &[&path, "neither a PNG nor a JPEG"]).await;
    assert_gives_up(Weir::builder().env("WEIR_SLATE", "/nowhere/slate.png"), &["/nowhere/slate.png"]).await;
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_written_is_named() {
    let weir = Weir::builder();
    let file = weir.home().join("in-the-way");
    std::fs::write(&file, "a file where a folder should be").unwrap();
    let path = file.display().to_string();
    assert_gives_up(weir.env("WEIR_DATA_DIR", &path), &[&path]).await;
}

#[tokio::test]
async fn the_first_start_makes_a_token_that_its_owner_alone_can_read() {
    let weir = Weir::builder().unset("WEIR_API_TOKEN").start().await;
    let file = weir.data_dir().join("api-token");
    let token = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(token.len() >= 32, "a token of {} characters", token.len());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    weir.api().create("with the token that was made").await;
    let log = weir.log();
    assert!(!log.contains(&token), "the token is in the log");
    assert!(log.contains("api-token"), "the banner says where the token is:\n{log}");
    for url in [format!("rtmp://127.0.0.1:{}/live", weir.rtmp_port()), weir.url("/")] {
        assert!(log.contains(url.trim_end_matches('/')), "the banner shows {url}:\n{log}");
    }
}
