//! The RTMP handshake (RTMP 1.0 §5.2), plain and with digests.
//!
//! The library does the arithmetic; this side decides when it may. It sees nothing before the
//! whole of C0 and C1 has arrived, which makes the answer one write, and anything that speaks
//! another protocol is told apart by its first bytes.

use rml_rtmp::handshake::{Handshake as Library, HandshakeProcessResult, PeerType};

use crate::ErrorKind;

/// C1, C2, S1 and S2 are this long.
const PACKET_LEN: usize = 1536;
const VERSION: u8 = 3;
const TLS_HANDSHAKE: u8 = 0x16;
const HTTP_METHODS: [&[u8]; 9] =
    [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"CONNECT ", b"PRI "];

/// The server's side of a handshake.
pub(crate) struct ServerHandshake {
    library: Library,
    received: Vec<u8>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Version,
    AwaitC1,
    AwaitC2,
}

/// How far some input has brought the handshake.
pub(crate) struct Progress {
    /// What to send, if anything.
    pub(crate) answer: Vec<u8>,
    /// Whether C2 is complete. Until then, all input is taken.
    pub(crate) is_complete: bool,
}

impl ServerHandshake {
    pub(crate) fn new() -> Self {
        Self { library: Library::new(PeerType::Server), received: Vec::new(), stage: Stage::Version }
    }

    /// Whether anything has arrived yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.stage == Stage::Version && self.received.is_empty()
    }

    /// Takes from `input` what belongs to the handshake, and leaves the rest.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Progress, ErrorKind> {
        let mut progress = Progress { answer: Vec::new(), is_complete: false };
        if self.stage == Stage::Version && !self.read_version(input)? {
            return Ok(progress);
        }
        if self.stage == Stage::AwaitC1 && self.fill(input, 1 + PACKET_LEN) {
            progress.answer = self.advance()?;
            self.stage = Stage::AwaitC2;
        }
        if self.stage == Stage::AwaitC2 && self.fill(input, PACKET_LEN) {
            self.advance()?;
            progress.is_complete = true;
        }
        Ok(progress)
    }

    /// Judges the first bytes; false while they could still become several things.
    fn read_version(&mut self, input: &mut &[u8]) -> Result<bool, ErrorKind> {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            self.received.push(byte);
            match self.received[0] {
                VERSION => {
                    self.stage = Stage::AwaitC1;
                    return Ok(true);
                }
                TLS_HANDSHAKE => return Err(ErrorKind::TlsHello),
                version @ (6 | 8 | 9) => return Err(ErrorKind::EncryptedRtmp { version }),
                first => {
                    if HTTP_METHODS.contains(&self.received.as_slice()) {
                        return Err(ErrorKind::HttpRequest);
                    }
                    if !HTTP_METHODS.iter().any(|method| method.starts_with(&self.received)) {
                        return Err(ErrorKind::NotRtmp { first });
                    }
                }
            }
        }
        Ok(false)
    }

    fn fill(&mut self, input: &mut &[u8], length: usize) -> bool {
        fill(&mut self.received, input, length)
    }

    fn advance(&mut self) -> Result<Vec<u8>, ErrorKind> {
        advance(&mut self.library, &std::mem::take(&mut self.received))
    }
}

/// The client's side of a handshake.
pub(crate) struct ClientHandshake {
    library: Library,
    received: Vec<u8>,
    has_answered: bool,
}

impl ClientHandshake {
    /// A handshake, and the C0 and C1 that begin it.
    pub(crate) fn start() -> (Self, Vec<u8>) {
        let mut library = Library::new(PeerType::Client);
        let greeting =
            library.generate_outbound_p0_and_p1().expect("invariant: the library only draws numbers");
        (Self { library, received: Vec::new(), has_answered: false }, greeting)
    }

    /// Takes from `input` what belongs to the handshake, and leaves the rest.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Progress, ErrorKind> {
        let mut progress = Progress { answer: Vec::new(), is_complete: false };
        let first = self.received.first().or(input.first()).copied();
        if !self.has_answered {
            if let Some(first) = first.filter(|first| *first != VERSION) {
                return Err(ErrorKind::NotRtmp { first });
            }
            if fill(&mut self.received, input, 1 + PACKET_LEN) {
                progress.answer = advance(&mut self.library, &std::mem::take(&mut self.received))?;
                self.has_answered = true;
            }
        }
        // What S2 holds is of no interest to a client.
        if self.has_answered && fill(&mut self.received, input, PACKET_LEN) {
            progress.is_complete = true;
        }
        Ok(progress)
    }
}

/// Collects until `length` bytes are there.
fn fill(received: &mut Vec<u8>, input: &mut &[u8], length: usize) -> bool {
    let missing = length - received.len();
    let (taken, rest) = input.split_at(missing.min(input.len()));
    received.extend_from_slice(taken);
    *input = rest;
    received.len() == length
}

