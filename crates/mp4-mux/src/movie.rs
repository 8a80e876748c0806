use std::time::{Duration, SystemTime};

use bytes::{BufMut, Bytes, BytesMut};
use media::{MediaDuration, TICKS_PER_SECOND, Timestamp, Track as Kind};
use mp4_atom::{
    Dinf, Dref, Edts, Elst, ElstEntry, Encode, FixedPoint, Ftyp, Hdlr, Mdhd, Mdia, Minf, Moov, Mvhd, Smhd,
    Stsd, Tkhd, Trak, Url, Vmhd,
};

use crate::Error;
use crate::samples::SampleTable;
use crate::track::Track;
use crate::writer::presented;

/// From the epoch of file times, 1904, to that of system times, 1970.
const EPOCH: Duration = Duration::from_secs(2_082_844_800);
/// A box's size and type; the media box has a size of 64 bits besides.
const BOX_HEADER: usize = 8;
const MEDIA_HEADER: usize = 16;
/// How long the only picture or sound of a track lasts.
const LONE_SAMPLE: MediaDuration = MediaDuration::from_millis(33);

/// A file whose media is complete: what is left to write is the index.
#[derive(Debug)]
pub struct Movie {
    created: SystemTime,
    tracks: Vec<Described>,
    media_bytes: u64,
    /// What is presented first.
    origin: Timestamp,
}

#[derive(Debug)]
struct Described {
    kind: Kind,
    timescale: u32,
    descriptions: Vec<mp4_atom::Codec>,
    table: SampleTable,
    /// When its first sample is presented.
    start: Timestamp,
    /// How long its samples last, in its timescale.
    length: u64,
}

