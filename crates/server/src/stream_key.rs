//! Stream keys as the catalog keeps them: made here, compared by hash.

use rand::RngCore;
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

/// A new key: 160 random bits as 40 hexadecimal digits, which paste and read aloud well.
pub(crate) fn generate() -> String {
    let mut bits = [0; 20];
    OsRng.unwrap_err().fill_bytes(&mut bits);
    hex::encode(bits)
}

/// What the catalog looks a key up by. A look-up by the hash of a random key tells an attacker
/// who times it nothing of the key, where one by the key itself could.
pub(crate) fn hash(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_enough_and_never_the_same() {
        let (a, b) = (generate(), generate());
        assert_eq!(a.len(), 40);
        assert_ne!(a, b);
        assert_ne!(hash(&a), hash(&b));
    }
}
