//! The address of a stream on another server.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

const MAX_LEN: usize = 2048;
const RTMP_PORT: u16 = 1935;
const RTMPS_PORT: u16 = 443;
/// What is hidden in others' texts; anything shorter is no secret, and could be part of any word.
const MIN_SECRET_LEN: usize = 6;

/// `rtmp[s]://host[:port]/app/stream[?query]`.
///
/// All but the last segment of the path is the app. The stream and the query may be secrets: neither
/// prints.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUrl {
    is_tls: bool,
    host: String,
    port: u16,
    app: String,
    stream: String,
}

/// Why a text isn't a [`SourceUrl`]. Never the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceUrlFault {
    /// It isn't RTMP.
    #[error("it must start with rtmp:// or rtmps://")]
    Scheme,
    /// It holds a user name or a password.
    #[error("it holds a user name or a password, which RTMP has no place for")]
    Credentials,
    /// No host, or one that can't be.
    #[error("its host is missing or can't be one")]
    Host,
    /// A port that can't be.
    #[error("its port isn't a number from 1 to 65535")]
    Port,
    /// There is no app, or no stream.
    #[error("its path must have an app and a stream, as in rtmp://host/live/stream")]
    Path,
    /// A control character or a space.
    #[error("it holds a space or a control character")]
    Character,
    /// It is absurdly long.
    #[error("it is longer than {MAX_LEN} bytes")]
    TooLong,
}

impl SourceUrl {
    /// Whether the connection is to be encrypted.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The host to connect to: a name or an address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The app, for `connect`.
    pub(crate) fn app(&self) -> &str {
        &self.app
    }

    /// The stream with its query, for `play`.
    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// The URL up to the app, for `connect`.
    pub(crate) fn tc_url(&self) -> String {
        format!("{}/{}", self.origin(), self.app)
    }

    /// `text` without what may be secret in this URL.
    pub(crate) fn redact(&self, text: &str) -> String {
        let (name, query) = self.stream.split_once('?').unwrap_or((&self.stream, ""));
        let (_, app_query) = self.app.split_once('?').unwrap_or_default();
        let (_, instance) = self.app.split_once('/').unwrap_or_default();
        let mut secrets = [self.stream.as_str(), query, app_query, instance, name];
        // One may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let secrets = secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET_LEN);
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }

    fn origin(&self) -> String {
        let scheme = if self.is_tls { "rtmps" } else { "rtmp" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        format!("{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl FromStr for SourceUrl {
    type Err = SourceUrlFault;

    fn from_str(url: &str) -> Result<Self, SourceUrlFault> {
        if url.len() > MAX_LEN {
            return Err(SourceUrlFault::TooLong);
        }
        if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(SourceUrlFault::Character);
        }
        let (scheme, rest) = url.split_once("://").ok_or(SourceUrlFault::Scheme)?;
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "rtmp" => false,
            "rtmps" => true,
            _ => return Err(SourceUrlFault::Scheme),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = split_authority(authority)?;
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(SourceUrlFault::Port)?,
            None if is_tls => RTMPS_PORT,
            None => RTMP_PORT,
        };
        let (app, stream) = split_path(path).ok_or(SourceUrlFault::Path)?;
        Ok(Self { is_tls, host: host.to_owned(), port, app: app.to_owned(), stream: stream.to_owned() })
    }
}

fn split_authority(authority: &str) -> Result<(&str, Option<&str>), SourceUrlFault> {
    if authority.contains('@') {
        return Err(SourceUrlFault::Credentials);
    }
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or(SourceUrlFault::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| SourceUrlFault::Host)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(SourceUrlFault::Host),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(SourceUrlFault::Host);
    }
    Ok((host, port))
}

