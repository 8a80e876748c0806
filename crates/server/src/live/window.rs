//! What the origin serves of a broadcast: its last segments, their parts and its playlists, from
//! memory; and who waits for the next of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use hls_mux::playlist::{Entry, LowLatencyPlaylist, MediaPlaylist};
use hls_mux::{Part, Segment, part_name, segment_name};
use media::MediaDuration;
use tokio::sync::watch;
use tokio::time::timeout;

use super::edge::{Edge, Wanted};
use super::objects::MEDIA_PLAYLIST;
use super::rendered::Rendered;

pub(crate) use shown::Served;
use shown::Shown;

mod shown;

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
            shown: RwLock::new(Shown::new(length, target_duration.to_std(), before)),
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
        self.write().resume(segments);
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
        self.write().keep_part(&part);
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

    /// Lists a segment. It can be fetched from the moment that the playlist names it. The end is told along with the `last`:
    /// a short one would come too soon after the one before (RFC 8216 §6.2.1).
    pub(super) fn push(&self, segment: &Arc<Segment>, last: bool) {
        let name = segment_name(segment.sequence);
        let mut playlist = self.lock();
        if !segment.independent {
            playlist.clear_independent();
        }
        playlist.bridge(segment.sequence, segment.program_date_time);
        playlist.push(Entry::new(segment, name.clone()));
        if last {
            playlist.set_ended();
        }
        self.write().keep(name, segment);
        self.show(&playlist);
        self.show_plain(&playlist);
        let edge = Edge {
            next: segment.sequence.next(),
            parts: 0,
            parts_before: segment.parts.len() as u32,
            ended: last,
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
        self.read().get(name)
    }

    /// The media playlist once it lists what is wanted, or has ended.
    pub(crate) async fn playlist(&self, wanted: Option<Wanted>, form: Form) -> Result<Served, WaitError> {
        if self.read().media.is_none() {
            return self.get(MEDIA_PLAYLIST).ok_or(WaitError::Unknown);
        }
        if let Some(wanted) = wanted {
            self.wait(wanted).await?;
        }
        self.read().playlist(form).ok_or(WaitError::Unknown)
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use hls_mux::MediaSequence;
    use media::Timestamp;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let window = Window::new(MediaDuration::from_secs(2), MediaDuration::from_millis(200), 6, None);
        let wanted = Wanted { sequence: MediaSequence::new(0), part: None };
        assert_eq!(window.wait(wanted).await, Err(WaitError::Stuck));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_told_along_with_the_last_segment() {
        let window = Window::new(MediaDuration::from_secs(2), MediaDuration::from_millis(200), 6, None);
        let segment = |number| {
            Arc::new(Segment {
                sequence: MediaSequence::new(number),
                start: Timestamp::from_millis(2000 * number as i64),
                duration: MediaDuration::from_secs(2),
                program_date_time: SystemTime::UNIX_EPOCH,
                discontinuity: false,
                independent: true,
                data: Bytes::from_static(b"media"),
                parts: Vec::new(),
            })
        };
        let listed = async |wanted| {
            let wanted = Some(Wanted { sequence: MediaSequence::new(wanted), part: None });
            let Ok(Served::Playlist { plain, .. }) = window.playlist(wanted, Form::Whole).await else {
                panic!("a playlist")
            };
            String::from_utf8(plain.to_vec()).unwrap()
        };
        window.push(&segment(0), false);
        assert!(!listed(0).await.contains("#EXT-X-ENDLIST"));
        window.push(&segment(1), true);
        let last = listed(2).await;
        assert!(last.contains("segment_001.ts") && last.contains("#EXT-X-ENDLIST"), "{last}");
    }
}
