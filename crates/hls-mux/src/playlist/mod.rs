//! Playlists (RFC 8216 §4), as text.

mod codecs;
mod media;
mod multivariant;

pub use codecs::codecs_string;
pub use self::media::{Entry, MediaPlaylist};
pub use multivariant::{MultivariantPlaylist, Variant};
