//! H.264 access units as MPEG-TS wants them: Annex B, a delimiter first, parameter sets before
//! each IDR picture (ISO/IEC 13818-1 §2.14.1).

use bytes::Bytes;
use h264_reader::nal::{NalHeader, UnitType};
use media::{Packet, VideoConfig};

use crate::Error;

const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// An access unit delimiter that allows any slice type (`primary_pic_type` 7).
const DELIMITER: [u8; 2] = [0x09, 0xF0];

/// Rewrites one track's access units.
#[derive(Clone, Debug)]
pub(crate) struct H264 {
    framing: Framing,
    sets: ParameterSets,
}

/// What is known of an access unit once it is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Its first slice is of an IDR picture.
    pub(crate) is_idr: bool,
}

/// How NAL units are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// By start codes (ITU-T H.264 Annex B).
    StartCodes,
    /// By a big-endian length of so many bytes before each.
    Lengths(usize),
}

/// The parameter sets in force, whole NAL units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ParameterSets {
    sps: Vec<Bytes>,
    pps: Vec<Bytes>,
}

impl H264 {
    /// Reads the configuration: an `avcC` record, an Annex B stream or nothing.
    pub(crate) fn new(config: &VideoConfig) -> Result<Self, Error> {
        let extradata = &config.extradata[..];
        if extradata.is_empty() || extradata.starts_with(&[0, 0, 1]) || extradata.starts_with(&START_CODE) {
            let sets = ParameterSets::collect(Units::new(Framing::StartCodes, extradata))
                .map_err(|offset| Error::VideoConfig { offset })?;
            return Ok(Self { framing: Framing::StartCodes, sets });
        }
        let (length_size, sets) = read_avcc(extradata).map_err(|offset| Error::VideoConfig { offset })?;
        Ok(Self { framing: Framing::Lengths(length_size), sets })
    }

    /// The sequence parameter sets in force: what identifies the picture's format.
    pub(crate) fn sps(&self) -> &[Bytes] {
        &self.sets.sps
    }

    /// Replaces `out` with the access unit. IDR pictures get the parameter sets in force if they
    /// bring none; those that they bring are in force from there on.
    pub(crate) fn rewrite(&mut self, packet: &Packet, out: &mut Vec<u8>) -> Result<Picture, Error> {
        let malformed = |offset| Error::AccessUnit { pts: packet.pts, offset, length: packet.data.len() };
        let (mut own, mut first_slice) = (ParameterSets::default(), None);
        for unit in Units::new(self.framing, &packet.data) {
            let unit = unit.map_err(malformed)?;
            if is_slice(unit.kind) {
                first_slice = Some(unit.kind);
                break;
            }
            own.add(&unit);
        }
        let Some(first_slice) = first_slice else { return Err(Error::NoPicture { pts: packet.pts }) };
        let is_idr = first_slice == UnitType::SliceLayerWithoutPartitioningIdr;
        let (has_sps, has_pps) = (!own.sps.is_empty(), !own.pps.is_empty());

        out.clear();
        put(out, &DELIMITER);
        if is_idr {
            self.sets.replace_by(own);
            if self.sets.sps.is_empty() || self.sets.pps.is_empty() {
                return Err(Error::NoParameterSets { pts: packet.pts });
            }
            // Brought or remembered, they go first and together: an SEI may refer to them.
            self.sets.sps.iter().chain(&self.sets.pps).for_each(|set| put(out, set));
        } else if has_sps || has_pps {
            own.sps.iter().chain(&own.pps).for_each(|set| put(out, set));
            self.sets.replace_by(own);
        }
        for unit in Units::new(self.framing, &packet.data) {
            let unit = unit.map_err(malformed)?;
            let written = matches!(
                unit.kind,
                UnitType::AccessUnitDelimiter | UnitType::SeqParameterSet | UnitType::PicParameterSet
            );
            if !written {
                put(out, unit.nal);
            }
        }
        Ok(Picture { is_idr })
    }
}

/// `avc1.PPCCLL` of a sequence parameter set: profile, constraints, level (RFC 6381 §3.3).
pub(crate) fn codec_string(sps: &[u8]) -> Option<String> {
    let [profile, constraints, level] = *sps.get(1..4)? else { return None };
    Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
}

impl ParameterSets {
    fn collect<'a>(units: impl Iterator<Item = Result<Unit<'a>, usize>>) -> Result<Self, usize> {
        let mut sets = Self::default();
        for unit in units {
            sets.add(&unit?);
        }
        Ok(sets)
    }

    fn add(&mut self, unit: &Unit<'_>) {
        match unit.kind {
            UnitType::SeqParameterSet => self.sps.push(Bytes::copy_from_slice(unit.nal)),
            UnitType::PicParameterSet => self.pps.push(Bytes::copy_from_slice(unit.nal)),
            _ => {}
        }
    }

    /// Takes over those kinds of set that `newer` has.
    fn replace_by(&mut self, newer: Self) {
        if !newer.sps.is_empty() {
            self.sps = newer.sps;
        }
        if !newer.pps.is_empty() {
            self.pps = newer.pps;
        }
    }
}

/// Reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1): the size of the lengths, and
/// the parameter sets. The error is the offset at which the record ends early.
fn read_avcc(record: &[u8]) -> Result<(usize, ParameterSets), usize> {
    let byte = |at: usize| record.get(at).copied().ok_or(record.len());
    if byte(0)? != 1 {
        return Err(0);
    }
    let length_size = usize::from(byte(4)? & 3) + 1;
    let mut sets = ParameterSets::default();
    let mut at = 5;
    for mask in [0x1F, 0xFF] {
        let count = byte(at)? & mask;
        at += 1;
        for _ in 0..count {
            let length = usize::from(u16::from_be_bytes([byte(at)?, byte(at + 1)?]));
            let nal = record.get(at + 2..at + 2 + length).ok_or(at)?;
            if let Some(unit) = Unit::new(nal) {
                sets.add(&unit);
            }
            at += 2 + length;
        }
    }
    Ok((length_size, sets))
}

fn put(out: &mut Vec<u8>, nal: &[u8]) {
    out.extend_from_slice(&START_CODE);
    out.extend_from_slice(nal);
}

fn is_slice(kind: UnitType) -> bool {
    // Types 1 to 5: coded slices and data partitions.
    (1..=5).contains(&kind.id())
}

/// A NAL unit.
struct Unit<'a> {
    kind: UnitType,
    nal: &'a [u8],
}

impl<'a> Unit<'a> {
    /// `None` if it is empty or its header has the forbidden bit.
    fn new(nal: &'a [u8]) -> Option<Self> {
        let header = NalHeader::new(*nal.first()?).ok()?;
        Some(Self { kind: header.nal_unit_type(), nal })
    }
}

/// The NAL units of an access unit; an error is the offset of a length that leads past its end.
///
/// With start codes the first slice takes all that follows it, start codes included: nothing behind
/// it needs a change, and not looking for start codes in it saves most of the work.
struct Units<'a> {
    framing: Framing,
    data: &'a [u8],
    at: usize,
}

impl<'a> Units<'a> {
    fn new(framing: Framing, data: &'a [u8]) -> Self {
        let at = match framing {
            Framing::StartCodes => after_start_code(data, 0).unwrap_or(data.len()),
            Framing::Lengths(_) => 0,
        };
        Self { framing, data, at }
    }

    fn by_start_code(&mut self) -> Option<Result<Unit<'a>, usize>> {
        while self.at < self.data.len() {
            let rest = &self.data[self.at..];
            let slice = Unit::new(rest).is_some_and(|unit| is_slice(unit.kind));
            let next = if slice { None } else { after_start_code(self.data, self.at) };
            let end = next.map_or(self.data.len(), |next| next - 3);
            let nal = trim_trailing_zeros(&self.data[self.at..end]);
            self.at = next.unwrap_or(self.data.len());
            if let Some(unit) = Unit::new(nal) {
                return Some(Ok(unit));
            }
        }
        None
    }

    fn by_length(&mut self, length_size: usize) -> Option<Result<Unit<'a>, usize>> {
        while self.at < self.data.len() {
            let start = self.at + length_size;
            let Some(prefix) = self.data.get(self.at..start) else { return self.malformed() };
            let length = prefix.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
            let Some(nal) = self.data.get(start..start.saturating_add(length)) else {
                return self.malformed();
            };
            self.at = start + length;
            if let Some(unit) = Unit::new(nal) {
                return Some(Ok(unit));
            }
        }
        None
    }

    fn malformed(&mut self) -> Option<Result<Unit<'a>, usize>> {
        let offset = self.at;
        self.at = self.data.len();
        Some(Err(offset))
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Result<Unit<'a>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.framing {
            Framing::StartCodes => self.by_start_code(),
            Framing::Lengths(size) => self.by_length(size),
        }
    }
}

/// Where the NAL unit after the next start code begins.
fn after_start_code(data: &[u8], from: usize) -> Option<usize> {
    data[from..].windows(3).position(|window| window == [0, 0, 1]).map(|at| from + at + 3)
}

