//! HTTP over TLS: the same, with HTTP/2 and a certificate that may be renewed.

use std::process::Command;
use std::time::Duration;

use scenarios::{SelfSigned, Weir, eventually, free_port, served_fingerprint};
use tokio::net::TcpStream;

#[tokio::test]
async fn pages_and_playlists_are_served_over_tls_and_http_2() {
    let (weir, port) = (Weir::builder(), free_port());
    let first = SelfSigned::make(weir.home(), "served");
    let second = SelfSigned::make(weir.home(), "next");
    let weir = weir
        .env("WEIR_HTTPS_ADDR", format!("127.0.0.1:{port}"))
        .env("WEIR_HTTPS_CERT", first.certificate.display())
        .env("WEIR_HTTPS_KEY", first.key.display())
        .start()
        .await;
    let shown = format!("https://127.0.0.1:{port}/live/");
    eventually("the banner", Duration::from_secs(10), || async { weir.log().contains(&shown).then_some(()) })
        .await;
    // Whoever connects and says nothing keeps nobody waiting.
    let _silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let base = format!("https://127.0.0.1:{port}");
    let ask = |options: &[&str]| {
        let trusted = first.certificate.to_str().unwrap();
        let output =
            Command::new("curl").args(["-s", "-m", "10", "--cacert", trusted]).args(options).output();
        String::from_utf8(output.expect("curl is installed").stdout).unwrap()
    };
    let url = format!("{base}/healthz");
    for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let said = ask(&["-o", "/dev/null", "-w", "%{http_version} %{http_code}", option, &url]);
        assert_eq!(said, format!("{version} 200"), "{option}");
    }
    let authorization = format!("authorization: Bearer {}", weir.token());
    let made = ask(&["-X", "POST", "-H", &authorization, &format!("{base}/api/live/create")]);
    let made: serde_json::Value =
        serde_json::from_str(&made).unwrap_or_else(|error| panic!("{error}: {made}"));
    let playback = made["playbackUrl"].as_str().unwrap_or_default();
    assert!(playback.starts_with(&format!("{base}/live/")), "{made}");

    std::fs::copy(&second.certificate, &first.certificate).unwrap();
    std::fs::copy(&second.key, &first.key).unwrap();
    let renewed = second.fingerprint();
    eventually("the new certificate", Duration::from_secs(10), || async {
        (served_fingerprint(port).await == renewed).then_some(())
    })
    .await;
}

#[tokio::test]
async fn half_of_https_is_a_mistake() {
    let (status, said) = Weir::builder().env("WEIR_HTTPS_ADDR", "127.0.0.1:0").ends().await;
    assert!(!status.success() && said.contains("https_addr is set, but https_cert is not"), "{said}");
}
