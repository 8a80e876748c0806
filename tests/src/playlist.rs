//! The rules that every version of a live playlist must keep, by itself and after the one before.

use std::time::Instant;

use m3u8_rs::MediaPlaylist;

/// A playlist as it was read once.
#[derive(Clone, Debug)]
pub struct Version {
    /// When it was read.
    pub at: Instant,
    /// When the version before was seen last.
    pub after: Instant,
    /// Its text.
    pub raw: String,
    /// EXT-X-TARGETDURATION in seconds.
    pub target_duration: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: u64,
    /// Whether it says EXT-X-ENDLIST.
    pub ended: bool,
    /// The segments.
    pub entries: Vec<Entry>,
}

/// A segment in a playlist.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Media sequence number.
    pub msn: u64,
    /// As it is written.
    pub uri: String,
    /// EXTINF in seconds.
    pub duration: f64,
    /// EXT-X-PROGRAM-DATE-TIME in microseconds of Unix time.
    pub date: Option<i64>,
    /// Whether EXT-X-DISCONTINUITY comes before it.
    pub discontinuity: bool,
    /// Whether EXT-X-GAP says that it isn't there.
    pub gap: bool,
}

impl Version {
    /// Parses a playlist and checks what can be checked on it alone; `Err` says what is wrong.
    pub fn parse(raw: &str, at: Instant) -> Result<Self, String> {
        let playlist =
            m3u8_rs::parse_media_playlist_res(raw.as_bytes()).map_err(|error| error.to_string())?;
        let version = Self {
            at,
            after: at,
            raw: raw.to_owned(),
            target_duration: playlist.target_duration,
            discontinuity_sequence: playlist.discontinuity_sequence,
            ended: playlist.end_list,
            entries: entries(&playlist),
        };
        version.check(&playlist)?;
        Ok(version)
    }

    /// The media sequence number after the last listed one.
    pub fn next_msn(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.msn + 1)
    }

    /// What it lists, in seconds.
    pub fn seconds(&self) -> f64 {
        self.entries.iter().map(|entry| entry.duration).sum()
    }

    fn check(&self, playlist: &MediaPlaylist) -> Result<(), String> {
        let rule = |kept: bool, name: &str| if kept { Ok(()) } else { Err(name.to_owned()) };
        rule(self.raw.starts_with("#EXTM3U\n"), "EXTM3U comes first")?;
        rule(playlist.independent_segments, "EXT-X-INDEPENDENT-SEGMENTS is there")?;
        rule(playlist.version.is_some_and(|version| version >= 3), "EXT-X-VERSION is 3 or more")?;
        rule(playlist.playlist_type.is_none(), "a sliding playlist has no EXT-X-PLAYLIST-TYPE")?;
        rule(!self.entries.is_empty(), "a playlist lists at least one segment")?;
        for entry in &self.entries {
            let rounded = entry.duration.round() as u64;
            rule(rounded <= self.target_duration, "EXTINF rounds to TARGETDURATION at most")?;
            rule(entry.duration > 0.0, "EXTINF is more than nothing")?;
        }
        rule(self.entries[0].date.is_some(), "the first segment has a PROGRAM-DATE-TIME")?;
        for pair in self.entries.windows(2) {
            let (Some(date), Some(next)) = (pair[0].date, pair[1].date) else { continue };
            let expected = date + (pair[0].duration * 1e6) as i64;
            let continues = pair[1].discontinuity || (next - expected).abs() <= 2_000;
            rule(continues, "PROGRAM-DATE-TIME goes on by EXTINF")?;
        }
        Ok(())
    }

    /// Checks what must hold between one version and a later one; `Err` says what is wrong.
    pub fn check_successor(&self, next: &Self) -> Result<(), String> {
        let rule = |kept: bool, name: &str| if kept { Ok(()) } else { Err(name.to_owned()) };
        rule(next.target_duration == self.target_duration, "TARGETDURATION never changes")?;
        let (first, next_first) = (self.entries[0].msn, next.entries[0].msn);
        rule(next_first >= first, "MEDIA-SEQUENCE never decreases")?;
        rule(next.next_msn() >= self.next_msn(), "a newer playlist is never overwritten by an older one")?;
        rule(next_first <= self.next_msn(), "no segment is skipped")?;
        for entry in &self.entries {
            let later = next.entries.iter().find(|later| later.msn == entry.msn);
            rule(later.is_none_or(|later| later == entry), "a segment never changes once it is listed")?;
        }
        let left = self.entries.iter().filter(|entry| entry.msn < next_first && entry.discontinuity);
        let expected = self.discontinuity_sequence + left.count() as u64;
        rule(next.discontinuity_sequence == expected, "DISCONTINUITY-SEQUENCE counts what has left")
    }
}

fn entries(playlist: &MediaPlaylist) -> Vec<Entry> {
    let numbered = (playlist.media_sequence..).zip(&playlist.segments);
    numbered
        .map(|(msn, segment)| Entry {
            msn,
            uri: segment.uri.clone(),
            duration: f64::from(segment.duration),
            date: segment.program_date_time.map(|date| date.timestamp_micros()),
            discontinuity: segment.discontinuity,
            gap: segment.unknown_tags.iter().any(|tag| tag.tag == "X-GAP"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-MEDIA-SEQUENCE:4\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n#EXTINF:2.000000,\na.ts\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:02.000Z\n#EXTINF:2.000000,\nb.ts\n";

    fn parse(raw: &str) -> Result<Version, String> {
        Version::parse(raw, Instant::now())
    }

    #[test]
    fn a_good_playlist_is_good() {
        let version = parse(GOOD).unwrap();
        assert_eq!((version.entries[1].msn, version.next_msn()), (5, 6));
        version.check_successor(&version).unwrap();
    }

    #[test]
    fn each_rule_is_noticed_when_it_is_broken() {
        for (from, to, rule) in [
            ("#EXT-X-INDEPENDENT-SEGMENTS\n", "", "INDEPENDENT-SEGMENTS"),
            ("#EXTINF:2.000000,\nb", "#EXTINF:2.600000,\nb", "rounds to TARGETDURATION"),
            ("00:00:02.000Z", "00:00:02.100Z", "PROGRAM-DATE-TIME goes on"),
            ("VERSION:3", "VERSION:2", "EXT-X-VERSION"),
        ] {
            let error = parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.contains(rule), "{rule}: {error}");
        }
    }

    #[test]
    fn each_rule_between_versions_is_noticed_when_it_is_broken() {
        let first = parse(GOOD).unwrap();
        for (from, to, rule) in [
            ("SEQUENCE:4", "SEQUENCE:3", "never decreases"),
            ("SEQUENCE:4", "SEQUENCE:7", "skipped"),
            ("DURATION:2", "DURATION:3", "TARGETDURATION never changes"),
            ("b.ts", "c.ts", "never changes once it is listed"),
            ("#EXTINF:2.000000,\nb", "#EXT-X-DISCONTINUITY\n#EXTINF:2.000000,\nb", "never changes once"),
            ("SEQUENCE:4", "SEQUENCE:4\n#EXT-X-DISCONTINUITY-SEQUENCE:1", "counts what has left"),
        ] {
            let error = first.check_successor(&parse(&GOOD.replace(from, to)).unwrap()).unwrap_err();
            assert!(error.contains(rule), "{rule}: {error}");
        }
    }
}
