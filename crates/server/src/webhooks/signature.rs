//! What is signed, and with what, by the Standard Webhooks specification.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use rand::rngs::OsRng;
use rand::{RngCore, TryRngCore};
use sha2::Sha256;

/// Tells what a secret is for, and lets scanners find one that has leaked.
const PREFIX: &str = "whsec_";
/// Bytes of a secret.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// The key that an endpoint shares with the server. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SigningSecret(Vec<u8>);

/// Why a text is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It doesn't begin as one.
    #[error("a webhook's secret begins with {PREFIX}")]
    Prefix,
    /// The rest is no base64.
    #[error("after {PREFIX} a webhook's secret is base64: {0}")]
    Base64(base64::DecodeError),
    /// It is too short to be safe, or too long.
    #[error("a webhook's secret has 24 to 64 bytes; this one has {0}")]
    Length(usize),
}

impl SigningSecret {
    pub(crate) fn generate() -> Self {
        let mut bytes = vec![0; 32];
        OsRng.unwrap_err().fill_bytes(&mut bytes);
        Self(bytes)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, SecretError> {
        let text = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(SecretError::Base64)?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(SecretError::Length(bytes.len()));
        }
        Ok(Self(bytes))
    }

    /// As its owner is shown it.
    pub(crate) fn expose(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(&self.0))
    }

    fn sign(&self, id: &str, timestamp: u64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for piece in [id, ".", &timestamp.to_string(), ".", body] {
            mac.update(piece.as_bytes());
        }
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(set)")
    }
}

/// The header fields of a message, signed with each of these secrets.
pub(super) fn headers(
    id: &str,
    now: SystemTime,
    body: &str,
    secrets: &[SigningSecret],
) -> [(&'static str, String); 3] {
    let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_specifications_example_is_signed_as_it_says() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let now = UNIX_EPOCH + Duration::from_secs(1_614_265_330);
        let both = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", now, body, &[secret, SigningSecret::generate()]);
        assert!(both[2].1.starts_with(&format!("{signature} v1,")), "{both:?}");
    }

    #[test]
    fn a_secret_is_read_as_it_was_shown() {
        let secret = SigningSecret::generate();
        assert_eq!(SigningSecret::parse(&secret.expose()).unwrap(), secret);
        assert_eq!(format!("{secret:?}"), "(set)");
        for wrong in ["", "whsec_", "whsec_AAAA", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(SigningSecret::parse(wrong).is_err(), "{wrong}");
        }
    }
}
