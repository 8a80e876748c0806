use bytes::{BufMut, BytesMut};
use mpeg2ts::time::ClockReference;
use mpeg2ts::ts::payload::{Bytes, Section};
use mpeg2ts::ts::{
    AdaptationField, ContinuityCounter, TransportScramblingControl, TsHeader, TsPacket, TsPacketWriter,
    TsPayload, WriteTsPacket,
};

use super::clock::Reference;
use super::pes::wire_time;

/// Bytes of a packet behind its header.
pub(super) const PAYLOAD: usize = TsPacket::SIZE - 4;

/// A packet identifier and its counter.
#[derive(Debug)]
pub(super) struct Pid {
    number: u16,
    /// Counter of the next packet with a payload.
    counter: ContinuityCounter,
}

/// What an adaptation field says, where there is one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Adaptation {
    pub(super) reference: Option<Reference>,
    pub(super) is_random_access: bool,
}

impl Pid {
    pub(super) const PAT: u16 = 0;
    pub(super) const PMT: u16 = 0x1000;
    pub(super) const VIDEO: u16 = 0x100;
    pub(super) const AUDIO: u16 = 0x101;

    pub(super) fn new(number: u16) -> Self {
        Self { number, counter: ContinuityCounter::new() }
    }

    pub(super) fn number(&self) -> Result<mpeg2ts::ts::Pid, mpeg2ts::Error> {
        mpeg2ts::ts::Pid::new(self.number)
    }
}

impl Adaptation {
    /// Bytes that it takes at most.
    pub(super) const LARGEST: usize = 8;

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        match (self.reference, self.is_random_access) {
            (Some(_), _) => Self::LARGEST,
            (None, true) => 2,
            (None, false) => 0,
        }
    }

    fn field(self) -> Result<Option<AdaptationField>, mpeg2ts::Error> {
        if self.size() == 0 {
            return Ok(None);
        }
        let clock = |reference: Reference| ClockReference::new(wire_time(reference.at) * 300);
        Ok(Some(AdaptationField {
            discontinuity_indicator: self.reference.is_some_and(|reference| reference.discontinuity),
            random_access_indicator: self.is_random_access,
            es_priority_indicator: false,
            pcr: self.reference.map(clock).transpose()?,
            opcr: None,
            splice_countdown: None,
            transport_private_data: Vec::new(),
            extension: None,
        }))
    }
}

/// Writes a section that fits into one packet. It is padded behind, as a section should be, and not
/// before by an adaptation field, as `mpeg2ts` does with its own tables.
pub(super) fn write_section(
    pid: &mut Pid,
    section: Vec<u8>,
    out: &mut BytesMut,
) -> Result<(), mpeg2ts::Error> {
    let mut padded = section;
    padded.resize(PAYLOAD - 1, 0xFF);
    let section = Section { pointer_field: 0, data: Bytes::new(&padded)? };
    write_payload(pid, Adaptation::default(), TsPayload::Section(section), out)
}

/// Writes the next packet of `pid`; what the payload leaves free is stuffed.
pub(super) fn write_payload(
    pid: &mut Pid,
    adaptation: Adaptation,
    payload: TsPayload,
    out: &mut BytesMut,
) -> Result<(), mpeg2ts::Error> {
    let packet = TsPacket {
        header: header(pid.number()?, pid.counter),
        adaptation_field: adaptation.field()?,
        payload: Some(payload),
    };
    pid.counter.increment();
    TsPacketWriter::new(out.writer()).write_ts_packet(&packet)
}

/// Writes a packet without payload, which repeats the counter of the one before (§2.4.3.3).
pub(super) fn write_clock(
    pid: &Pid,
    adaptation: Adaptation,
    out: &mut BytesMut,
) -> Result<(), mpeg2ts::Error> {
    let last = ContinuityCounter::from_u8(pid.counter.as_u8().wrapping_sub(1) & ContinuityCounter::MAX)?;
    let packet = TsPacket {
        header: header(pid.number()?, last),
        adaptation_field: adaptation.field()?,
        payload: None,
    };
    TsPacketWriter::new(out.writer()).write_ts_packet(&packet)
}

fn header(pid: mpeg2ts::ts::Pid, continuity_counter: ContinuityCounter) -> TsHeader {
    TsHeader {
        transport_error_indicator: false,
        transport_priority: false,
        pid,
        transport_scrambling_control: TransportScramblingControl::NotScrambled,
        continuity_counter,
    }
}