impl Movie {
    pub(crate) fn new(created: SystemTime, tracks: Vec<Track>, media_bytes: u64) -> Self {
        let describe = |track: Track| {
            let Track { kind, timescale, descriptions, log, first, .. } = track;
            let (first, mut table) = (first?, log.into_table());
            let start = presented(first, table.first_offset(), timescale);
            let length = table.finish(LONE_SAMPLE.to_samples(timescale) as u32);
            Some(Described { kind, timescale, descriptions, table, start, length })
        };
        let tracks: Vec<_> = tracks.into_iter().filter_map(describe).collect();
        // What comes before time begins is an encoder's priming, and isn't presented.
        let origin = tracks.iter().map(|track| track.start).min().unwrap_or_default().max(Timestamp::ZERO);
        Self { created, tracks, media_bytes, origin }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Bytes of media.
    pub fn media_bytes(&self) -> u64 {
        self.media_bytes
    }

    /// How long it lasts.
    pub fn duration(&self) -> MediaDuration {
        let lengths = self.tracks.iter().map(|track| track.edit(self.origin).total());
        MediaDuration::from_ticks(lengths.max().unwrap_or(0) as i64)
    }

    /// What goes before the media: the index, then what padding makes it a multiple of `unit` bytes.
    /// `None` if it is longer than `most` bytes; then [`bare_front`](Self::bare_front) goes there.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], if a number is too large for its field.
    pub fn front(&self, unit: usize, most: usize) -> Result<Option<Bytes>, Error> {
        let mut front = file_type()?;
        let before = front.len();
        // Offsets are of fixed width: the index is as long wherever the media is.
        self.moov(0).encode(&mut front)?;
        let length = padded(front.len(), unit);
        if length > most {
            return Ok(None);
        }
        front.truncate(before);
        self.moov(length as u64).encode(&mut front)?;
        Ok(Some(self.with_media_header(front, length)))
    }

    /// What goes before the media if the index goes behind it: `length` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], as [`front`](Self::front).
    pub fn bare_front(&self, length: usize) -> Result<Bytes, Error> {
        let front = file_type()?;
        let length = padded(front.len(), length);
        Ok(self.with_media_header(front, length))
    }

    /// The index, to go behind the media, where `front` bytes go before it.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], as [`front`](Self::front).
    pub fn tail(&self, front: usize) -> Result<Bytes, Error> {
        let mut tail = Vec::new();
        self.moov(front as u64).encode(&mut tail)?;
        Ok(tail.into())
    }

    fn with_media_header(&self, front: Vec<u8>, length: usize) -> Bytes {
        let mut front = BytesMut::from(Bytes::from(front));
        let padding = length - MEDIA_HEADER - front.len();
        if padding > 0 {
            front.put_u32(padding as u32);
            front.put_slice(b"free");
            front.put_bytes(0, padding - BOX_HEADER);
        }
        front.put_u32(1);
        front.put_slice(b"mdat");
        front.put_u64(self.media_bytes + MEDIA_HEADER as u64);
        front.freeze()
    }

    fn moov(&self, base: u64) -> Moov {
        let created = self.created.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + EPOCH;
        let created = created.as_secs();
        Moov {
            mvhd: Mvhd {
                creation_time: created,
                modification_time: created,
                timescale: TICKS_PER_SECOND as u32,
                duration: self.duration().ticks() as u64,
                rate: FixedPoint::from(1),
                volume: FixedPoint::from(1),
                next_track_id: self.tracks.len() as u32 + 1,
                ..Mvhd::default()
            },
            trak: self
                .tracks
                .iter()
                .zip(1..)
                .map(|(track, id)| self.trak(track, id, created, base))
                .collect(),
            ..Moov::default()
        }
    }

    fn trak(&self, track: &Described, id: u32, created: u64, base: u64) -> Trak {
        let is_video = track.kind == Kind::Video;
        let (width, height) = track.descriptions.iter().fold((0, 0), |size, codec| match codec {
            mp4_atom::Codec::Avc1(avc1) => (size.0.max(avc1.visual.width), size.1.max(avc1.visual.height)),
            _ => size,
        });
        let edit = track.edit(self.origin);
        let (handler, name) = if is_video { (b"vide", "VideoHandler") } else { (b"soun", "SoundHandler") };
        Trak {
            tkhd: Tkhd {
                creation_time: created,
                modification_time: created,
                track_id: id,
                duration: edit.total(),
                alternate_group: u16::from(!is_video),
                enabled: true,
                in_movie: true,
                volume: FixedPoint::from(u8::from(!is_video)),
                width: width.into(),
                height: height.into(),
                ..Tkhd::default()
            },
            edts: edit.boxes(),
            mdia: Mdia {
                mdhd: Mdhd {
                    creation_time: created,
                    modification_time: created,
                    timescale: track.timescale,
                    duration: track.length,
                    language: "und".to_owned(),
                },
                hdlr: Hdlr { handler: handler.into(), name: name.to_owned() },
                minf: Minf {
                    vmhd: is_video.then(Vmhd::default),
                    smhd: (!is_video).then(Smhd::default),
                    dinf: Dinf { dref: Dref { entries: vec![Url::default().into()] } },
                    stbl: track.table.boxes(Stsd { codecs: track.descriptions.clone() }, base),
                    ..Minf::default()
                },
            },
            ..Trak::default()
        }
    }
}

/// How a track's media is placed in the file's time (ISO/IEC 14496-12 §8.6.6).
struct Edit {
    /// Nothing is presented for so long, in ticks.
    empty: u64,
    /// Then the media from there on, in the track's timescale …
    media_time: u64,
    /// … for so long, in ticks.
    length: u64,
}

impl Described {
    fn edit(&self, origin: Timestamp) -> Edit {
        let timescale = self.timescale;
        let late = (self.start - origin).ticks();
        let skipped = MediaDuration::from_ticks((-late).max(0)).to_samples(timescale) as u64;
        let shown = self.length.saturating_sub(skipped);
        Edit {
            empty: late.max(0) as u64,
            media_time: self.table.first_offset().max(0) as u64 + skipped,
            length: MediaDuration::from_samples(shown as i64, timescale).ticks() as u64,
        }
    }
}

impl Edit {
    fn total(&self) -> u64 {
        self.empty + self.length
    }

    fn boxes(&self) -> Option<Edts> {
        if self.empty == 0 && self.media_time == 0 {
            return None;
        }
        let entry = |segment_duration, media_time| ElstEntry {
            segment_duration,
            media_time,
            media_rate: FixedPoint::from(1),
        };
        let empty = (self.empty > 0).then(|| entry(self.empty, None));
        let media = entry(self.length, Some(self.media_time));
        Some(Edts { elst: Some(Elst { entries: empty.into_iter().chain([media]).collect() }) })
    }
}

fn file_type() -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    Ftyp {
        major_brand: b"isom".into(),
        minor_version: 512,
        compatible_brands: vec![b"isom".into(), b"iso2".into(), b"avc1".into(), b"mp41".into()],
    }
    .encode(&mut out)?;
    Ok(out)
}

/// The least multiple of `unit` that holds `length` bytes, the media's header, and between them
/// either nothing or a box.
fn padded(length: usize, unit: usize) -> usize {
    let unit = unit.max(1);
    let tight = length + MEDIA_HEADER;
    let whole = tight.next_multiple_of(unit);
    if whole == tight || whole >= tight + BOX_HEADER {
        whole
    } else {
        (tight + BOX_HEADER).next_multiple_of(unit)
    }
}
