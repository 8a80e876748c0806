//! Segments back to packets: what was muxed can be put into another container without a second encode.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use media::{AudioConfig, MediaDuration, MediaEvent, Packet, Timestamp, Track, VideoCodec, VideoConfig};
use mpeg2ts::ts::payload::Pes;
use mpeg2ts::ts::{ReadTsPacket, TsPacket, TsPacketReader, TsPayload};

use crate::aac::Adts;
use crate::ts::{media_time, track_of};

/// Reads segments that a [`Segmenter`](crate::Segmenter) made, in their order.
///
/// Pictures come as Annex B access units, delimiters and parameter sets included; sound as raw AAC
/// frames. Frames that share a PES packet share its timestamp, so times are those that were pushed to
/// within 2 ms.
#[derive(Debug, Default)]
pub struct SegmentReader {
    state: ReaderState,
}

/// What a reader has learned from the segments so far; another one that has it goes on in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderState {
    /// The last time read: the 33 bits on the wire are taken for what is nearest to it.
    pub last: Option<Timestamp>,
    /// Whether the picture's configuration was told.
    pub has_video: bool,
    /// The sound's configuration that was told last.
    pub audio: Option<AudioConfig>,
}

/// Why a segment can't be read: no [`Segmenter`](crate::Segmenter) made it, or it is damaged.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no transport stream.
    #[error("the transport packet at byte {offset} cannot be read: {source}")]
    Packet {
        /// Where it begins.
        offset: usize,
        /// What the reader said.
        source: mpeg2ts::Error,
    },
    /// A PES packet has no timestamp.
    #[error("the PES packet that ends before byte {offset} has no timestamp")]
    NoTimestamp {
        /// Where the next one begins.
        offset: usize,
    },
    /// An audio frame has no ADTS header, or is longer than its PES packet.
    #[error("the audio frame at byte {at} of its PES packet is malformed")]
    Adts {
        /// Where in the PES packet.
        at: usize,
    },
}

/// A PES packet of which more may come.
#[derive(Debug)]
struct Unit {
    pts: Option<u64>,
    dts: Option<u64>,
    is_random_access: bool,
    data: BytesMut,
}

impl SegmentReader {
    /// A reader of the first segment.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reader of the segment after those that another one has read.
    pub fn resume(state: ReaderState) -> Self {
        Self { state }
    }

    /// What it has learned so far.
    pub fn state(&self) -> &ReaderState {
        &self.state
    }

    /// The next segment is of another timeline.
    pub fn restart(&mut self) {
        self.state.last = None;
    }

    /// What is in the next segment, in the order of its PES packets. A track's configuration comes before its first
    /// packet, and when it changes.
    ///
    /// # Errors
    ///
    /// [`ReadError`], if it isn't a segment. Then it is as if it had not been read.
    pub fn read(&mut self, segment: &[u8]) -> Result<Vec<MediaEvent>, ReadError> {
        let before = self.state.clone();
        self.events(segment).inspect_err(|_| self.state = before)
    }

    fn events(&mut self, segment: &[u8]) -> Result<Vec<MediaEvent>, ReadError> {
        let mut reader = TsPacketReader::new(segment);
        let mut units: BTreeMap<u16, Unit> = BTreeMap::new();
        let mut events = Vec::new();
        loop {
            let offset = segment.len() - reader.stream().len();
            let packet = reader.read_ts_packet().map_err(|source| ReadError::Packet { offset, source })?;
            let Some(packet) = packet else { break };
            let pid = packet.header.pid.as_u16();
            match packet.payload {
                Some(TsPayload::PesStart(ref pes)) => {
                    if let Some(whole) = units.insert(pid, Unit::start(&packet, pes)) {
                        self.unit(pid, whole, offset, &mut events)?;
                    }
                }
                Some(TsPayload::PesContinuation(more)) => {
                    if let Some(unit) = units.get_mut(&pid) {
                        unit.data.extend_from_slice(&more);
                    }
                }
                _ => {}
            }
        }
        for (pid, whole) in units {
            self.unit(pid, whole, segment.len(), &mut events)?;
        }
        Ok(events)
    }

    fn unit(
        &mut self,
        pid: u16,
        unit: Unit,
        offset: usize,
        events: &mut Vec<MediaEvent>,
    ) -> Result<(), ReadError> {
        let Some(track) = track_of(pid) else { return Ok(()) };
        let wire = unit.pts.ok_or(ReadError::NoTimestamp { offset })?;
        let pts = media_time(wire, self.state.last);
        let dts = unit.dts.map_or(pts, |wire| media_time(wire, Some(pts)));
        self.state.last = Some(dts);
        match track {
            Track::Video => {
                if !std::mem::replace(&mut self.state.has_video, true) {
                    events.push(MediaEvent::Video(ANNEX_B));
                }
                let is_keyframe = unit.is_random_access;
                events.push(MediaEvent::Packet(Packet {
                    track,
                    pts,
                    dts,
                    is_keyframe,
                    data: unit.data.freeze(),
                }));
                Ok(())
            }
            Track::Audio => self.frames(pts, &unit.data.freeze(), events),
        }
    }

    fn frames(
        &mut self,
        start: Timestamp,
        data: &Bytes,
        events: &mut Vec<MediaEvent>,
    ) -> Result<(), ReadError> {
        let (mut at, mut samples) = (0, 0);
        while at < data.len() {
            let malformed = ReadError::Adts { at };
            let Some(adts) = Adts::read(&data[at..]) else { return Err(malformed) };
            if adts.length > data.len() - at {
                return Err(malformed);
            }
            let config = adts.config();
            if self.state.audio.as_ref() != Some(&config) {
                events.push(MediaEvent::Audio(config.clone()));
            }
            let pts = start + MediaDuration::from_samples(samples, config.sample_rate);
            events.push(MediaEvent::Packet(Packet {
                track: Track::Audio,
                pts,
                dts: pts,
                is_keyframe: true,
                data: data.slice(at + adts.header..at + adts.length),
            }));
            self.state.audio = Some(config);
            samples += Adts::SAMPLES;
            at += adts.length;
        }
        Ok(())
    }
}

impl Unit {
    fn start(packet: &TsPacket, pes: &Pes) -> Self {
        let field = packet.adaptation_field.as_ref();
        Self {
            pts: pes.header.pts.map(|at| at.as_u64()),
            dts: pes.header.dts.map(|at| at.as_u64()),
            is_random_access: field.is_some_and(|field| field.random_access_indicator),
            data: BytesMut::from(&pes.data[..]),
        }
    }
}

/// Access units bring their own parameter sets.
const ANNEX_B: VideoConfig =
    VideoConfig { codec: VideoCodec::H264, extradata: Bytes::new(), width: 0, height: 0, frame_rate: None };
