//! The names of a stream's objects.

use hls_mux::{MediaSequence, segment_name, segment_sequence};

use crate::catalog::VideoId;

/// The media playlist's name beneath a stream's folder.
pub(crate) const MEDIA_PLAYLIST: &str = "index.m3u8";
/// The multivariant playlist's name beneath a stream's folder.
pub(crate) const MULTIVARIANT_PLAYLIST: &str = "master.m3u8";
/// The poster's name beneath a stream's folder.
pub(crate) const POSTER: &str = "thumb.jpg";

/// The name, beneath a stream's folder, of the playlist of all that is kept.
pub(crate) const VOD_PLAYLIST: &str = "vod.m3u8";

/// The name, beneath a stream's folder, of the list of small pictures of what is kept.
pub(crate) const THUMBS: &str = "thumbs.vtt";

/// Every file of which a stream has one.
const OF_STREAM: [&str; 5] = [MEDIA_PLAYLIST, MULTIVARIANT_PLAYLIST, POSTER, VOD_PLAYLIST, THUMBS];

/// The name of the sheet of sprites whose first tile is of that segment.
pub(crate) fn sprites_name(sequence: MediaSequence) -> String {
    format!("sprites_{:03}.jpg", sequence.get())
}

/// The segment that a sheet of sprites is named by; `None` for another name.
pub(crate) fn sprites_sequence(name: &str) -> Option<MediaSequence> {
    let number = name.strip_prefix("sprites_")?.strip_suffix(".jpg")?;
    number.parse().ok().map(MediaSequence::new).filter(|sequence| sprites_name(*sequence) == name)
}

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

    pub(crate) fn thumbs(&self) -> String {
        format!("live/{}/{THUMBS}", self.id)
    }

    /// The sheet of sprites whose first tile is of that segment.
    pub(crate) fn sprites(&self, sequence: MediaSequence) -> String {
        format!("live/{}/{}", self.id, sprites_name(sequence))
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

    pub(crate) fn of(&self, name: ObjectName) -> String {
        match name {
            ObjectName::Segment(sequence) => self.segment(sequence),
            ObjectName::Sprites(sequence) => self.sprites(sequence),
            ObjectName::Recording(number) => self.recording(number),
            ObjectName::OfStream(file) => format!("live/{}/{file}", self.id),
        }
    }
}

/// What an object's key says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectName {
    Segment(MediaSequence),
    /// The sheet of sprites whose first tile is of that segment.
    Sprites(MediaSequence),
    /// The file of the recording of that number.
    Recording(u32),
    /// A file of which a stream has one, whatever the broadcast: a playlist or the poster.
    OfStream(&'static str),
}

impl ObjectName {
    /// Reads a key, and which stream it is of; `None` for what Weir would never write.
    pub(crate) fn parse(key: &str) -> Option<(VideoId, Self)> {
        let (id, name) = match key.strip_prefix("live/") {
            Some(rest) => {
                let (id, file) = rest.split_once('/')?;
                match OF_STREAM.into_iter().find(|name| *name == file) {
                    Some(name) => (id, Self::OfStream(name)),
                    None => {
                        let segment = segment_sequence(file).map(Self::Segment);
                        (id, segment.or_else(|| sprites_sequence(file).map(Self::Sprites))?)
                    }
                }
            }
            None => {
                let file = key.strip_prefix("recordings/")?.strip_suffix(".mp4")?;
                match file.rsplit_once('-').filter(|_| !is_generated(file)) {
                    Some((id, number)) => (id, Self::Recording(number.parse().ok()?)),
                    None => (file, Self::Recording(1)),
                }
            }
        };
        let id = VideoId::parse(id).filter(|id| is_generated(id.as_str()))?;
        // Numbers may be written in several ways, of which one is ours.
        (ObjectKeys::new(&id).of(name) == key).then_some((id, name))
    }
}

/// Whether an id looks like those that the catalog gives.
fn is_generated(id: &str) -> bool {
    id.len() == 36 && uuid::Uuid::parse_str(id).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0199f5a2-7b1c-7d3e-8f4a-5b6c7d8e9f00";

    #[test]
    fn every_key_of_ours_is_read_back() {
        let id = VideoId::parse(ID).unwrap();
        let keys = ObjectKeys::new(&id);
        for (key, name) in [
            (keys.segment(MediaSequence::new(7)), ObjectName::Segment(MediaSequence::new(7))),
            (keys.segment(MediaSequence::new(12_345)), ObjectName::Segment(MediaSequence::new(12_345))),
            (keys.sprites(MediaSequence::new(7)), ObjectName::Sprites(MediaSequence::new(7))),
            (keys.thumbs(), ObjectName::OfStream(THUMBS)),
            (keys.recording(1), ObjectName::Recording(1)),
            (keys.recording(12), ObjectName::Recording(12)),
            (keys.media_playlist(), ObjectName::OfStream(MEDIA_PLAYLIST)),
            (keys.multivariant_playlist(), ObjectName::OfStream(MULTIVARIANT_PLAYLIST)),
            (keys.poster(), ObjectName::OfStream(POSTER)),
        ] {
            assert_eq!(ObjectName::parse(&key), Some((id.clone(), name)), "{key}");
        }
    }

    #[test]
    fn what_somebody_else_wrote_is_nobodys() {
        for key in [
            "live/sunday/index.m3u8",
            "live/0199f5a2-7b1c-7d3e-8f4a-5b6c7d8e9f00/notes.txt",
            "live/0199f5a2-7b1c-7d3e-8f4a-5b6c7d8e9f00/segment_7.ts",
            "live/0199f5a2-7b1c-7d3e-8f4a-5b6c7d8e9f00/sprites_7.jpg",
            "live/0199f5a2-7b1c-7d3e-8f4a-5b6c7d8e9f00/segment_0007.ts",
            "live/0199f5a2-7b1c-7d3e-8f4a-5b6c7d8e9f00/old/segment_007.ts",
            "recordings/0199f5a2-7b1c-7d3e-8f4a-5b6c7d8e9f00-1.mp4",
            "recordings/0199f5a2-7b1c-7d3e-8f4a-5b6c7d8e9f00-x.mp4",
            "recordings/interview-2.mp4",
            "weir-catalog",
        ] {
            assert_eq!(ObjectName::parse(key), None, "{key}");
        }
    }
}
