//! Settings that nobody may read.

use std::fmt;

use serde::{Deserialize, Deserializer, Serializer};

/// A string that is never printed.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(set)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde's own words would quote what is there in place of a string.
        let text = String::deserialize(deserializer);
        text.map(Self).map_err(|_| serde::de::Error::custom("it must be text in quotes"))
    }
}

/// Writes a secret as it is, for settings to be laid over each other.
pub(crate) fn exposed<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(Secret(text)) => serializer.serialize_some(text),
        None => serializer.serialize_none(),
    }
}
