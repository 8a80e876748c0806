use super::*;

#[test]
fn acknowledgements_count_on_beyond_four_gigabytes() {
    let now = Instant::now();
    let mut session = ServerSession::new(Limits::default(), now);
    let mut handshake = vec![0; 1 + 2 * 1536];
    handshake[0] = 3;
    session.handle_input(&handshake, now).unwrap();
    session.poll_transmit();
    session.consumed = (1 << 32) + 1000;
    session.acknowledged = (1 << 32) - DEFAULT_ACK_WINDOW;
    session.handle_input(&[], now).unwrap();
    let sent = session.poll_transmit().unwrap();
    assert_eq!(sent[sent.len() - 4..], 1000u32.to_be_bytes());
    assert_eq!(session.poll_transmit(), None);
}

#[test]
fn the_http_answer_is_as_long_as_it_says() {
    let answer = std::str::from_utf8(HTTP_ANSWER).unwrap();
    let (header, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(header.ends_with(&format!("Content-Length: {}", body.len())));
}
