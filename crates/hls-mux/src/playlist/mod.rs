//! Playlists (RFC 8216 §4), as text.

pub(crate) mod codecs;
mod low_latency;
mod media;
mod multivariant;

pub use self::low_latency::LowLatencyPlaylist;
pub use self::media::{Entry, MediaPlaylist, PlaylistType};
pub use codecs::codecs_string;
pub use multivariant::{MultivariantPlaylist, Variant};
