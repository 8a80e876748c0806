//! Asks a running server whether it is ready: for containers, whose images have no HTTP client.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use url::Url;

const LIMIT: Duration = Duration::from_secs(3);

/// Why a server is not ready, as far as can be told from outside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthError {
    #[error("{0} is no http:// URL")]
    Url(Url),
    #[error("{url} does not answer: {source}")]
    Silent { url: Url, source: io::Error },
    #[error("{url} answers {answer:?}")]
    NotReady { url: Url, answer: String },
}

/// `Ok` if `url` answers 200.
pub(crate) fn ask(url: &Url) -> Result<(), HealthError> {
    let host = match (url.scheme(), url.host_str()) {
        ("http", Some(host)) => host.to_owned(),
        _ => return Err(HealthError::Url(url.clone())),
    };
    let answer = get(url, &host).map_err(|source| HealthError::Silent { url: url.clone(), source })?;
    let mut words = answer.split_ascii_whitespace();
    match words.nth(1) {
        Some("200") => Ok(()),
        _ => Err(HealthError::NotReady { url: url.clone(), answer }),
    }
}

/// The status line of a GET; HTTP/1.0, so that the connection's end is the answer's.
fn get(url: &Url, host: &str) -> io::Result<String> {
    let port = url.port_or_known_default().unwrap_or(80);
    let addr = (host.trim_matches(['[', ']']), port).to_socket_addrs()?.next();
    let addr = addr.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&addr, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(stream, "GET {} HTTP/1.0\r\nHost: {host}\r\n\r\n", url.path())?;
    let mut head = [0; 256];
    let read = stream.read(&mut head)?;
    let text = String::from_utf8_lossy(&head[..read]);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
