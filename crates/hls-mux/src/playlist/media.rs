use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::time::SystemTime;

use media::{MediaDuration, TICKS_PER_SECOND};
use time::OffsetDateTime;

use crate::options::whole_seconds;
use crate::{MediaSequence, Segment, segment_name};

/// The lowest protocol version that is right for fractional durations (RFC 8216 §7).
const VERSION: u32 = 3;
/// The same with `EXT-X-GAP`, which RFC 8216bis adds.
const VERSION_WITH_GAP: u32 = 8;
/// A live playlist must keep at least so many target durations (RFC 8216 §6.2.2).
const LEAST_TARGETS: i64 = 3;
/// Bound on what that may add to the window where segments are very short.
const MOST_WINDOWS: usize = 10;

/// A Media Playlist (RFC 8216 §4.3.3): a window that slides over a live stream.
///
/// The entries pushed must have consecutive sequence numbers; an object that was lost is pushed as
/// a gap. Their durations must come from a [`Segmenter`](crate::Segmenter) with the same target.
#[derive(Clone, Debug)]
pub struct MediaPlaylist {
    target: i64,
    window: usize,
    entries: VecDeque<Entry>,
    /// `EXT-X-DISCONTINUITY` tags that have left the window.
    discontinuity_sequence: u64,
    has_discontinuities: bool,
    independent: bool,
    kind: Option<PlaylistType>,
    ended: bool,
}

/// `EXT-X-PLAYLIST-TYPE` (RFC 8216 §4.3.3.5): what may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaylistType {
    /// Segments are added at its end, and none leaves.
    Event,
    /// Nothing does.
    Vod,
}

/// A segment as a playlist lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its media sequence number.
    pub sequence: MediaSequence,
    /// Where it is, relative to the playlist.
    pub uri: String,
    /// `EXTINF`.
    pub duration: MediaDuration,
    /// `EXT-X-PROGRAM-DATE-TIME`: wall time of its first sample.
    pub program_date_time: SystemTime,
    /// `EXT-X-DISCONTINUITY`.
    pub discontinuity: bool,
    /// `EXT-X-GAP`: the object is missing, players shouldn't ask for it.
    pub gap: bool,
}

impl Entry {
    /// The entry of a segment that is stored at `uri`.
    pub fn new(segment: &Segment, uri: String) -> Self {
        Self {
            sequence: segment.sequence,
            uri,
            duration: segment.duration,
            program_date_time: segment.program_date_time,
            discontinuity: segment.discontinuity,
            gap: false,
        }
    }
}

impl MediaPlaylist {
    /// An empty playlist of segments of about `target_duration`, which holds the last `window`.
    ///
    /// `EXT-X-TARGETDURATION` is `target_duration` rounded up to whole seconds, for good.
    pub fn new(target_duration: MediaDuration, window: usize) -> Self {
        Self {
            target: whole_seconds(target_duration),
            window: window.max(1),
            entries: VecDeque::new(),
            discontinuity_sequence: 0,
            has_discontinuities: false,
            independent: true,
            kind: None,
            ended: false,
        }
    }

    /// Lists these, oldest first, after so many discontinuities that it lists no more
    /// (`EXT-X-DISCONTINUITY-SEQUENCE`); also more than its window.
    ///
    /// Where they are what another process listed, the next entry pushed comes from another segmenter, and must be a
    /// discontinuity.
    #[must_use]
    pub fn with_entries(self, discontinuity_sequence: u64, entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries: VecDeque<_> = entries.into_iter().collect();
        let has_discontinuities = discontinuity_sequence > 0 || entries.iter().any(|e| e.discontinuity);
        Self { discontinuity_sequence, has_discontinuities, entries, ..self }
    }

    /// Lists a segment. Returns those that leave the window for it, whose objects may be deleted
    /// after their own duration and that of the longest playlist that listed them (RFC 8216 §6.2.2).
    ///
    /// The window grows beyond its length while it would be shorter than three target durations.
    pub fn push(&mut self, entry: Entry) -> Vec<Entry> {
        self.has_discontinuities |= entry.discontinuity;
        self.entries.push_back(entry);
        let mut evicted = Vec::new();
        while self.may_evict() {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.discontinuity_sequence += u64::from(oldest.discontinuity);
            evicted.push(oldest);
        }
        evicted
    }

    /// Lists what was lost between the last entry and `next`, which starts at `date`, as gaps; for a process that goes
    /// on after another. Returns the entries that leave the window for it, as [`push`](Self::push) does.
    ///
    /// Where that is more than a window, nothing that was listed is of use any more, and all of it leaves.
    pub fn bridge(&mut self, next: MediaSequence, date: SystemTime) -> Vec<Entry> {
        let Some(last) = self.entries.back() else { return Vec::new() };
        let first = last.sequence.next();
        let missing = next.get().saturating_sub(first.get());
        if missing > self.window as u64 {
            self.discontinuity_sequence += self.entries.iter().filter(|e| e.discontinuity).count() as u64;
            return self.entries.drain(..).collect();
        }
        let mut at = last.program_date_time + last.duration.to_std();
        let lost = MediaDuration::from(date.duration_since(at).unwrap_or_default());
        let each = lost.ticks() / i64::try_from(missing.max(1)).unwrap_or(i64::MAX);
        let duration = MediaDuration::from_ticks(each.clamp(1, self.target * TICKS_PER_SECOND));
        let mut evicted = Vec::new();
        for number in first.get()..next.get() {
            let sequence = MediaSequence::new(number);
            evicted.extend(self.push(Entry {
                sequence,
                uri: segment_name(sequence),
                duration,
                program_date_time: at,
                discontinuity: false,
                gap: true,
            }));
            at += duration.to_std();
        }
        evicted
    }

