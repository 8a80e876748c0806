//! The names of a stream's objects.

use hls_mux::{MediaSequence, segment_name};

use crate::catalog::VideoId;

/// The media playlist's name beneath a stream's folder.
pub(crate) const MEDIA_PLAYLIST: &str = "index.m3u8";
/// The multivariant playlist's name beneath a stream's folder.
pub(crate) const MULTIVARIANT_PLAYLIST: &str = "master.m3u8";
/// The poster's name beneath a stream's folder.
pub(crate) const POSTER: &str = "thumb.jpg";

/// The name, beneath a stream's folder, of the playlist of all that is kept.
pub(crate) const VOD_PLAYLIST: &str = "vod.m3u8";

/// The keys of one stream's objects.
#[derive(Clone, Debug)]
pub(crate) struct ObjectKeys {
    id: VideoId,
}

impl ObjectKeys {
    pub(crate) fn new(id: &VideoId) -> Self {
        Self { id: id.clone() }
    }

    pub(crate) fn media_playlist(&self) -> String {
        format!("live/{}/{MEDIA_PLAYLIST}", self.id)
    }

    pub(crate) fn multivariant_playlist(&self) -> String {
        format!("live/{}/{MULTIVARIANT_PLAYLIST}", self.id)
    }

    pub(crate) fn vod_playlist(&self) -> String {
        format!("live/{}/{VOD_PLAYLIST}", self.id)
    }

    pub(crate) fn poster(&self) -> String {
        format!("live/{}/{POSTER}", self.id)
    }

    /// The file of the stream's recording of that number, from 1.
    pub(crate) fn recording(&self, number: u32) -> String {
        match number {
            1 => format!("recordings/{}.mp4", self.id),
            _ => format!("recordings/{}-{number}.mp4", self.id),
        }
    }

    pub(crate) fn segment(&self, sequence: MediaSequence) -> String {
        format!("live/{}/{}", self.id, segment_name(sequence))
    }
}