/// The app, and the stream with its query.
fn split_path(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let query_at = path.find('?').unwrap_or(path.len());
    // Some services put their token into the app: `app?token/stream`.
    let slash = path[..query_at].rfind('/').or_else(|| path.rfind('/'))?;
    let (app, stream) = (path[..slash].trim_matches('/'), &path[slash + 1..]);
    let is_stream = !stream.is_empty() && !stream.starts_with('?');
    (!app.is_empty() && !app.starts_with('?') && is_stream).then_some((app, stream))
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app = self.app.split(['/', '?']).next().unwrap_or_default();
        write!(f, "{}/{app}/…", self.origin())
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(url: &str) -> (bool, String, u16, String, String) {
        let url: SourceUrl = url.parse().unwrap();
        (url.is_tls, url.host, url.port, url.app, url.stream)
    }

    fn expected(
        is_tls: bool,
        host: &str,
        port: u16,
        app: &str,
        stream: &str,
    ) -> (bool, String, u16, String, String) {
        (is_tls, host.into(), port, app.into(), stream.into())
    }

    #[test]
    fn urls_as_people_write_them() {
        for (url, is) in [
            ("rtmp://h/live/key", expected(false, "h", 1935, "live", "key")),
            ("RTMP://h:19350/live/key?a=b/c?d", expected(false, "h", 19350, "live", "key?a=b/c?d")),
            ("rtmps://a.example/live/key", expected(true, "a.example", 443, "live", "key")),
            ("rtmp://[::1]:1/live/key", expected(false, "::1", 1, "live", "key")),
            ("rtmp://[::1]/live/key", expected(false, "::1", 1935, "live", "key")),
            ("rtmp://h/app/instance/key", expected(false, "h", 1935, "app/instance", "key")),
            ("rtmp://h//live//key", expected(false, "h", 1935, "live", "key")),
            ("rtmp://h/live?t=1/key", expected(false, "h", 1935, "live?t=1", "key")),
        ] {
            assert_eq!(parts(url), is, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, fault) in [
            ("http://h/live/key", SourceUrlFault::Scheme),
            ("h/live/key", SourceUrlFault::Scheme),
            ("rtmp://u:p@h/live/key", SourceUrlFault::Credentials),
            ("rtmp:///live/key", SourceUrlFault::Host),
            ("rtmp://[::g]/live/key", SourceUrlFault::Host),
            ("rtmp://[::1/live/key", SourceUrlFault::Host),
            ("rtmp://h:0/live/key", SourceUrlFault::Port),
            ("rtmp://h:/live/key", SourceUrlFault::Port),
            ("rtmp://h:70000/live/key", SourceUrlFault::Port),
            ("rtmp://h", SourceUrlFault::Path),
            ("rtmp://h/live", SourceUrlFault::Path),
            ("rtmp://h/live/", SourceUrlFault::Path),
            ("rtmp://h/live/?key", SourceUrlFault::Path),
            ("rtmp://h?live/key", SourceUrlFault::Path),
            ("rtmp://h/live/k\ney", SourceUrlFault::Character),
            ("rtmp://h/live/k ey", SourceUrlFault::Character),
        ] {
            assert_eq!(url.parse::<SourceUrl>(), Err(fault), "{url}");
        }
        assert_eq!(
            format!("rtmp://h/live/{}", "k".repeat(MAX_LEN)).parse::<SourceUrl>(),
            Err(SourceUrlFault::TooLong)
        );
    }

    #[test]
    fn neither_stream_nor_query_prints() {
        let url: SourceUrl = "rtmp://h/live/SECRET/SECRETKEY?token=SECRET".parse().unwrap();
        assert_eq!(url.to_string(), "rtmp://h:1935/live/…");
        assert_eq!(format!("{url:?}"), "SourceUrl(rtmp://h:1935/live/…)");
        assert_eq!(url.redact("no SECRETKEY in live/SECRET (token=SECRET)"), "no … in live/… (…)");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_parses_parses_again(url in "(rtmp://)?[a-z:/?@\\[\\]#.]{0,40}") {
            if let Ok(url) = url.parse::<SourceUrl>() {
                let again = format!("{}/{}", url.tc_url(), url.stream());
                prop_assert_eq!(again.parse::<SourceUrl>(), Ok(url));
            }
        }
    }
}
