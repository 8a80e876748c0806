//! The names of a stream's objects.

use hls_mux::{MediaSequence, segment_name};

use crate::catalog::VideoId;

/// The media playlist's name beneath a stream's folder.
pub(crate) const MEDIA_PLAYLIST: &str = "index.m3u8";
/// The multivariant playlist's name beneath a stream's folder.
pub(crate) const MULTIVARIANT_PLAYLIST: &str = "master.m3u8";
/// The poster's name beneath a stream's folder.
pub(crate) const POSTER: &str = "thumb.jpg";

/// The keys of one stream's objects.
#[derive(Clone, Debug)]
pub(crate) struct ObjectKeys {
    folder: String,
}

impl ObjectKeys {
    pub(crate) fn new(id: &VideoId) -> Self {
        Self { folder: format!("live/{id}") }
    }

    pub(crate) fn media_playlist(&self) -> String {
        format!("{}/{MEDIA_PLAYLIST}", self.folder)
    }

    pub(crate) fn multivariant_playlist(&self) -> String {
        format!("{}/{MULTIVARIANT_PLAYLIST}", self.folder)
    }

    pub(crate) fn poster(&self) -> String {
        format!("{}/{POSTER}", self.folder)
    }

    pub(crate) fn segment(&self, sequence: MediaSequence) -> String {
        format!("{}/{}", self.folder, segment_name(sequence))
    }
}
