//! What the origin serves of a broadcast: its last segments, their parts and its playlists, from
//! memory, and who waits for the next of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use hls_mux::playlist::{Entry, LowLatencyPlaylist, MediaPlaylist};
use hls_mux::{MediaSequence, Part, Segment, part_name, segment_name};
use media::MediaDuration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::edge::{Edge, Wanted};
use super::objects::{MEDIA_PLAYLIST, MULTIVARIANT_PLAYLIST, POSTER};
use super::rendered::Rendered;

/// Target durations after which a player isn't kept waiting any longer (RFC 8216bis §6.2.5.2).
const PATIENCE_TARGETS: u32 = 3;

/// A broadcast's last segments and its playlists.
pub(crate) struct Window {
    /// Changed by the encoder's thread, and at the end; players never wait for it.
    playlist: Mutex<LowLatencyPlaylist>,
    shown: RwLock<Shown>,
    target: MediaDuration,
    part_target: MediaDuration,
    /// Told when a part can be fetched, before a playlist lists it: who waits for it can play it.
    media: watch::Sender<Edge>,
    /// Told with each part that is listed, and with each segment: whoever waits for a segment sleeps through its parts.
    parts: watch::Sender<Edge>,
    segments: watch::Sender<Edge>,
}

/// What is fetched.
struct Shown {
    /// Those that are listed, and those that a slow player may still ask for.
    segments: VecDeque<Kept>,
    /// The parts of those, and of the segment in hand. A whole segment's are slices of it.
    parts: VecDeque<(MediaSequence, String, Bytes)>,
    /// How many are listed at most.
    length: usize,
    /// How long a segment stays that is listed no more: for its own duration and that of the longest playlist that listed
    /// it (RFC 8216 §6.2.2).
    outlives: Duration,
    media: Option<Rendered>,
    /// The media playlist without what its readers know; `None` where that is nothing.
    delta: Option<Rendered>,
    /// The media playlist without parts.
    plain: Option<Rendered>,
    /// The part that the playlist hints at.
    hint: Option<(String, Wanted)>,
    multivariant: Option<Rendered>,
    poster: Option<Bytes>,
    /// What the stream's last broadcast left, served until there is something newer.
    before: Option<Arc<Window>>,
}

/// A segment in memory.
struct Kept {
    name: String,
    data: Bytes,
    listed: Instant,
}

/// How a player wants its playlist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// With parts.
    #[default]
    Whole,
    /// A delta update, where there is one.
    Delta,
    /// Without parts.
    Plain,
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

/// Why there is nothing to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitError {
    /// There is no such object, nor will there soon be.
    Unknown,
    /// It is too far ahead.
    TooFar,
    /// It should be there by now.
    Stuck,
}

impl From<Rendered> for Served {
    fn from(Rendered { plain, gzip }: Rendered) -> Self {
        Self::Playlist { plain, gzip }
    }
}

impl Window {
    /// An empty window that is to list `length` segments. Until it lists any, `before` is served.
    pub(super) fn new(
        target_duration: MediaDuration,
        part_duration: MediaDuration,
        length: usize,
        before: Option<Arc<Self>>,
    ) -> Self {
        // Broadcasts that never listed anything must not make a chain.
        let before = before.and_then(|window| {
            let older = window.read().before.clone();
            older.or(Some(window))
        });
        Self {
            playlist: Mutex::new(LowLatencyPlaylist::new(MediaPlaylist::new(target_duration, length))),
            target: target_duration,
            part_target: part_duration,
            media: watch::Sender::default(),
            parts: watch::Sender::default(),
            segments: watch::Sender::default(),
            shown: RwLock::new(Shown {
                segments: VecDeque::new(),
                parts: VecDeque::new(),
                length,
                outlives: target_duration.to_std() * (length as u32 + 1),
                media: None,
                delta: None,
                plain: None,
                hint: None,
                multivariant: None,
                poster: None,
                before,
            }),
        }
    }

