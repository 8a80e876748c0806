//! The same media playlist with parts (RFC 8216bis): what a player needs to stay a fraction of a
//! second behind. Players that don't know parts read it as a plain one.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::SystemTime;

use media::MediaDuration;

use super::media::{Entry, MediaPlaylist, Seconds, render_entry, render_tags};
use crate::{MediaSequence, Part, part_name};

/// The version that `EXT-X-SKIP` needs; deltas and whole playlists say the same.
const VERSION: u32 = 9;
/// Target durations from the end beyond which parts aren't listed any more.
const PART_TARGETS: i64 = 3;
/// Target durations from the end that a delta update must hold (§4.4.3.8).
const SKIP_TARGETS: i64 = 6;
/// A segment that is short of its target by less than this is taken for complete.
const SHORT: MediaDuration = MediaDuration::from_millis(10);

/// A [`MediaPlaylist`] with the parts of its newest segments.
///
/// It lists its first part with its first whole segment: players take a playlist of nothing but parts
/// for an empty one.
#[derive(Clone, Debug)]
pub struct LowLatencyPlaylist {
    playlist: MediaPlaylist,
    /// `PART-TARGET`, once there is a part.
    part_target: Option<MediaDuration>,
    parts: VecDeque<ListedPart>,
}

#[derive(Clone, Debug)]
struct ListedPart {
    sequence: MediaSequence,
    index: u32,
    duration: MediaDuration,
    independent: bool,
    discontinuity: bool,
    program_date_time: SystemTime,
}

impl LowLatencyPlaylist {
    /// Adds parts to `playlist`, which may list segments already.
    pub fn new(playlist: MediaPlaylist) -> Self {
        Self { playlist, part_target: None, parts: VecDeque::new() }
    }

    /// The segments.
    pub fn segments(&self) -> &MediaPlaylist {
        &self.playlist
    }

    /// Lists the next part of the segment in hand. Parts come in order, each segment's before itself.
    pub fn push_part(&mut self, part: &Part) {
        self.part_target.get_or_insert(part.target);
        if part.discontinuity {
            self.playlist.expect_discontinuity();
        }
        if part.index == 0 && !part.independent {
            self.playlist.clear_independent();
        }
        self.parts.push_back(ListedPart {
            sequence: part.sequence,
            index: part.index,
            duration: part.duration,
            independent: part.independent,
            discontinuity: part.discontinuity,
            program_date_time: part.program_date_time,
        });
        self.prune();
    }

    /// Lists a segment, as [`MediaPlaylist::push`] does.
    pub fn push(&mut self, entry: Entry) -> Vec<Entry> {
        let evicted = self.playlist.push(entry);
        self.prune();
        evicted
    }

    /// See [`MediaPlaylist::bridge`].
    pub fn bridge(&mut self, next: MediaSequence, date: SystemTime) {
        self.playlist.bridge(next, date);
        self.prune();
    }

    /// See [`MediaPlaylist::clear_independent`].
    pub fn clear_independent(&mut self) {
        self.playlist.clear_independent();
    }

    /// Nothing follows (`EXT-X-ENDLIST`). What is listed of a segment that was never completed goes.
    pub fn set_ended(&mut self) {
        let next = self.next_segment();
        self.parts.retain(|part| Some(part.sequence) < next);
        self.playlist.set_ended();
    }

    /// The part that follows the last one, as far as can be told (`EXT-X-PRELOAD-HINT`). A segment
    /// that has its length is followed by the next one's first.
    pub fn hint(&self) -> Option<(MediaSequence, u32)> {
        let last = self.parts.back().filter(|_| !self.playlist.is_ended())?;
        let length: MediaDuration = self.parts_of(last.sequence).map(|part| part.duration).sum();
        let is_complete =
            Some(last.sequence) < self.next_segment() || length + SHORT >= self.playlist.target_duration();
        Some(if is_complete { (last.sequence.next(), 0) } else { (last.sequence, last.index + 1) })
    }

    /// The playlist as text.
    pub fn render(&self) -> String {
        self.render_without(0)
    }

    /// The playlist as a delta update: without the segments that whoever has a recent version knows
    /// (`EXT-X-SKIP`). `None` where that would leave nothing out.
    pub fn render_delta(&self) -> Option<String> {
        let skipped = self.skippable();
        (skipped > 0).then(|| self.render_without(skipped))
    }

