//! The list of the small pictures of what is kept: WebVTT, whose cues name a place on a sheet of sprites.

use std::collections::HashMap;
use std::fmt::Write;

use hls_mux::playlist::Entry;
use media::MediaDuration;

use crate::catalog::SpriteSheet;
use crate::live::{SPRITE_COLUMNS, sprites_name};

/// The list for a VOD playlist of these entries.
pub(crate) fn render(entries: &[Entry], sheets: &[SpriteSheet]) -> String {
    let first = entries.iter().position(|entry| !entry.gap).unwrap_or(entries.len());
    let mut end = MediaDuration::ZERO;
    let mut starts = HashMap::new();
    for entry in &entries[first..] {
        starts.insert(entry.sequence, end);
        end += entry.duration;
    }
    let tiles = sheets.iter().flat_map(|sheet| {
        let starts = &starts;
        sheet.tiles.iter().enumerate().filter_map(move |(index, tile)| {
            // What was given up, or was before the first that is there, is at no time.
            starts.get(tile).map(|start| (*start, sheet, index))
        })
    });
    let tiles: Vec<_> = tiles.collect();
    let mut text = "WEBVTT\n".to_owned();
    for (place, (start, sheet, index)) in tiles.iter().enumerate() {
        let from = if place == 0 { MediaDuration::ZERO } else { *start };
        let to = tiles.get(place + 1).map_or(end, |(next, ..)| *next);
        if to <= from {
            continue;
        }
        let (width, height) = sheet.tile;
        let (x, y) = (*index % SPRITE_COLUMNS, *index / SPRITE_COLUMNS);
        let (x, y) = (x as u32 * width, y as u32 * height);
        let name = sprites_name(sheet.sequence);
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{} --> {}\n{name}#xywh={x},{y},{width},{height}\n", clock(from), clock(to));
    }
    text
}

/// Hours, minutes, seconds and milliseconds.
fn clock(at: MediaDuration) -> String {
    let millis = at.to_std().as_millis();
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1000)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use hls_mux::{MediaSequence, segment_name};

    use super::*;

    #[test]
    fn a_tile_is_shown_from_its_segment_to_the_next_tiles() {
        let entry = |number| Entry {
            sequence: MediaSequence::new(number),
            uri: segment_name(MediaSequence::new(number)),
            duration: MediaDuration::from_secs(2),
            program_date_time: SystemTime::UNIX_EPOCH,
            discontinuity: false,
            gap: number == 10,
        };
        let entries: Vec<Entry> = (10..20).map(entry).collect();
        let sheet = |first: u64, tiles: &[u64]| SpriteSheet {
            sequence: MediaSequence::new(first),
            tile: (160, 90),
            tiles: tiles.iter().copied().map(MediaSequence::new).collect(),
        };
        let tiles: Vec<u64> = vec![10, 12, 13, 13, 13, 13, 13, 13, 13, 13, 13, 15];
        let text = render(&entries, &[sheet(10, &tiles), sheet(17, &[17, 40])]);
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nsprites_010.jpg#xywh=160,0,160,90\n\n\
                        00:00:04.000 --> 00:00:08.000\nsprites_010.jpg#xywh=0,90,160,90\n\n\
                        00:00:08.000 --> 00:00:12.000\nsprites_010.jpg#xywh=160,90,160,90\n\n\
                        00:00:12.000 --> 00:00:18.000\nsprites_017.jpg#xywh=0,0,160,90\n";
        assert_eq!(text, expected);
        assert_eq!(render(&entries, &[]), "WEBVTT\n");
    }
}
