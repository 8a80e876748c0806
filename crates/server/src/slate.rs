//! The picture that viewers see while a publisher is away, from the operator's file.

use std::io;
use std::path::{Path, PathBuf};

use transcode::Slate;

/// Why it cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum SlateError {
    /// There is no such file, or it may not be read.
    #[error("the slate {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not a picture.
    #[error("the slate {} cannot be shown: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: transcode::Error,
    },
}

/// Reads and decodes the file, if there is one.
pub(crate) fn load(path: Option<&Path>) -> Result<Option<Slate>, SlateError> {
    let Some(path) = path else { return Ok(None) };
    let file = std::fs::read(path).map_err(|source| SlateError::Read { path: path.into(), source })?;
    let slate = Slate::decode(&file).map_err(|source| SlateError::Decode { path: path.into(), source })?;
    Ok(Some(slate))
}