    /// The playlist without parts, whose readers may wait for whole segments.
    pub fn render_plain(&self) -> String {
        let mut text = String::with_capacity(512 + self.playlist.entries().len() * 128);
        // Writing to a string can't fail.
        let _ = self.render_plain_to(&mut text);
        text
    }

    fn render_plain_to(&self, text: &mut String) -> std::fmt::Result {
        self.playlist.render_head(VERSION, text)?;
        text.push_str("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n");
        self.playlist.render_body(text)
    }

    fn render_without(&self, skipped: usize) -> String {
        let mut text =
            String::with_capacity(512 + self.parts.len() * 72 + self.playlist.entries().len() * 128);
        // Writing to a string can't fail.
        let _ = self.render_to(skipped, &mut text);
        text
    }

    fn render_to(&self, skipped: usize, text: &mut String) -> std::fmt::Result {
        self.playlist.render_head(VERSION, text)?;
        if let Some(target) = self.part_target {
            // AVPlayer stalls at exactly three parts.
            let hold_back = MediaDuration::from_ticks(target.ticks() * 7 / 2);
            let skip_until =
                MediaDuration::from_ticks(self.playlist.target_duration().ticks() * SKIP_TARGETS);
            write!(text, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES")?;
            writeln!(text, ",CAN-SKIP-UNTIL={},PART-HOLD-BACK={}", Seconds(skip_until), Seconds(hold_back))?;
            writeln!(text, "#EXT-X-PART-INF:PART-TARGET={}", Seconds(target))?;
        }
        self.playlist.render_sequences(text)?;
        if skipped > 0 {
            writeln!(text, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")?;
        }
        for entry in self.playlist.entries().skip(skipped) {
            render_tags(entry.discontinuity, entry.program_date_time, text)?;
            self.render_parts(entry.sequence, text)?;
            render_entry(entry, text)?;
        }
        if self.playlist.is_ended() {
            text.push_str("#EXT-X-ENDLIST\n");
            return Ok(());
        }
        if let Some(next) = self.next_segment() {
            if let Some(first) = self.parts_of(next).next() {
                render_tags(first.discontinuity, first.program_date_time, text)?;
            }
            self.render_parts(next, text)?;
        }
        if let Some((sequence, index)) = self.hint() {
            writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"", part_name(sequence, index))?;
        }
        Ok(())
    }

    fn render_parts(&self, sequence: MediaSequence, text: &mut String) -> std::fmt::Result {
        for part in self.parts_of(sequence) {
            let (duration, name) = (Seconds(part.duration), part_name(sequence, part.index));
            let independent = if part.independent { ",INDEPENDENT=YES" } else { "" };
            writeln!(text, "#EXT-X-PART:DURATION={duration},URI=\"{name}\"{independent}")?;
        }
        Ok(())
    }

    fn parts_of(&self, sequence: MediaSequence) -> impl Iterator<Item = &ListedPart> {
        self.parts.iter().filter(move |part| part.sequence == sequence)
    }

    /// The segment in hand: after the last whole one.
    fn next_segment(&self) -> Option<MediaSequence> {
        self.playlist.entries().next_back().map(|last| last.sequence.next())
    }

    /// Of each segment all parts are listed or none: from the first that would be too far from the end.
    fn prune(&mut self) {
        let most = self.playlist.target_duration().ticks() * PART_TARGETS;
        let mut length: MediaDuration = self.parts.iter().map(|part| part.duration).sum();
        while length.ticks() > most
            && let Some(oldest) = self.parts.front().map(|part| part.sequence)
            && Some(oldest) < self.next_segment()
        {
            while let Some(part) = self.parts.pop_front_if(|part| part.sequence == oldest) {
                length = length - part.duration;
            }
        }
    }

    /// Segments that end further from the end than a delta update may skip.
    fn skippable(&self) -> usize {
        let until = self.playlist.target_duration().ticks() * SKIP_TARGETS;
        let next = self.next_segment();
        let open: MediaDuration =
            self.parts.iter().filter(|part| Some(part.sequence) >= next).map(|part| part.duration).sum();
        let mut after = open;
        let mut kept = 0;
        for entry in self.playlist.entries().rev() {
            if after.ticks() > until {
                break;
            }
            after += entry.duration;
            kept += 1;
        }
        if self.playlist.is_ended() { 0 } else { self.playlist.entries().len() - kept }
    }
}
