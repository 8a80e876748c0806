//! The binary as it is called from a shell.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

fn weir(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("WEIR_") || name.starts_with("AWS_"))
    {
        command.env_remove(name);
    }
    command.args(arguments).output().expect("the binary runs")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn help_names_every_setting_with_its_variable() {
    let output = weir(&["--help"]);
    let help = String::from_utf8_lossy(&output.stdout);
    for variable in
        ["WEIR_RTMP_ADDR", "WEIR_S3_BUCKET", "AWS_SECRET_ACCESS_KEY", "WEIR_CONFIG", "check-config"]
    {
        assert!(help.contains(variable), "{variable} is not in:\n{help}");
    }
}

#[test]
fn settings_that_are_right_are_said_to_be() {
    let output = weir(&["check-config", "--video-preset", "superfast"]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("The settings are right"));
}

#[test]
fn what_is_wrong_with_the_settings_is_named() {
    for (arguments, words) in [
        (&["check-config", "--playlist-window", "1"][..], "playlist_window is 1; it must be from 3 to 300"),
        (&["check-config", "--video-encoder", "libx265000"], "libx265000"),
        (&["check-config", "--s3-bucket", "b"], "AWS_ACCESS_KEY_ID"),
        (&["check-config", "--config", "/nowhere/weir.toml"], "/nowhere/weir.toml"),
        (&["check-config", "--database-url", "mysql://x"], "mysql"),
    ] {
        let output = weir(arguments);
        assert!(!output.status.success(), "{arguments:?} was accepted");
        assert!(told(&output).contains(words), "{arguments:?} told: {}", told(&output));
    }
}

#[test]
fn an_unknown_key_of_the_file_is_named_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("weir.toml");
    std::fs::write(&file, "playlist_window = 8\ns3_buckett = 'x'\n").expect("a file");
    let output = weir(&["check-config", "--config", &file.display().to_string()]);
    let told = told(&output);
    assert!(!output.status.success());
    assert!(told.contains("s3_buckett") && told.contains("line 2"), "{told}");
}

#[test]
fn a_server_that_is_not_there_is_not_healthy() {
    let output = weir(&["health", "--url", "http://127.0.0.1:1/readyz"]);
    assert!(!output.status.success());
    assert!(told(&output).contains("does not answer"), "{}", told(&output));
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_it_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Command::new("sh")
        .args([
            "-c",
            "ulimit -Sn 256; exec \"$0\" --rtmp-addr 127.0.0.1:0 --http-addr 127.0.0.1:0 --data-dir \"$1\"",
        ])
        .arg(env!("CARGO_BIN_EXE_weir"))
        .arg(folder.path())
        .env("WEIR_LOG_FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let log = BufReader::new(server.stderr.take().expect("its log is piped"));
    let is_listening =
        log.lines().map_while(Result::ok).any(|line| line.contains("\"message\":\"listening\""));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap_or_default();
    server.kill().expect("the server is stopped");
    server.wait().expect("the server is stopped");
    assert!(is_listening, "the server did not start");
    let open_files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    let [soft, hard] = [3, 4].map(|field| open_files.split_whitespace().nth(field));
    assert!(soft.is_some() && soft == hard, "{open_files}");
}

#[test]
fn a_webhook_is_tried_out_and_its_answer_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let output = weir(&["webhook", "test", &url]);
    assert!(
        !output.status.success() && told(&output).contains("WEIR_WEBHOOK_ALLOW_PRIVATE"),
        "{}",
        told(&output)
    );
    let endpoint = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a request");
        let head = BufReader::new(socket.try_clone().expect("a socket")).lines().map_while(Result::ok);
        let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
        socket.write_all(b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 5\r\n\r\nshort").expect("a client");
        head
    });
    let output = weir(&["webhook", "test", &url, "--webhook-allow-private", "true"]);
    let head = endpoint.join().expect("an endpoint");
    assert!(head.iter().any(|line| line.starts_with("webhook-signature: v1,")), "{head:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("whsec_") && said.contains("answered 418") && said.contains("short"), "{said}");
    assert!(!output.status.success() && told(&output).contains("only 2xx counts"), "{}", told(&output));
}
