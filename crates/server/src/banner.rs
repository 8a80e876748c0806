//! What the operator sees first: where to publish, where to watch, where the token is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::api_token::TokenSource;
use crate::config::{Config, StoreConfig};
use crate::ingest::APP;

/// Where a server's listeners are bound.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// RTMP.
    pub rtmp: SocketAddr,
    /// RTMPS, where it is set up.
    pub rtmps: Option<SocketAddr>,
    /// HTTP.
    pub http: SocketAddr,
    /// HTTPS, where it is set up.
    pub https: Option<SocketAddr>,
}

/// What a server that has just started offers.
#[derive(Clone, Debug)]
pub struct Started {
    /// Where it listens.
    pub addresses: Listening,
    /// Where the API token is.
    pub token: TokenSource,
    pub(crate) public_url: Option<String>,
    pub(crate) store: String,
}

impl Started {
    pub(crate) fn new(config: &Config, addresses: Listening, token: TokenSource) -> Self {
        let store = match &config.store {
            StoreConfig::Memory { capacity } => {
                format!("in memory, {} MiB (set WEIR_S3_BUCKET to use S3)", capacity >> 20)
            }
            StoreConfig::S3 { public_url, .. } => public_url.clone(),
        };
        let public_url = config.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        Self { addresses, token, public_url, store }
    }
}

impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let web =
            self.public_url.clone().unwrap_or_else(|| format!("http://{}", reachable(self.addresses.http)));
        writeln!(f, "Weir {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f)?;
        writeln!(f, "  OBS: Settings > Stream > Service: Custom")?;
        writeln!(f, "  Server       rtmp://{}/{APP}", reachable(self.addresses.rtmp))?;
        if let Some(rtmps) = self.addresses.rtmps {
            writeln!(f, "   or          rtmps://{}/{APP}", reachable(rtmps))?;
        }
        writeln!(f, "  Stream key   of a stream that you create in the dashboard")?;
        writeln!(f)?;
        writeln!(f, "  Dashboard    {web}/")?;
        writeln!(f, "  Player       {web}/live/<videoId>")?;
        if let Some(https) = self.addresses.https {
            writeln!(f, "   or          https://{}/live/<videoId>", reachable(https))?;
        }
        writeln!(f, "  API          {web}/api/docs")?;
        match &self.token {
            TokenSource::Configured => writeln!(f, "  API token    as configured")?,
            TokenSource::File(path) => writeln!(f, "  API token    in {}", path.display())?,
        }
        writeln!(f, "  Objects      {}", self.store)
    }
}

/// An address that can be pasted: one that means "any" is shown as this machine's own.
fn reachable(addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), addr.port());
    }
    addr
}