    /// Goes on where another process stopped.
    pub(super) fn resume(
        &self,
        listed: MediaPlaylist,
        segments: Vec<(String, Bytes)>,
        multivariant: Option<String>,
    ) {
        if let Some(multivariant) = multivariant {
            self.set_multivariant(multivariant);
        }
        let last = listed.entries().last().map(|entry| entry.sequence);
        let mut playlist = self.lock();
        *playlist = LowLatencyPlaylist::new(listed);
        let Some(last) = last else { return };
        let listed = Instant::now();
        self.write().segments.extend(segments.into_iter().map(|(name, data)| Kept { name, data, listed }));
        self.show(&playlist);
        self.show_plain(&playlist);
        let edge = Edge { next: last.next(), parts: 0, parts_before: 0, ended: false };
        self.media.send_replace(edge);
        self.parts.send_replace(edge);
        self.segments.send_replace(edge);
    }

    /// Lists a part, unless its segment comes right after it. Before the first whole segment there is
    /// no playlist that could list one.
    pub(super) fn push_part(&self, part: Part) {
        let name = part_name(part.sequence, part.index);
        self.write().parts.push_back((part.sequence, name, part.data.clone()));
        tracing::trace!(sequence = part.sequence.get(), part = part.index, "part ready");
        let edge = Edge { next: part.sequence, parts: part.index + 1, ..*self.media.borrow() };
        self.media.send_replace(edge);
        let mut playlist = self.lock();
        playlist.bridge(part.sequence, part.program_date_time);
        playlist.push_part(&part);
        if !part.is_last && playlist.segments().entries().len() > 0 {
            self.show(&playlist);
            self.parts.send_replace(edge);
        }
    }

    /// Lists a segment. It can be fetched from the moment that the playlist names it.
    pub(super) fn push(&self, segment: &Arc<Segment>) {
        let name = segment_name(segment.sequence);
        let mut playlist = self.lock();
        if !segment.independent {
            playlist.clear_independent();
        }
        playlist.bridge(segment.sequence, segment.program_date_time);
        playlist.push(Entry::new(segment, name.clone()));
        {
            let mut shown = self.write();
            shown.keep(name, segment.data.clone());
            let kept = shown.segments.len() as u64;
            let is_kept =
                |of: MediaSequence| of < segment.sequence && of.get() + kept > segment.sequence.get();
            shown.parts.retain(|(of, ..)| is_kept(*of));
            let parts = segment.parts.iter();
            let parts =
                parts.map(|part| (part.sequence, part_name(part.sequence, part.index), part.data.clone()));
            shown.parts.extend(parts);
        }
        self.show(&playlist);
        self.show_plain(&playlist);
        let edge = Edge {
            next: segment.sequence.next(),
            parts: 0,
            parts_before: segment.parts.len() as u32,
            ended: false,
        };
        self.media.send_replace(edge);
        self.parts.send_replace(edge);
        self.segments.send_replace(edge);
    }

    /// Lists the rendition.
    pub(super) fn set_multivariant(&self, playlist: String) {
        self.write().multivariant = Some(Rendered::new(playlist));
    }

    /// Shows what viewers see.
    pub(super) fn set_poster(&self, jpeg: Bytes) {
        self.write().poster = Some(jpeg);
    }

    /// The broadcast is over: players that have played all of it may stop.
    pub(super) fn end(&self) {
        let mut playlist = self.lock();
        playlist.set_ended();
        if playlist.segments().entries().len() > 0 {
            self.show(&playlist);
            self.show_plain(&playlist);
        }
        let edge = Edge { ended: true, ..*self.parts.borrow() };
        self.media.send_replace(edge);
        self.parts.send_replace(edge);
        self.segments.send_replace(edge);
    }

    /// How long segments are meant to be.
    pub(crate) fn target_duration(&self) -> Duration {
        self.target.to_std()
    }

    /// The object of that name, if it is there.
    fn get(&self, name: &str) -> Option<Served> {
        let shown = self.read();
        if let Some(before) = &shown.before {
            return before.get(name);
        }
        match name {
            MEDIA_PLAYLIST => return Some(shown.media.clone()?.into()),
            MULTIVARIANT_PLAYLIST => return Some(shown.multivariant.clone()?.into()),
            POSTER => return shown.poster.clone().map(Served::Poster),
            _ => {}
        }
        // What is newest is asked for most.
        let part = shown.parts.iter().rev().find(|(_, known, _)| known == name).map(|(.., data)| data);
        let segment = || shown.segments.iter().rev().find(|kept| kept.name == name).map(|kept| &kept.data);
        part.or_else(segment).cloned().map(Served::Media)
    }

