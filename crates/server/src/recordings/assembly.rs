//! Kept segments to the parts of a file.

use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use hls_mux::{ReadError, SegmentReader};
use media::{MediaDuration, MediaEvent, Packet, Timestamp, Track};
use mp4_mux::Writer;

/// Bytes of a part. Some stores want all parts but the last to be of one size, of 5 MiB or more.
pub(super) const PART: usize = 8 << 20;
/// A file of which there is no more than this is stored whole: it needs no room kept free for its index.
const WHOLE: usize = 2 * PART;
/// The parts that are kept free for the index: thirty hours of 30 pictures a second fit.
const INDEX_PARTS: u32 = 4;
/// The highest number that a part may have.
const LAST_PART: u32 = 10_000;

/// Makes a file of segments, in their order. The same segments make the same parts, so that a file
/// whose recorder died is gone on with by reading its segments again.
pub(super) struct Assembly {
    reader: SegmentReader,
    writer: Writer,
    /// From the segments' time to the file's.
    shift: MediaDuration,
    /// Where in the file's time the next segment begins; `None` before the first.
    position: Option<Timestamp>,
    /// Media that is in no part yet.
    pending: BytesMut,
    parts: u32,
    left_out: u64,
    has_video: bool,
    has_audio: bool,
}

/// A piece of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its place among the parts of the upload.
    pub(super) number: u32,
    pub(super) data: Bytes,
}

/// The file when all its media is known.
pub(super) enum File {
    /// Nothing to play was in the segments.
    Empty,
    /// Small enough to be stored in one piece.
    Whole(Bytes),
    /// The pieces that are left to store. The index is the last to be made and the first to be read, where it fits.
    Parts { pieces: Vec<Piece>, index_is_last: bool },
}

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) bytes: u64,
    pub(super) duration: MediaDuration,
}

impl Assembly {
    /// A file of a broadcast that was begun at `created`.
    pub(super) fn new(created: SystemTime) -> Self {
        Self {
            reader: SegmentReader::new(),
            writer: Writer::new(created),
            shift: MediaDuration::ZERO,
            position: None,
            pending: BytesMut::new(),
            parts: 0,
            left_out: 0,
            has_video: false,
            has_audio: false,
        }
    }

    /// Adds the next segment. One after a discontinuity is shown right behind the one before it.
    pub(super) fn push(
        &mut self,
        data: &[u8],
        duration: MediaDuration,
        discontinuity: bool,
    ) -> Result<(), ReadError> {
        if discontinuity {
            self.reader.restart();
        }
        let events = self.reader.read(data)?;
        let Some(start) = start(&events) else {
            self.pass(duration);
            return Ok(());
        };
        let position = self.position.unwrap_or(start);
        if discontinuity || self.position.is_none() {
            self.shift = position - start;
        }
        for event in events {
            self.has_video |= matches!(event, MediaEvent::Video(_));
            self.has_audio |= matches!(event, MediaEvent::Audio(_));
            let event = match event {
                MediaEvent::Packet(packet) => MediaEvent::Packet(Packet {
                    pts: packet.pts + self.shift,
                    dts: packet.dts + self.shift,
                    ..packet
                }),
                config => config,
            };
            // A frame of sound that overlaps a seam has no place in the file.
            if self.writer.push(&event, &mut self.pending).is_err() {
                self.left_out += 1;
            }
        }
        self.position = Some(position + duration);
        Ok(())
    }

    /// Passes over a segment that isn't there: the picture stands still for so long.
    pub(super) fn pass(&mut self, duration: MediaDuration) {
        if let Some(position) = &mut self.position {
            *position += duration;
        }
    }

    /// The next part, once it is full.
    pub(super) fn part(&mut self) -> Option<Piece> {
        let enough = if self.parts == 0 { WHOLE } else { PART };
        if self.pending.len() < enough {
            return None;
        }
        Some(self.take(PART))
    }

    /// Whether the upload has room for no more than the end of the file.
    pub(super) fn is_full(&self) -> bool {
        INDEX_PARTS + self.parts + 2 >= LAST_PART
    }