fn trim_trailing_zeros(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &nal[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::{Timestamp, Track, VideoCodec};
    use proptest::prelude::*;

    const SPS: &[u8] = &[0x67, 0x64, 0x00, 0x1F, 0xAC];
    const PPS: &[u8] = &[0x68, 0xEE, 0x3C, 0x80];
    const SEI: &[u8] = &[0x06, 0x01, 0x01, 0x80];
    const IDR: &[u8] = &[0x65, 0x88, 0x84, 0x11];
    const SLICE: &[u8] = &[0x41, 0x9A, 0x02, 0x22];
    const AUD: &[u8] = &DELIMITER;

    fn config(extradata: &[u8]) -> VideoConfig {
        let extradata = Bytes::copy_from_slice(extradata);
        VideoConfig { codec: VideoCodec::H264, extradata, width: 0, height: 0, frame_rate: None }
    }

    fn avcc(sps: &[u8], pps: &[u8]) -> Vec<u8> {
        let mut record = vec![1, 0x64, 0, 0x1F, 0xFF, 0xE1, 0, sps.len() as u8];
        record.extend_from_slice(sps);
        record.extend_from_slice(&[1, 0, pps.len() as u8]);
        record.extend_from_slice(pps);
        record
    }

    fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().flat_map(|nal| START_CODE.iter().chain(*nal).copied()).collect()
    }

    fn lengths(nals: &[&[u8]]) -> Vec<u8> {
        let prefixed = |nal: &&[u8]| [&(nal.len() as u32).to_be_bytes()[..], nal].concat();
        nals.iter().flat_map(prefixed).collect()
    }

    fn packet(data: Vec<u8>) -> Packet {
        let (pts, dts) = (Timestamp::ZERO, Timestamp::ZERO);
        Packet { track: Track::Video, pts, dts, is_keyframe: true, data: data.into() }
    }

    fn rewrite(h264: &mut H264, data: Vec<u8>) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let picture = h264.rewrite(&packet(data), &mut out).unwrap();
        (out, picture.is_idr)
    }

    #[test]
    fn an_avcc_stream_becomes_annex_b_with_parameter_sets() {
        let mut h264 = H264::new(&config(&avcc(SPS, PPS))).unwrap();
        assert_eq!(
            rewrite(&mut h264, lengths(&[SEI, IDR, IDR])),
            (annex_b(&[AUD, SPS, PPS, SEI, IDR, IDR]), true)
        );
        assert_eq!(rewrite(&mut h264, lengths(&[AUD, SLICE])), (annex_b(&[AUD, SLICE]), false));
    }

    #[test]
    fn annex_b_keeps_its_slices_and_gains_what_is_missing() {
        let mut h264 = H264::new(&config(&[])).unwrap();
        let whole = annex_b(&[AUD, SPS, PPS, SEI, IDR, IDR]);
        assert_eq!(rewrite(&mut h264, whole.clone()), (whole, true));
        assert_eq!(rewrite(&mut h264, annex_b(&[IDR])), (annex_b(&[AUD, SPS, PPS, IDR]), true));
        let short_codes = [&[0, 0, 1][..], SEI, &[0, 0, 0, 0, 1], SLICE].concat();
        assert_eq!(rewrite(&mut h264, short_codes), (annex_b(&[AUD, SEI, SLICE]), false));
    }

    #[test]
    fn what_cannot_be_shown_is_an_error() {
        let mut out = Vec::new();
        let mut h264 = H264::new(&config(&[])).unwrap();
        let mut fails = |data| h264.rewrite(&packet(data), &mut out).unwrap_err();
        assert!(matches!(fails(annex_b(&[IDR])), Error::NoParameterSets { .. }));
        assert!(matches!(fails(annex_b(&[AUD, SEI])), Error::NoPicture { .. }));
        assert!(matches!(fails(Vec::new()), Error::NoPicture { .. }));
        let mut h264 = H264::new(&config(&avcc(SPS, PPS))).unwrap();
        let cut = lengths(&[SEI, IDR]);
        let error = h264.rewrite(&packet(cut[..cut.len() - 1].to_vec()), &mut out).unwrap_err();
        assert!(matches!(error, Error::AccessUnit { offset: 8, length: 15, .. }), "{error}");
    }

    #[test]
    fn a_truncated_avcc_is_an_error() {
        let record = avcc(SPS, PPS);
        for length in 1..record.len() {
            assert!(
                matches!(H264::new(&config(&record[..length])), Err(Error::VideoConfig { .. })),
                "{length}"
            );
        }
    }

    #[test]
    fn the_codec_string_is_profile_constraints_and_level() {
        assert_eq!(codec_string(SPS).as_deref(), Some("avc1.64001f"));
        assert_eq!(codec_string(&[0x67]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            extradata in proptest::collection::vec(0_u8..8, 0..40),
            data in proptest::collection::vec(prop_oneof![3 => 0_u8..2, 1 => any::<u8>()], 0..200),
        ) {
            if let Ok(mut h264) = H264::new(&config(&extradata)) {
                let mut out = Vec::new();
                let _ = h264.rewrite(&packet(data.clone()), &mut out);
                prop_assert!(out.len() <= 4 * data.len() + 4 * extradata.len() + 64);
            }
        }
    }
}
