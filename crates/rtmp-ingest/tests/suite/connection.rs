//! The session over a socket: deadlines, hang-ups and last words.

use std::time::Duration;

use media::MediaEvent;
use rtmp_ingest::{Connection, ErrorKind, Event, Limits, Refusal, WaitingFor};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

use crate::script::{HANDSHAKE_LEN, Script};

fn pair() -> (DuplexStream, Connection<DuplexStream>) {
    let (client, server) = duplex(1 << 20);
    (client, Connection::new(server, Limits::default()))
}

async fn read_to_end(client: &mut DuplexStream) -> Vec<u8> {
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    heard
}

fn contains(heard: &[u8], text: &str) -> bool {
    heard.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_let_go_at_the_deadline() {
    let (client, mut connection) = pair();
    let start = Instant::now();
    let error = connection.next_event().await.unwrap_err();
    let after = Duration::from_secs(10);
    assert_eq!(error.kind, ErrorKind::SetupTimeout { after, waiting_for: WaitingFor::FirstByte });
    assert_eq!(start.elapsed(), after);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_pauses_doesnt_outrun_the_deadline() {
    let (mut client, mut connection) = pair();
    let flood = tokio::spawn(async move {
        let mut script = Script::new().connect("live");
        for millis in 0.. {
            if client.write_all(&script.bytes).await.is_err() {
                break;
            }
            script.bytes.clear();
            script = script.aac(millis);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let start = Instant::now();
    let error = connection.next_event().await.unwrap_err();
    let after = Duration::from_secs(10);
    assert_eq!(error.kind, ErrorKind::SetupTimeout { after, waiting_for: WaitingFor::Publish });
    assert_eq!(start.elapsed().as_secs(), 10);
    drop(connection);
    flood.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_falls_silent_is_let_go() {
    let (mut client, mut connection) = pair();
    client.write_all(&Script::publish().bytes).await.unwrap();
    assert!(matches!(connection.next_event().await, Ok(Some(Event::PublishRequested(_)))));
    tokio::time::sleep(Duration::from_secs(8)).await;
    connection.accept_publish().await.unwrap();
    let start = Instant::now();
    let error = connection.next_event().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::IdleTimeout { after: Duration::from_secs(15) });
    assert_eq!(start.elapsed(), Duration::from_secs(15));
}

#[tokio::test]
async fn the_encoder_reads_why_it_is_refused_before_the_end() {
    let (mut client, mut connection) = pair();
    // More than the session reads: a close that forgot about it would cost the status.
    client.write_all(&Script::publish().aac_config().raw(&[0; 100_000]).bytes).await.unwrap();
    assert!(matches!(connection.next_event().await, Ok(Some(Event::PublishRequested(_)))));
    let refuse = tokio::spawn(async move {
        connection.refuse_publish(Refusal::Disarmed).await.unwrap();
        connection
    });
    let heard = read_to_end(&mut client).await;
    assert!(
        contains(&heard, "NetStream.Publish.BadName") && contains(&heard, Refusal::Disarmed.description())
    );
    assert!(!contains(&heard, "NetStream.Publish.Start"));
    drop(client);
    assert_eq!(refuse.await.unwrap().next_event().await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_refused_encoder_that_stays_has_two_seconds() {
    let (mut client, mut connection) = pair();
    client.write_all(&Script::publish().bytes).await.unwrap();
    connection.next_event().await.unwrap();
    let start = Instant::now();
    connection.refuse_publish(Refusal::Busy).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    drop(client);
}

#[tokio::test]
async fn an_unusable_key_is_answered_too() {
    let (mut client, mut connection) = pair();
    let script = Script::new().connect("live").create_stream().publish_as(crate::script::text(""));
    client.write_all(&script.bytes).await.unwrap();
    let end = tokio::spawn(async move { connection.next_event().await.unwrap_err() });
    let heard = read_to_end(&mut client).await;
    assert!(contains(&heard, "NetStream.Publish.BadName") && contains(&heard, "set it in the encoder"));
    drop(client);
    assert!(matches!(end.await.unwrap().kind, ErrorKind::UnusableStreamKey(_)));
}

#[tokio::test]
async fn a_browser_is_told_where_it_is() {
    let (mut client, mut connection) = pair();
    client.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let end = tokio::spawn(async move { connection.next_event().await.unwrap_err() });
    let heard = read_to_end(&mut client).await;
    assert!(heard.starts_with(b"HTTP/1.1 400 ") && contains(&heard, "speaks RTMP"));
    drop(client);
    assert_eq!(end.await.unwrap().kind, ErrorKind::HttpRequest);
}

#[tokio::test]
async fn a_hang_up_is_in_good_order_unless_it_cuts_a_publish() {
    for length in [0, 1, 2000, HANDSHAKE_LEN, HANDSHAKE_LEN + 20] {
        let (mut client, mut connection) = pair();
        client.write_all(&Script::publish().bytes[..length]).await.unwrap();
        drop(client);
        assert_eq!(connection.next_event().await, Ok(None));
    }
    let (mut client, mut connection) = pair();
    client.write_all(&Script::publish().aac_config().aac(0).bytes).await.unwrap();
    connection.next_event().await.unwrap();
    connection.accept_publish().await.unwrap();
    drop(client);
    assert!(matches!(connection.next_event().await, Ok(Some(Event::Media(_)))));
    assert!(matches!(connection.next_event().await, Ok(Some(Event::Media(_)))));
    for _ in 0..2 {
        assert_eq!(connection.next_event().await.unwrap_err().kind, ErrorKind::Disconnected);
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_loses_nothing() {
    let (mut client, mut connection) = pair();
    let script = Script::publish().aac_config();
    let frames = (0..200).fold(script, |script, i| script.aac(i * 20));
    let writer = tokio::spawn(async move {
        for piece in frames.bytes.chunks(37) {
            client.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        client
    });
    let mut packets = 0;
    while packets < 200 {
        // Most waits end before the next piece comes.
        match timeout(Duration::from_millis(1), connection.next_event()).await {
            Ok(Ok(Some(Event::PublishRequested(_)))) => connection.accept_publish().await.unwrap(),
            Ok(Ok(Some(Event::Media(MediaEvent::Packet(_))))) => packets += 1,
            Ok(Ok(Some(_))) | Err(_) => {}
            Ok(other) => panic!("{other:?}"),
        }
    }
    let mut client = writer.await.unwrap();
    connection.close().await;
    assert!(contains(&read_to_end(&mut client).await, "NetStream.Publish.Start"));
}

#[tokio::test]
async fn a_client_that_never_reads_is_let_go_with_bounded_memory() {
    const USER_CONTROL: u8 = 4;
    let (mut client, server) = duplex(4096);
    let mut connection = Connection::new(server, Limits::default());
    let flood = tokio::spawn(async move {
        let ping = Script::new().message(USER_CONTROL, 0, 0, &[0, 6, 0, 0, 0, 0]).bytes;
        client.write_all(&ping).await.unwrap();
        while client.write_all(&ping[HANDSHAKE_LEN..]).await.is_ok() {}
    });
    let error = connection.next_event().await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::PeerNotReading { unsent } if unsent < 256 * 1024), "{error}");
    drop(connection);
    flood.await.unwrap();
}
