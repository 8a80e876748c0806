//! The bearer token of control calls: configured, or made at the first start and kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Secret;
use crate::stream_key;

/// A token as the server keeps it: its hash, which is as long whatever the token's length is.
#[derive(Clone)]
pub(crate) struct ApiToken {
    hash: [u8; 32],
}

/// Where a token came from; told in the banner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// `WEIR_API_TOKEN`, `--api-token` or the configuration file.
    Configured,
    /// The file that Weir made.
    File(PathBuf),
}

/// The token's file could not be read or made.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep the API token in {}: {source}", path.display())]
pub struct TokenError {
    path: PathBuf,
    source: io::Error,
}

impl ApiToken {
    /// The configured token, or the one in `data_dir`, made if there is none.
    pub(crate) fn open(
        configured: Option<&Secret>,
        data_dir: &Path,
    ) -> Result<(Self, TokenSource), TokenError> {
        if let Some(Secret(token)) = configured {
            return Ok((Self::new(token), TokenSource::Configured));
        }
        let path = data_dir.join("api-token");
        let token = read_or_make(&path).map_err(|source| TokenError { path: path.clone(), source })?;
        Ok((Self::new(&token), TokenSource::File(path)))
    }

    fn new(token: &str) -> Self {
        Self { hash: Sha256::digest(token.as_bytes()).into() }
    }

    /// Compares in a time that doesn't depend on where a wrong token differs.
    pub(crate) fn matches(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        self.hash.ct_eq(&presented).into()
    }
}

fn read_or_make(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(token) if token.trim().len() >= 16 => return Ok(token.trim().to_owned()),
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file holds no token; delete it and Weir makes another",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let token = stream_key::generate();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_made_token_is_kept_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (token, source) = ApiToken::open(None, dir.path()).unwrap();
        let TokenSource::File(path) = source else { panic!("made, not configured") };
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let kept = fs::read_to_string(&path).unwrap();
        assert!(token.matches(kept.trim()));
        assert!(!token.matches("another"));
        let (again, _) = ApiToken::open(None, dir.path()).unwrap();
        assert!(again.matches(kept.trim()));
    }

    #[test]
    fn an_empty_file_is_no_token() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("api-token"), "\n").unwrap();
        let error = ApiToken::open(None, dir.path()).err().unwrap().to_string();
        assert!(error.contains("holds no token"), "{error}");
    }
}