    /// The codecs of its tracks, a comma between them.
    pub(super) fn codecs(&self) -> &'static str {
        match (self.has_video, self.has_audio) {
            (true, true) => "h264,aac",
            (true, false) => "h264",
            (false, true) => "aac",
            (false, false) => "",
        }
    }

    /// Access units that had no place in the file.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The rest of the file.
    pub(super) fn finish(mut self) -> Result<(File, Summary), mp4_mux::Error> {
        let movie = std::mem::replace(&mut self.writer, Writer::new(SystemTime::UNIX_EPOCH))
            .finish(&mut self.pending);
        let summary =
            |extra: usize| Summary { bytes: movie.media_bytes() + extra as u64, duration: movie.duration() };
        if movie.is_empty() {
            return Ok((File::Empty, summary(0)));
        }
        if self.parts == 0
            && let Some(front) = movie.front(1, usize::MAX)?
        {
            let summary = summary(front.len());
            let mut whole = BytesMut::from(front);
            whole.unsplit(self.pending);
            return Ok((File::Whole(whole.freeze()), summary));
        }
        let most = INDEX_PARTS as usize * PART;
        let (front, index_is_last) = match movie.front(PART, most)? {
            Some(front) => (front, false),
            None => (movie.bare_front(PART)?, true),
        };
        let tail = if index_is_last { movie.tail(front.len())? } else { Bytes::new() };
        self.pending.extend_from_slice(&tail);
        let extra = front.len() + tail.len();
        let mut pieces = Vec::new();
        while self.pending.len() > PART {
            pieces.push(self.take(PART));
        }
        if !self.pending.is_empty() {
            let rest = self.pending.len();
            pieces.push(self.take(rest));
        }
        // The front goes last: with it everything else is there.
        for (number, at) in (1..).zip((0..front.len()).step_by(PART)) {
            pieces.push(Piece { number, data: front.slice(at..front.len().min(at + PART)) });
        }
        Ok((File::Parts { pieces, index_is_last }, summary(extra)))
    }

    fn take(&mut self, length: usize) -> Piece {
        self.parts += 1;
        Piece { number: INDEX_PARTS + self.parts, data: self.pending.split_to(length).freeze() }
    }
}