fn advance(library: &mut Library, received: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    match library.process_bytes(received) {
        Ok(
            HandshakeProcessResult::InProgress { response_bytes }
            | HandshakeProcessResult::Completed { response_bytes, .. },
        ) => Ok(response_bytes),
        Err(_) => Err(ErrorKind::Handshake),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds `input` in pieces of `step` bytes; what was answered, what was left, and the outcome.
    fn feed(handshake: &mut ServerHandshake, input: &[u8], step: usize) -> (Vec<u8>, Vec<u8>, bool) {
        let mut answers = Vec::new();
        for (index, piece) in input.chunks(step).enumerate() {
            let mut rest = piece;
            let progress = handshake.read(&mut rest).unwrap();
            answers.extend(progress.answer);
            if progress.is_complete {
                let mut left = rest.to_vec();
                left.extend(input.chunks(step).skip(index + 1).flatten());
                return (answers, left, true);
            }
        }
        (answers, Vec::new(), false)
    }

    fn complete(mut client: Library, plain: bool, step: usize) {
        let mut c0c1 = client.generate_outbound_p0_and_p1().unwrap();
        if plain {
            c0c1[1..9].fill(0); // no version: the digest no longer fits either
        }
        let mut server = ServerHandshake::new();
        let (answer, _, done) = feed(&mut server, &c0c1, step);
        assert!(!done);
        assert_eq!(answer.len(), 1 + 2 * PACKET_LEN);
        if plain {
            assert_eq!(answer[1 + PACKET_LEN..], c0c1[1..], "S2 echoes C1");
        }
        let c2 = match client.process_bytes(&answer).unwrap() {
            HandshakeProcessResult::Completed { response_bytes, .. } => response_bytes,
            HandshakeProcessResult::InProgress { .. } => panic!("the client isn't satisfied"),
        };
        let mut last = c2;
        last.extend_from_slice(b"first chunk");
        let (answer, left, done) = feed(&mut server, &last, step);
        assert!(done && answer.is_empty());
        assert_eq!(left, b"first chunk");
    }

    #[test]
    fn digest_and_plain_clients_complete_in_any_pieces() {
        for step in [1, 7, 1536, 1537, 10_000] {
            complete(Library::new(PeerType::Client), false, step);
            complete(Library::new(PeerType::Client), true, step);
        }
    }

    #[test]
    fn our_two_sides_agree_in_any_pieces() {
        for step in [1, 7, 1536, 1537, 10_000] {
            let (mut client, greeting) = ClientHandshake::start();
            let mut server = ServerHandshake::new();
            let (mut answer, _, _) = feed(&mut server, &greeting, step);
            answer.extend_from_slice(b"first chunk");
            let (mut c2, mut left, mut done) = (Vec::new(), Vec::new(), false);
            for mut piece in answer.chunks(step) {
                if !done {
                    let progress = client.read(&mut piece).unwrap();
                    c2.extend(progress.answer);
                    done = progress.is_complete;
                }
                left.extend_from_slice(piece);
            }
            assert!(done && left == b"first chunk");
            assert!(feed(&mut server, &c2, step).2);
        }
    }

    #[test]
    fn a_client_tells_what_isnt_a_server() {
        let (mut client, _) = ClientHandshake::start();
        let outcome = client.read(&mut &b"HTTP/1.1 400 Bad Request"[..]);
        assert_eq!(outcome.err(), Some(ErrorKind::NotRtmp { first: b'H' }));
    }

    #[test]
    fn a_client_that_waits_for_nothing_is_answered_all_the_same() {
        let mut input = vec![0; 1 + 2 * PACKET_LEN];
        input[0] = VERSION;
        let (answer, left, done) = feed(&mut ServerHandshake::new(), &input, input.len());
        assert_eq!((answer.len(), left.len(), done), (1 + 2 * PACKET_LEN, 0, true));
    }

    fn refusal(input: &[u8]) -> Option<ErrorKind> {
        let mut handshake = ServerHandshake::new();
        input.iter().find_map(|byte| handshake.read(&mut [*byte].as_slice()).err())
    }

    #[test]
    fn other_protocols_are_named() {
        assert_eq!(refusal(b"GET / HTTP/1.1\r\n"), Some(ErrorKind::HttpRequest));
        assert_eq!(refusal(b"OPTIONS * "), Some(ErrorKind::HttpRequest));
        assert_eq!(refusal(b"\x16\x03\x01"), Some(ErrorKind::TlsHello));
        assert_eq!(refusal(b"\x06"), Some(ErrorKind::EncryptedRtmp { version: 6 }));
        assert_eq!(refusal(b"SSH-2.0"), Some(ErrorKind::NotRtmp { first: b'S' }));
        assert_eq!(refusal(b"GETAWAY"), Some(ErrorKind::NotRtmp { first: b'G' }));
        assert_eq!(refusal(b"\0"), Some(ErrorKind::NotRtmp { first: 0 }));
        assert_eq!(refusal(b"GE"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(input in prop::collection::vec(any::<u8>(), 0..4000), step in 1usize..2000) {
            let mut handshake = ServerHandshake::new();
            for start in [&[VERSION][..], &[]] {
                let mut bytes = start.to_vec();
                bytes.extend(&input);
                for piece in bytes.chunks(step) {
                    if handshake.read(&mut &*piece).map_or(true, |progress| progress.is_complete) {
                        return Ok(());
                    }
                }
            }
        }
    }
}
