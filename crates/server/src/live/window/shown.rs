//! What is fetched of a broadcast, as it is at the moment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hls_mux::{MediaSequence, Part, Segment, part_name};
use tokio::time::Instant;

use super::{Form, Window};
use crate::live::edge::Wanted;
use crate::live::objects::{MEDIA_PLAYLIST, MULTIVARIANT_PLAYLIST, POSTER};
use crate::live::rendered::Rendered;

/// What is fetched.
pub(super) struct Shown {
    /// Those that are listed, and those that a slow player may still ask for.
    segments: VecDeque<Kept>,
    /// The parts of those, and of the segment in hand. A whole segment's are slices of it.
    parts: VecDeque<(MediaSequence, String, Bytes)>,
    /// How many are listed at most.
    length: usize,
    /// How long a segment stays that is listed no more: for its own duration and that of the longest playlist that listed
    /// it (RFC 8216 §6.2.2).
    outlives: Duration,
    /// The media playlist.
    pub(super) media: Option<Rendered>,
    /// The media playlist without what its readers know; `None` where that is nothing.
    pub(super) delta: Option<Rendered>,
    /// The media playlist without parts.
    pub(super) plain: Option<Rendered>,
    /// The part that the playlist hints at.
    pub(super) hint: Option<(String, Wanted)>,
    pub(super) multivariant: Option<Rendered>,
    pub(super) poster: Option<Bytes>,
    /// What the stream's last broadcast left, served until there is something newer.
    pub(super) before: Option<Arc<Window>>,
}

/// A segment in memory.
struct Kept {
    name: String,
    data: Bytes,
    listed: Instant,
}

/// An object of the origin.
pub(crate) enum Served {
    /// A playlist, and the same compressed.
    Playlist { plain: Bytes, gzip: Bytes },
    /// A segment or a part, which never changes.
    Media(Bytes),
    /// What viewers see, more or less now.
    Poster(Bytes),
}

impl From<Rendered> for Served {
    fn from(Rendered { plain, gzip }: Rendered) -> Self {
        Self::Playlist { plain, gzip }
    }
}

impl Shown {
    /// Nothing yet, of a playlist of `length` segments of `target` each.
    pub(super) fn new(length: usize, target: Duration, before: Option<Arc<Window>>) -> Self {
        Self {
            segments: VecDeque::new(),
            parts: VecDeque::new(),
            length,
            outlives: target * (length as u32 + 1),
            media: None,
            delta: None,
            plain: None,
            hint: None,
            multivariant: None,
            poster: None,
            before,
        }
    }

    /// Segments that another process has listed.
    pub(super) fn resume(&mut self, segments: Vec<(String, Bytes)>) {
        let listed = Instant::now();
        self.segments.extend(segments.into_iter().map(|(name, data)| Kept { name, data, listed }));
    }

    /// Keeps a part of the segment in hand.
    pub(super) fn keep_part(&mut self, part: &Part) {
        self.parts.push_back(named(part));
    }

    /// Keeps a segment that is listed from now on, and its parts in place of those of when it was in hand.
    pub(super) fn keep(&mut self, name: String, segment: &Segment) {
        self.keep_whole(name, segment.data.clone());
        let kept = self.segments.len() as u64;
        let is_kept = |of: MediaSequence| of < segment.sequence && of.get() + kept > segment.sequence.get();
        self.parts.retain(|(of, ..)| is_kept(*of));
        self.parts.extend(segment.parts.iter().map(named));
    }

    /// Keeps a segment, and lets go of those whose time is over.
    fn keep_whole(&mut self, name: String, data: Bytes) {
        let now = Instant::now();
        self.segments.push_back(Kept { name, data, listed: now });
        // The first left the playlist when the one came that is as far behind it as the playlist is long. Segments that come
        // late come several at once, so their number alone doesn't say how long ago that was.
        while let Some(successor) = self.segments.get(self.length)
            && (now - successor.listed >= self.outlives || self.segments.len() > 3 * self.length + 1)
        {
            self.segments.pop_front();
        }
    }

    /// The object of that name, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<Served> {
        if let Some(before) = &self.before {
            return before.get(name);
        }
        match name {
            MEDIA_PLAYLIST => return Some(self.media.clone()?.into()),
            MULTIVARIANT_PLAYLIST => return Some(self.multivariant.clone()?.into()),
            POSTER => return self.poster.clone().map(Served::Poster),
            _ => {}
        }
        // What is newest is asked for most.
        let part = self.parts.iter().rev().find(|(_, known, _)| known == name).map(|(.., data)| data);
        let segment = || self.segments.iter().rev().find(|kept| kept.name == name).map(|kept| &kept.data);
        part.or_else(segment).cloned().map(Served::Media)
    }

    /// The media playlist in that form, or whole where there is no such form of it.
    pub(super) fn playlist(&self, form: Form) -> Option<Served> {
        let other = match form {
            Form::Whole => None,
            Form::Delta => self.delta.as_ref(),
            Form::Plain => self.plain.as_ref(),
        };
        other.or(self.media.as_ref()).cloned().map(Served::from)
    }
}

fn named(part: &Part) -> (MediaSequence, String, Bytes) {
    (part.sequence, part_name(part.sequence, part.index), part.data.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_segment_outlives_its_place_in_the_playlist_also_when_the_next_come_at_once() {
        let mut shown = Shown::new(3, Duration::from_secs(2), None);
        let push = |shown: &mut Shown, name: u32| shown.keep_whole(name.to_string(), Bytes::new());
        let oldest = |shown: &Shown| shown.segments.front().map(|kept| kept.name.clone());
        (0..9).for_each(|name| push(&mut shown, name));
        assert_eq!(oldest(&shown).as_deref(), Some("0"));
        tokio::time::advance(Duration::from_secs(8)).await;
        push(&mut shown, 9);
        assert_eq!(oldest(&shown).as_deref(), Some("6"), "the last that was unlisted just now");
        (10..30).for_each(|name| push(&mut shown, name));
        assert_eq!(shown.segments.len(), 10, "bounded all the same");
    }
}