/// When a segment's picture begins, or its sound where there is no picture.
fn start(events: &[MediaEvent]) -> Option<Timestamp> {
    let first = |track| {
        let times = events.iter().filter_map(move |event| match event {
            MediaEvent::Packet(packet) if packet.track == track => Some(packet.pts),
            _ => None,
        });
        times.min()
    };
    first(Track::Video).or_else(|| first(Track::Audio))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hls_mux::{MediaSequence, Output, Segment, Segmenter, SegmenterOptions};
    use media::{AudioCodec, AudioConfig, VideoCodec, VideoConfig};

    use super::*;

    /// An encoder's, of 320x180 pictures.
    const SPS: &[u8] = &[
        0x67, 0x42, 0xC0, 0x0B, 0xDA, 0x05, 0x06, 0x7E, 0x7C, 0x04, 0x40, 0, 0, 3, 0, 0x40, 0, 0, 5, 3, 0xC5,
        0x0A, 0xA8,
    ];
    const PPS: &[u8] = &[0x68, 0xCE, 0x0F, 0xC8];

    fn picture(at: Timestamp, is_keyframe: bool, size: usize) -> Packet {
        let mut data = Vec::new();
        let mut slice = vec![if is_keyframe { 0x65 } else { 0x41 }];
        slice.resize(size, 0xA5);
        let sets: &[&[u8]] = if is_keyframe { &[SPS, PPS] } else { &[] };
        for nal in sets.iter().copied().chain([&slice[..]]) {
            data.extend_from_slice(&[0, 0, 0, 1]);
            data.extend_from_slice(nal);
        }
        Packet { track: Track::Video, pts: at, dts: at, is_keyframe, data: data.into() }
    }

    /// `seconds` of ten pictures of `size` bytes and of 48 kHz sound, from `start` on.
    fn segments(start: Timestamp, seconds: i64, size: usize) -> Vec<Segment> {
        let mut packets = Vec::new();
        for index in 0..seconds * 10 {
            let at = start + MediaDuration::from_millis(index * 100);
            packets.push(picture(at, index % 20 == 0, size));
        }
        for index in 0..seconds * 48_000 / 1024 {
            let at = start + MediaDuration::from_samples(index * 1024, 48_000);
            let data = Bytes::from_static(&[0x21; 300]);
            packets.push(Packet { track: Track::Audio, pts: at, dts: at, is_keyframe: true, data });
        }
        packets.sort_by_key(|packet| (packet.dts, packet.track));
        let mut segmenter =
            Segmenter::new(SegmenterOptions::default(), MediaSequence::new(0), SystemTime::UNIX_EPOCH);
        let mut made = Vec::new();
        let mut keep = |output| {
            if let Output::Segment(segment) = output {
                made.push(segment);
            }
        };
        let video = VideoConfig {
            codec: VideoCodec::H264,
            extradata: Bytes::new(),
            width: 0,
            height: 0,
            frame_rate: None,
        };
        let audio =
            AudioConfig { codec: AudioCodec::Aac, extradata: Bytes::new(), sample_rate: 48_000, channels: 2 };
        segmenter.push(MediaEvent::Video(video), &mut keep).unwrap();
        segmenter.push(MediaEvent::Audio(audio), &mut keep).unwrap();
        for packet in packets {
            segmenter.push(MediaEvent::Packet(packet), &mut keep).unwrap();
        }
        segmenter.finish(&mut keep);
        made
    }

    fn assemble(segments: &[(Segment, bool)]) -> (Vec<Piece>, File, Summary) {
        let mut assembly = Assembly::new(SystemTime::UNIX_EPOCH);
        let mut pieces = Vec::new();
        for (segment, discontinuity) in segments {
            assembly.push(&segment.data, segment.duration, *discontinuity).unwrap();
            while let Some(piece) = assembly.part() {
                pieces.push(piece);
            }
        }
        let (file, summary) = assembly.finish().unwrap();
        (pieces, file, summary)
    }

    fn plain(segments: Vec<Segment>) -> Vec<(Segment, bool)> {
        segments.into_iter().map(|segment| (segment, false)).collect()
    }

    /// Names and sizes of the boxes.
    fn boxes(file: &[u8]) -> Vec<(String, u64)> {
        let (mut found, mut at) = (Vec::new(), 0);
        while at < file.len() {
            let short = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
            let size = if short == 1 {
                u64::from_be_bytes(file[at + 8..at + 16].try_into().unwrap())
            } else {
                short.into()
            };
            found.push((String::from_utf8(file[at + 4..at + 8].to_vec()).unwrap(), size));
            at += size as usize;
        }
        assert_eq!(at, file.len());
        found
    }

    fn names(boxes: &[(String, u64)]) -> Vec<&str> {
        boxes.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn a_short_broadcast_is_one_piece_with_its_index_in_front() {
        let (pieces, file, summary) = assemble(&plain(segments(Timestamp::ZERO, 6, 9000)));
        assert_eq!(pieces, []);
        let File::Whole(file) = file else { panic!("it is small") };
        assert_eq!(names(&boxes(&file)), ["ftyp", "moov", "mdat"]);
        assert_eq!(summary.bytes, file.len() as u64);
        assert_eq!(summary.duration.as_millis(), 6000);
    }

    #[test]
    fn a_long_one_is_parts_of_one_size_with_the_index_in_the_first() {
        let (mut pieces, file, summary) = assemble(&plain(segments(Timestamp::ZERO, 20, 200_000)));
        let sealed = pieces.len();
        assert!(sealed >= 3, "they are full while it goes on: {sealed}");
        let File::Parts { pieces: rest, index_is_last } = file else { panic!("it is large") };
        assert!(!index_is_last);
        assert_eq!(rest.last().unwrap().number, 1, "the index is stored last");
        pieces.extend(rest);
        let by_number: BTreeMap<u32, Bytes> =
            pieces.into_iter().map(|piece| (piece.number, piece.data)).collect();
        let sizes: Vec<usize> = by_number.values().map(Bytes::len).collect();
        assert!(sizes[..sizes.len() - 1].iter().all(|size| *size == PART), "{sizes:?}");
        let file = by_number.values().fold(Vec::new(), |file, data| [&file[..], data].concat());
        assert_eq!(names(&boxes(&file)), ["ftyp", "moov", "free", "mdat"]);
        assert_eq!(summary.bytes, file.len() as u64);
        assert_eq!(summary.duration.as_millis(), 20_000);
    }

    #[test]
    fn the_same_segments_make_the_same_parts() {
        let segments = plain(segments(Timestamp::ZERO, 12, 200_000));
        assert_eq!(assemble(&segments).0, assemble(&segments).0);
    }

    #[test]
    fn what_follows_a_discontinuity_follows_in_time_and_a_gap_is_kept() {
        let first = segments(Timestamp::from_millis(5000), 4, 9000);
        let second = segments(Timestamp::from_millis(90_000_000), 4, 9000);
        let mut assembly = Assembly::new(SystemTime::UNIX_EPOCH);
        for segment in &first {
            assembly.push(&segment.data, segment.duration, false).unwrap();
        }
        assembly.pass(MediaDuration::from_secs(2));
        for (index, segment) in second.iter().enumerate() {
            assembly.push(&segment.data, segment.duration, index == 0).unwrap();
        }
        assert!(assembly.left_out() <= 1, "{}", assembly.left_out());
        let (_, summary) = assembly.finish().unwrap();
        assert_eq!(summary.duration.as_millis(), 10_000);
    }

    #[test]
    fn nothing_makes_no_file() {
        let mut assembly = Assembly::new(SystemTime::UNIX_EPOCH);
        assembly.pass(MediaDuration::from_secs(2));
        assert!(assembly.push(b"no transport stream", MediaDuration::from_secs(2), false).is_err());
        assert!(matches!(assembly.finish().unwrap(), (File::Empty, _)));
    }
}
