//! H.264 as a file carries it: NAL units behind their lengths, parameter sets out of band
//! (ISO/IEC 14496-15 §5.3).

use bytes::{BufMut, BytesMut};
use h264_reader::nal::sps::{ChromaFormat, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};
use memchr::memmem;
use mp4_atom::{Atom, Avcc, AvccExt};

use crate::Error;

const START_CODE: &[u8] = &[0, 0, 1];
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// How NAL units are told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    /// By start codes (ITU-T H.264 Annex B).
    StartCodes,
    /// By a big-endian length of so many bytes before each.
    Lengths(usize),
}

impl Framing {
    /// Bytes of a length; 0 where there are start codes.
    pub(crate) fn length_size(self) -> usize {
        match self {
            Self::StartCodes => 0,
            Self::Lengths(size) => size,
        }
    }

    pub(crate) fn of_length_size(size: usize) -> Self {
        if size == 0 { Self::StartCodes } else { Self::Lengths(size) }
    }
}

/// The parameter sets in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ParameterSets {
    pub(crate) sps: Vec<Vec<u8>>,
    pub(crate) pps: Vec<Vec<u8>>,
}

impl ParameterSets {
    /// Takes over those kinds of set that `newer` has.
    pub(crate) fn replace_by(&mut self, newer: Self) {
        if !newer.sps.is_empty() {
            self.sps = newer.sps;
        }
        if !newer.pps.is_empty() {
            self.pps = newer.pps;
        }
    }

    /// The record that describes them, and the size of the pictures in pixels.
    pub(crate) fn record(&self) -> Result<(Avcc, u16, u16), Error> {
        let malformed = |reason: String| Error::VideoConfig { reason };
        let (Some(first), false) = (self.sps.first(), self.pps.is_empty()) else {
            return Err(malformed("a parameter set is missing".to_owned()));
        };
        let [_, profile, compatibility, level, ..] = first[..] else {
            return Err(malformed("the sequence parameter set ends early".to_owned()));
        };
        let rbsp = decode_nal(first).map_err(|error| malformed(error.to_string()))?;
        let sps = SeqParameterSet::from_bits(BitReader::new(&rbsp[..]))
            .map_err(|error| malformed(format!("{error:?}")))?;
        let (width, height) = sps.pixel_dimensions().map_err(|error| malformed(format!("{error:?}")))?;
        let chroma = &sps.chroma_info;
        let ext = AvccExt {
            chroma_format: match chroma.chroma_format {
                ChromaFormat::Monochrome => 0,
                ChromaFormat::YUV422 => 2,
                ChromaFormat::YUV444 => 3,
                _ => 1,
            },
            bit_depth_luma: chroma.bit_depth_luma_minus8 + 8,
            bit_depth_chroma: chroma.bit_depth_chroma_minus8 + 8,
            sequence_parameter_sets_ext: Vec::new(),
        };
        let record = Avcc {
            configuration_version: 1,
            avc_profile_indication: profile,
            profile_compatibility: compatibility,
            avc_level_indication: level,
            length_size: 4,
            sequence_parameter_sets: self.sps.clone(),
            picture_parameter_sets: self.pps.clone(),
            ext: matches!(profile, 100 | 110 | 122 | 144).then_some(ext),
        };
        let pixels =
            |length: u32| u16::try_from(length).map_err(|_| malformed("the picture is too large".into()));
        Ok((record, pixels(width)?, pixels(height)?))
    }
}

/// Reads a configuration: an `avcC` record, an Annex B stream or nothing.
pub(crate) fn read_config(extradata: &[u8]) -> Result<(Framing, ParameterSets), Error> {
    if extradata.is_empty() || extradata.starts_with(START_CODE) || extradata.starts_with(&[0, 0, 0, 1]) {
        let sets = rewrite(Framing::StartCodes, extradata, &mut BytesMut::new()).unwrap_or_default();
        return Ok((Framing::StartCodes, sets));
    }
    let record = Avcc::decode_body(&mut &extradata[..])
        .map_err(|error| Error::VideoConfig { reason: error.to_string() })?;
    let sets = ParameterSets { sps: record.sequence_parameter_sets, pps: record.picture_parameter_sets };
    Ok((Framing::Lengths(record.length_size.into()), sets))
}

