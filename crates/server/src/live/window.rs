//! What the origin serves of a broadcast: its last segments and its playlists, from memory.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hls_mux::playlist::{Entry, MediaPlaylist};
use hls_mux::{Segment, segment_name};
use media::MediaDuration;

use super::objects::{MEDIA_PLAYLIST, MULTIVARIANT_PLAYLIST};
use super::publisher::{PLAYLIST_CACHE, PLAYLIST_TYPE, SEGMENT_CACHE, SEGMENT_TYPE};

/// A broadcast's last segments and its playlists.
pub(crate) struct Window {
    state: RwLock<State>,
}

struct State {
    /// Those that are listed, and those that a slow player may still ask for.
    segments: VecDeque<(String, Bytes)>,
    keep: usize,
    playlist: MediaPlaylist,
    media: Option<Rendered>,
    multivariant: Option<Rendered>,
    /// What the stream's last broadcast left, served until there is something newer.
    before: Option<Arc<Window>>,
}

/// A playlist as it goes out: rendered and compressed once, however many ask for it.
#[derive(Clone)]
struct Rendered {
    plain: Bytes,
    gzip: Bytes,
}

/// An object as the origin answers it.
pub(crate) struct Served {
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'static str,
    pub(crate) body: Bytes,
    /// The same, compressed, where that is worth it.
    pub(crate) gzip: Option<Bytes>,
}

impl Window {
    /// An empty window that is to list `length` segments. Until it lists any, `before` is served.
    pub(super) fn new(target_duration: MediaDuration, length: usize, before: Option<Arc<Self>>) -> Self {
        // Broadcasts that never listed anything must not make a chain.
        let before = before.and_then(|window| {
            let older = window.read().before.clone();
            older.or(Some(window))
        });
        Self {
            state: RwLock::new(State {
                segments: VecDeque::new(),
                // A removed segment stays for its own duration and that of the longest playlist
                // that listed it (RFC 8216 §6.2.2).
                keep: 2 * length + 1,
                playlist: MediaPlaylist::new(target_duration, length),
                media: None,
                multivariant: None,
                before,
            }),
        }
    }

    /// Lists a segment. It can be fetched from the moment that the playlist names it.
    pub(super) fn push(&self, segment: &Arc<Segment>) {
        let name = segment_name(segment.sequence);
        let mut state = self.write();
        state.segments.push_back((name.clone(), segment.data.clone()));
        while state.segments.len() > state.keep {
            state.segments.pop_front();
        }
        if !segment.independent {
            state.playlist.clear_independent();
        }
        state.playlist.push(Entry::new(segment, name));
        state.media = Some(Rendered::new(state.playlist.render()));
        state.before = None;
    }

    /// Lists the rendition.
    pub(super) fn set_multivariant(&self, playlist: String) {
        self.write().multivariant = Some(Rendered::new(playlist));
    }

    /// The broadcast is over: players that have played all of it may stop.
    pub(super) fn end(&self) {
        let mut state = self.write();
        state.playlist.set_ended();
        if state.media.is_some() {
            state.media = Some(Rendered::new(state.playlist.render()));
        }
    }

    /// The object of that name, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<Served> {
        let state = self.read();
        if let Some(before) = &state.before {
            return before.get(name);
        }
        let playlist = match name {
            MEDIA_PLAYLIST => Some(state.media.clone()?),
            MULTIVARIANT_PLAYLIST => Some(state.multivariant.clone()?),
            _ => None,
        };
        if let Some(playlist) = playlist {
            return Some(Served {
                content_type: PLAYLIST_TYPE,
                cache_control: PLAYLIST_CACHE,
                body: playlist.plain,
                gzip: Some(playlist.gzip),
            });
        }
        let (_, data) = state.segments.iter().find(|(known, _)| known == name)?;
        Some(Served {
            content_type: SEGMENT_TYPE,
            cache_control: SEGMENT_CACHE,
            body: data.clone(),
            gzip: None,
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rendered {
    fn new(playlist: String) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing to a vector cannot fail; an empty body would be the worst that could come of it.
        let gzip = encoder.write_all(playlist.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { plain: playlist.into(), gzip: gzip.into() }
    }
}