    /// Takes back the promise that each segment decodes by itself (`EXT-X-INDEPENDENT-SEGMENTS`);
    /// for streams in which one doesn't. See [`Segment::independent`].
    pub fn clear_independent(&mut self) {
        self.independent = false;
    }

    /// Says what may still change (`EXT-X-PLAYLIST-TYPE`). Its window must be long enough for all that is listed.
    pub fn set_type(&mut self, kind: PlaylistType) {
        self.kind = Some(kind);
    }

    /// Nothing follows (`EXT-X-ENDLIST`).
    pub fn set_ended(&mut self) {
        self.ended = true;
    }

    /// `EXT-X-DISCONTINUITY-SEQUENCE`: discontinuities that have left the window.
    pub fn discontinuity_sequence(&self) -> u64 {
        self.discontinuity_sequence
    }

    /// Whether each segment decodes by itself (`EXT-X-INDEPENDENT-SEGMENTS`).
    pub fn is_independent(&self) -> bool {
        self.independent
    }

    /// What is listed, oldest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> + DoubleEndedIterator {
        self.entries.iter()
    }

    /// The playlist as text.
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(256 + self.entries.len() * 128);
        // Writing to a string can't fail.
        let _ = self.render_to(&mut text);
        text
    }

    fn may_evict(&self) -> bool {
        if self.entries.len() <= self.window {
            return false;
        }
        let rest: MediaDuration = self.entries.iter().skip(1).map(|entry| entry.duration).sum();
        rest >= MediaDuration::from_secs(LEAST_TARGETS * self.target)
            || self.entries.len() > MOST_WINDOWS.saturating_mul(self.window)
    }

    fn render_to(&self, text: &mut String) -> std::fmt::Result {
        let has_gap = self.entries.iter().any(|entry| entry.gap);
        // What has a type is only appended to: its head must be right for all that may come.
        let version = if has_gap || self.kind.is_some() { VERSION_WITH_GAP } else { VERSION };
        self.render_head(version, text)?;
        match self.kind {
            Some(PlaylistType::Event) => text.push_str("#EXT-X-PLAYLIST-TYPE:EVENT\n"),
            Some(PlaylistType::Vod) => text.push_str("#EXT-X-PLAYLIST-TYPE:VOD\n"),
            None => {}
        }
        self.render_body(text)
    }

    pub(super) fn render_body(&self, text: &mut String) -> std::fmt::Result {
        self.render_sequences(text)?;
        for entry in &self.entries {
            render_tags(entry.discontinuity, entry.program_date_time, text)?;
            render_entry(entry, text)?;
        }
        if self.ended {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        Ok(())
    }

    pub(super) fn render_head(&self, version: u32, text: &mut String) -> std::fmt::Result {
        writeln!(text, "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{}", self.target)
    }

    pub(super) fn render_sequences(&self, text: &mut String) -> std::fmt::Result {
        let first = self.entries.front().map_or(0, |entry| entry.sequence.get());
        writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{first}")?;
        if self.has_discontinuities && self.kind.is_none() {
            writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.discontinuity_sequence)?;
        }
        if self.independent {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        Ok(())
    }

    /// `EXT-X-TARGETDURATION`.
    pub fn target_duration(&self) -> MediaDuration {
        MediaDuration::from_secs(self.target)
    }

    /// Whether nothing follows.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// A discontinuity is about to be listed.
    pub(super) fn expect_discontinuity(&mut self) {
        self.has_discontinuities = true;
    }
}

/// The tags that come before a segment's first part, or before its `EXTINF`.
pub(super) fn render_tags(discontinuity: bool, date: SystemTime, text: &mut String) -> std::fmt::Result {
    if discontinuity {
        text.push_str("#EXT-X-DISCONTINUITY\n");
    }
    let Some(at) = utc(date) else { return Ok(()) };
    let (date, time) = (at.date(), at.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second, milli) = time.as_hms_milli();
    write!(text, "#EXT-X-PROGRAM-DATE-TIME:{year:04}-{month:02}-{day:02}")?;
    writeln!(text, "T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

pub(super) fn render_entry(entry: &Entry, text: &mut String) -> std::fmt::Result {
    if entry.gap {
        text.push_str("#EXT-X-GAP\n");
    }
    writeln!(text, "#EXTINF:{},", Seconds(entry.duration))?;
    text.push_str(&entry.uri);
    text.push('\n');
    Ok(())
}

/// The instant as a date, where the calendar reaches that far.
fn utc(at: SystemTime) -> Option<OffsetDateTime> {
    let nanos = match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).ok()?,
        Err(before) => -i128::try_from(before.duration().as_nanos()).ok()?,
    };
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
}

/// A duration as playlists have it, rounded only here.
pub(super) struct Seconds(pub(super) MediaDuration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = rounded_micros(self.0);
        write!(f, "{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

fn rounded_micros(duration: MediaDuration) -> i64 {
    let ticks = i128::from(duration.ticks().max(0));
    let per_second = i128::from(TICKS_PER_SECOND);
    let micros = (ticks * 1_000_000 + per_second / 2) / per_second;
    i64::try_from(micros).unwrap_or(i64::MAX)
}