    /// The media playlist once it lists what is wanted, or has ended.
    pub(crate) async fn playlist(&self, wanted: Option<Wanted>, form: Form) -> Result<Served, WaitError> {
        if self.read().media.is_none() {
            return self.get(MEDIA_PLAYLIST).ok_or(WaitError::Unknown);
        }
        if let Some(wanted) = wanted {
            self.wait(wanted).await?;
        }
        let shown = self.read();
        let other = match form {
            Form::Whole => None,
            Form::Delta => shown.delta.as_ref(),
            Form::Plain => shown.plain.as_ref(),
        };
        let playlist = other.or(shown.media.as_ref());
        playlist.cloned().map(Served::from).ok_or(WaitError::Unknown)
    }

    /// A segment or a part; one that the playlist hints at, once it is whole.
    pub(crate) async fn media(&self, name: &str) -> Result<Served, WaitError> {
        let hint = self.read().hint.clone().filter(|(hinted, _)| hinted == name);
        if let Some((_, wanted)) = hint {
            // The segment may end without it.
            self.until(self.media.subscribe(), |edge| edge.lists(wanted) || wanted.sequence < edge.next)
                .await?;
        }
        self.get(name).ok_or(WaitError::Unknown)
    }

    async fn wait(&self, wanted: Wanted) -> Result<(), WaitError> {
        let edge = *self.parts.borrow();
        if !edge.ended && !edge.lists(wanted) && !edge.is_near(wanted, self.part_target) {
            return Err(WaitError::TooFar);
        }
        let channel = if wanted.part.is_some() { &self.parts } else { &self.segments };
        self.until(channel.subscribe(), |edge| edge.lists(wanted)).await
    }

    async fn until(
        &self,
        mut edge: watch::Receiver<Edge>,
        is_reached: impl Fn(&Edge) -> bool,
    ) -> Result<(), WaitError> {
        let patience = self.target_duration() * PATIENCE_TARGETS;
        match timeout(patience, edge.wait_for(|edge| edge.ended || is_reached(edge))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(WaitError::Stuck),
        }
    }

    fn show(&self, playlist: &LowLatencyPlaylist) {
        let media = Rendered::new(playlist.render());
        let delta = playlist.render_delta().map(Rendered::new);
        let hint = playlist
            .hint()
            .map(|(sequence, part)| (part_name(sequence, part), Wanted { sequence, part: Some(part) }));
        let mut shown = self.write();
        (shown.media, shown.delta, shown.hint, shown.before) = (Some(media), delta, hint, None);
    }

    /// Parts don't change it.
    fn show_plain(&self, playlist: &LowLatencyPlaylist) {
        let plain = Rendered::new(playlist.render_plain());
        self.write().plain = Some(plain);
    }

    fn lock(&self) -> MutexGuard<'_, LowLatencyPlaylist> {
        self.playlist.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shown> {
        self.shown.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    /// Keeps a segment that is listed from now on, and lets go of those whose time is over.
    fn keep(&mut self, name: String, data: Bytes) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_segment_outlives_its_place_in_the_playlist_also_when_the_next_come_at_once() {
        let window = Window::new(MediaDuration::from_secs(2), MediaDuration::from_millis(200), 3, None);
        let kept = |window: &Window| window.read().segments.front().map(|kept| kept.name.clone());
        let push = |name: u32| window.write().keep(name.to_string(), Bytes::new());
        (0..9).for_each(push);
        assert_eq!(kept(&window).as_deref(), Some("0"));
        tokio::time::advance(Duration::from_secs(8)).await;
        push(9);
        assert_eq!(kept(&window).as_deref(), Some("6"), "the last that was unlisted just now");
        (10..30).for_each(push);
        assert_eq!(window.read().segments.len(), 10, "bounded all the same");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let window = Window::new(MediaDuration::from_secs(2), MediaDuration::from_millis(200), 6, None);
        let wanted = Wanted { sequence: MediaSequence::new(0), part: None };
        assert_eq!(window.wait(wanted).await, Err(WaitError::Stuck));
    }
}
