//! The playlist of everything that is kept of a stream's newest broadcast.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hls_mux::MediaSequence;
use hls_mux::playlist::{Entry, MediaPlaylist, PlaylistType};
use media::MediaDuration;
use tokio::sync::Mutex;

use crate::catalog::{Catalog, CatalogError, VideoId};
use crate::live::{Registry, Rendered};

/// Segments that are asked of the catalog at a time.
const PAGE: u32 = 2000;
/// Streams whose playlists are remembered; beyond, they are read again.
const REMEMBERED: usize = 128;

/// The playlists that were asked for lately: what was kept since is all that is read anew.
#[derive(Default)]
pub(super) struct VodPlaylists {
    remembered: Mutex<HashMap<VideoId, Arc<Mutex<Remembered>>>>,
}

/// A playlist, and whether anything can follow.
#[derive(Clone)]
pub(crate) struct VodPlaylist {
    pub(crate) rendered: Rendered,
    pub(crate) is_ended: bool,
}

#[derive(Default)]
struct Remembered {
    /// The number and the first segment of the recording that it is of.
    of: Option<(u32, MediaSequence)>,
    entries: Vec<Entry>,
    shown: Option<VodPlaylist>,
}

impl VodPlaylists {
    /// The stream's playlist as it is now; `None` if nothing is kept.
    pub(super) async fn get(
        &self,
        catalog: &Catalog,
        registry: &Registry,
        id: &VideoId,
    ) -> Result<Option<VodPlaylist>, CatalogError> {
        // In this order: of a broadcast of which nothing more is stored, all is kept that will be.
        let broadcast = registry.get(id).filter(|known| !known.is_stored());
        let Some(recording) = catalog.newest_recording(id).await? else { return Ok(None) };
        let may_grow = broadcast.is_some_and(|broadcast| broadcast.is_kept_as(&recording));
        let remembered = {
            let mut all = self.remembered.lock().await;
            if all.len() >= REMEMBERED && !all.contains_key(id) {
                all.clear();
            }
            all.entry(id.clone()).or_default().clone()
        };
        let mut remembered = remembered.lock().await;
        let of = Some((recording.number, recording.first));
        if remembered.of != of {
            *remembered = Remembered { of, ..Remembered::default() };
        }
        let known = remembered.entries.len();
        loop {
            let last = remembered.entries.last();
            let next = last.map_or(recording.first, |entry| MediaSequence::new(entry.sequence.get() + 1));
            let more = catalog.kept_segments(id, next, None, PAGE).await?;
            let is_last = more.len() < PAGE as usize;
            remembered.entries.extend(more);
            if is_last {
                break;
            }
        }
        let is_ended = recording.ended_at.is_some() && !may_grow;
        let is_new = remembered.entries.len() > known;
        if remembered.shown.as_ref().is_none_or(|shown| is_new || shown.is_ended != is_ended) {
            let dvr_window = catalog.get(id).await?.and_then(|stream| stream.options.dvr_window);
            let dvr_window =
                dvr_window.filter(|_| !is_ended).map(|seconds| Duration::from_secs(seconds.into()));
            let Some((target, independent)) = catalog.listing_of(id).await? else { return Ok(None) };
            let playlist = playlist(&remembered.entries, target, independent, is_ended, dvr_window);
            remembered.shown =
                playlist.map(|playlist| VodPlaylist { rendered: Rendered::new(playlist.render()), is_ended });
        }
        Ok(remembered.shown.clone())
    }

    /// The list of small pictures of what is kept; `None` if nothing is.
    pub(super) async fn thumbs(
        &self,
        catalog: &Catalog,
        registry: &Registry,
        id: &VideoId,
    ) -> Result<Option<String>, CatalogError> {
        if self.get(catalog, registry, id).await?.is_none() {
            return Ok(None);
        }
        let remembered = self.remembered.lock().await.get(id).cloned();
        let Some(remembered) = remembered else { return Ok(None) };
        let remembered = remembered.lock().await;
        let Some(first) = remembered.entries.first() else { return Ok(None) };
        let sheets = catalog.sprite_sheets(id, first.sequence, None).await?;
        Ok(Some(super::render_thumbs(&remembered.entries, &sheets)))
    }
}

