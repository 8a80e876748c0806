//! The certificate that RTMPS or HTTPS serves, and its reload when its files change.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, ServerConfig};

use crate::config::TlsConfig;

/// How often the files are looked at. Reading them tells more than their times, which a copy, a
/// symbolic link or a mounted secret need not change.
const PERIOD: Duration = Duration::from_secs(2);

/// A certificate and its key, from files that may change.
pub(crate) struct Certificate {
    /// What it is for, in logs and metrics.
    protocol: &'static str,
    files: TlsConfig,
    served: Arc<Served>,
    seen: Contents,
}

/// What the files hold.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// What the next handshake uses.
#[derive(Debug)]
struct Served(RwLock<Arc<CertifiedKey>>);

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file isn't PEM, or holds something else.
    #[error("{} holds no usable PEM {what}: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// They don't belong together, or rustls cannot use them.
    #[error("the certificate in {} cannot be used with the key in {}: {source}", certificate.display(), key.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        source: Error,
    },
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// They aren't there, aren't PEM or don't belong together.
    pub(crate) fn load(protocol: &'static str, files: &TlsConfig) -> Result<Self, CertificateError> {
        let seen = Contents::read(files)?;
        let key = seen.certified_key(files)?;
        Ok(Self {
            protocol,
            files: files.clone(),
            served: Arc::new(Served(RwLock::new(Arc::new(key)))),
            seen,
        })
    }

    /// What decrypts connections, in which one of `protocols` is spoken (ALPN) where there are any; it
    /// always uses the newest certificate.
    pub(crate) fn acceptor(&self, protocols: &[&str]) -> Result<TlsAcceptor, CertificateError> {
        let fingerprint = fingerprint(&self.served.get());
        let file = self.files.certificate.display();
        tracing::info!(fingerprint, %file, "certificate of {}", self.protocol);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|source| self.files.mismatch(source))?
            .with_no_client_auth()
            .with_cert_resolver(self.served.clone());
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Follows the files, for ever. What cannot be used is told once, and the old certificate stays.
    pub(crate) async fn follow(mut self) {
        let mut period = tokio::time::interval(PERIOD);
        let mut told = None;
        loop {
            period.tick().await;
            match self.reload().await {
                Ok(()) => told = None,
                Err(error) => {
                    let error = error.to_string();
                    if told.as_ref() != Some(&error) {
                        metrics::counter!("weir_certificate_errors_total").increment(1);
                        tracing::error!(
                            error,
                            protocol = self.protocol,
                            "the new certificate cannot be used; the old one is still served"
                        );
                        told = Some(error);
                    }
                }
            }
        }
    }

    async fn reload(&mut self) -> Result<(), CertificateError> {
        let files = self.files.clone();
        let contents = tokio::task::spawn_blocking(move || Contents::read(&files)).await;
        // Only a runtime that is going down takes the task away.
        let Ok(contents) = contents else { return Ok(()) };
        let contents = contents?;
        if contents == self.seen {
            return Ok(());
        }
        let key = contents.certified_key(&self.files)?;
        tracing::info!(fingerprint = fingerprint(&key), "certificate of {} renewed", self.protocol);
        *self.served.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
        self.seen = contents;
        Ok(())
    }
}

impl TlsConfig {
    fn mismatch(&self, source: Error) -> CertificateError {
        CertificateError::Mismatch { certificate: self.certificate.clone(), key: self.key.clone(), source }
    }
}

impl Contents {
    fn read(files: &TlsConfig) -> Result<Self, CertificateError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| CertificateError::Read { path: path.to_owned(), source })
        };
        Ok(Self { certificate: read(&files.certificate)?, key: read(&files.key)? })
    }

    fn certified_key(&self, files: &TlsConfig) -> Result<CertifiedKey, CertificateError> {
        let wrong = |path: &Path, what| {
            let path = path.to_owned();
            move |source| CertificateError::Pem { path, what, source }
        };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(wrong(&files.certificate, "certificate"))?;
        if chain.is_empty() {
            return Err(wrong(&files.certificate, "certificate")(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(wrong(&files.key, "private key"))?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|source| files.mismatch(source))
    }
}

impl Served {
    fn get(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// As `openssl x509 -fingerprint -sha256` shows it.
fn fingerprint(key: &CertifiedKey) -> String {
    let digest = key.cert.first().map(Sha256::digest).unwrap_or_default();
    digest.iter().enumerate().fold(String::new(), |mut text, (index, byte)| {
        let colon = if index > 0 { ":" } else { "" };
        // Writing into a string cannot fail.
        let _ = write!(text, "{colon}{byte:02X}");
        text
    })
}