/// Appends the access unit, each NAL unit behind its length, and returns the parameter sets that it
/// brought: those and delimiters have no place in it. The error is the offset of a length that leads
/// past the end.
pub(crate) fn rewrite(framing: Framing, unit: &[u8], out: &mut BytesMut) -> Result<ParameterSets, usize> {
    let mut sets = ParameterSets::default();
    let mut take = |nal: &[u8]| match nal.first().map(|header| header & 0x1F) {
        None | Some(DELIMITER) => {}
        Some(SPS) => sets.sps.push(nal.to_vec()),
        Some(PPS) => sets.pps.push(nal.to_vec()),
        Some(_) => {
            out.put_u32(nal.len() as u32);
            out.put_slice(nal);
        }
    };
    match framing {
        Framing::StartCodes => {
            let mut starts = memmem::find_iter(unit, START_CODE).map(|at| at + START_CODE.len()).peekable();
            while let Some(start) = starts.next() {
                let end = starts.peek().map_or(unit.len(), |next| next - START_CODE.len());
                take(without_trailing_zeros(&unit[start..end]));
            }
        }
        Framing::Lengths(size) => {
            let mut at = 0;
            while at < unit.len() {
                let prefix = unit.get(at..at + size).ok_or(at)?;
                let length = prefix.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
                let start = at + size;
                take(unit.get(start..start.saturating_add(length)).ok_or(at)?);
                at = start + length;
            }
        }
    }
    Ok(sets)
}

fn without_trailing_zeros(nal: &[u8]) -> &[u8] {
    &nal[..nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rewritten(framing: Framing, unit: &[u8]) -> (Vec<u8>, ParameterSets) {
        let mut out = BytesMut::new();
        let sets = rewrite(framing, unit, &mut out).unwrap();
        (out.to_vec(), sets)
    }

    #[test]
    fn start_codes_become_lengths_and_parameter_sets_leave() {
        let unit = [
            0, 0, 0, 1, 9, 0xF0, 0, 0, 1, 0x67, 1, 2, 3, 0, 0, 0, 1, 0x68, 4, 0, 0, 1, 0x65, 5, 0, 3, 0, 0,
            1, 0x65, 6,
        ];
        let (out, sets) = rewritten(Framing::StartCodes, &unit);
        assert_eq!(out, [0, 0, 0, 4, 0x65, 5, 0, 3, 0, 0, 0, 2, 0x65, 6]);
        assert_eq!(sets, ParameterSets { sps: vec![vec![0x67, 1, 2, 3]], pps: vec![vec![0x68, 4]] });
    }

    #[test]
    fn a_length_that_leads_past_the_end_is_told() {
        let unit = [0, 2, 0x65, 1, 0, 9, 0x65];
        assert_eq!(rewrite(Framing::Lengths(2), &unit, &mut BytesMut::new()), Err(4));
    }

    proptest! {
        #[test]
        fn nal_units_come_out_as_they_went_in(nals in prop::collection::vec(prop::collection::vec(1..=255_u8, 1..40), 1..8)) {
            let nals: Vec<Vec<u8>> = nals.into_iter().map(|mut nal| { nal[0] = 0x65; nal }).collect();
            let annex_b: Vec<u8> = nals.iter().flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat()).collect();
            let lengths: Vec<u8> = nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes(), &nal[..]].concat()).collect();
            prop_assert_eq!(&rewritten(Framing::StartCodes, &annex_b).0, &lengths);
            prop_assert_eq!(&rewritten(Framing::Lengths(4), &lengths).0, &lengths);
        }

        #[test]
        fn any_bytes_are_read_or_refused(unit in prop::collection::vec(0..12_u8, 0..60), size in 1..5_usize) {
            let _ = rewrite(Framing::Lengths(size), &unit, &mut BytesMut::new());
            rewrite(Framing::StartCodes, &unit, &mut BytesMut::new()).unwrap();
            if let Ok((_, sets)) = read_config(&unit) {
                let _ = sets.record();
            }
        }
    }
}