/// What is kept, from its beginning or for the last `dvr_window`; `None` if that is nothing.
fn playlist(
    entries: &[Entry],
    target: MediaDuration,
    independent: bool,
    is_ended: bool,
    dvr_window: Option<Duration>,
) -> Option<MediaPlaylist> {
    // A playlist that begins or ends with what isn't there tells a player nothing.
    let first = entries.iter().position(|entry| !entry.gap)?;
    let last = entries.iter().rposition(|entry| !entry.gap)?;
    let entries = &entries[first..=last];
    let empty = MediaPlaylist::new(target, usize::MAX);
    let mut reach = MediaDuration::ZERO;
    let skipped = dvr_window.map_or(0, |window| {
        // Less may not be left (RFC 8216 §6.2.2).
        let window = window.max(3 * empty.target_duration().to_std());
        let shown = entries.iter().rev().take_while(|entry| {
            let is_within = reach.to_std() < window;
            reach += entry.duration;
            is_within
        });
        entries.len() - shown.count()
    });
    let (gone, shown) = entries.split_at(skipped);
    let discontinuities = gone.iter().filter(|entry| entry.discontinuity).count() as u64;
    let mut playlist = empty.with_entries(discontinuities, shown.iter().cloned());
    // Nothing may be taken out of a playlist of a type (RFC 8216 §6.2.1).
    if dvr_window.is_none() {
        playlist.set_type(if is_ended { PlaylistType::Vod } else { PlaylistType::Event });
    }
    if !independent {
        playlist.clear_independent();
    }
    if is_ended {
        playlist.set_ended();
    }
    Some(playlist)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn entries(gaps: &[u64]) -> Vec<Entry> {
        let entry = |number| Entry {
            sequence: MediaSequence::new(number),
            uri: hls_mux::segment_name(MediaSequence::new(number)),
            duration: MediaDuration::from_secs(2),
            program_date_time: SystemTime::UNIX_EPOCH + Duration::from_secs(2 * number),
            discontinuity: number == 13,
            gap: gaps.contains(&number),
        };
        (10..20).map(entry).collect()
    }

    fn text(gaps: &[u64], is_ended: bool, dvr_window: Option<u64>) -> String {
        let window = dvr_window.map(Duration::from_secs);
        playlist(&entries(gaps), MediaDuration::from_secs(2), true, is_ended, window).unwrap().render()
    }

    #[test]
    fn what_is_appended_to_while_live_only_grows() {
        let (all, fewer) = (entries(&[]), &entries(&[])[..3]);
        let render = |entries: &[Entry]| {
            playlist(entries, MediaDuration::from_secs(2), true, false, None).unwrap().render()
        };
        assert!(render(&all).starts_with(&render(fewer)), "{}", render(fewer));
        assert!(render(&all).contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"));
    }

    #[test]
    fn the_end_is_told_and_gaps_at_the_edges_are_not() {
        let text = text(&[10, 15, 19], true, None);
        assert!(text.contains("#EXT-X-PLAYLIST-TYPE:VOD\n"), "{text}");
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:11\n"), "{text}");
        assert_eq!((text.matches("#EXTINF").count(), text.matches("#EXT-X-GAP").count()), (8, 1));
        assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
    }

    #[test]
    fn a_window_slides_and_counts_what_has_left() {
        let text = text(&[], false, Some(7));
        assert!(!text.contains("PLAYLIST-TYPE"), "{text}");
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:16\n"), "{text}");
        assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{text}");
    }

    #[test]
    fn a_short_window_keeps_three_target_durations() {
        let text = text(&[], false, Some(1));
        assert!(text.contains("#EXT-X-TARGETDURATION:2\n"), "{text}");
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:17\n"), "{text}");
    }

    #[test]
    fn nothing_is_no_playlist() {
        let gaps: Vec<u64> = (10..20).collect();
        assert!(playlist(&entries(&gaps), MediaDuration::from_secs(2), true, true, None).is_none());
    }
}
