//! What TLS needs: an address, a certificate and its key.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::ConfigError;

/// A listener with TLS.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Its address.
    pub addr: SocketAddr,
    /// PEM file of the certificate chain.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

impl TlsConfig {
    /// All three, or none; `names` are those of the knobs, in that order.
    pub(super) fn new(
        names: [&'static str; 3],
        addr: Option<SocketAddr>,
        certificate: Option<&PathBuf>,
        key: Option<&PathBuf>,
    ) -> Result<Option<Self>, ConfigError> {
        if let (Some(addr), Some(certificate), Some(key)) = (addr, certificate, key) {
            return Ok(Some(Self { addr, certificate: certificate.clone(), key: key.clone() }));
        }
        let given = [addr.is_some(), certificate.is_some(), key.is_some()];
        let name = |wanted| names.into_iter().zip(given).find(|(_, is)| *is == wanted).map(|(name, _)| name);
        match (name(true), name(false)) {
            (Some(set), Some(missing)) => Err(ConfigError::HalfTls { set, missing }),
            _ => Ok(None),
        }
    }
}
