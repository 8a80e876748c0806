use mpeg2ts::es::StreamType;
use mpeg2ts::ts::payload::{Pat, Pmt};
use mpeg2ts::ts::{
    ContinuityCounter, EsInfo, ProgramAssociation, TransportScramblingControl, TsHeader, TsPacket,
    TsPacketWriter, TsPayload, VersionNumber, WriteTsPacket,
};

use super::Tracks;
use super::packet::Pid;

const PROGRAM: u16 = 1;
const TRANSPORT_STREAM: u16 = 1;

/// The program association section (§2.4.4.3).
pub(super) fn pat() -> Result<Vec<u8>, mpeg2ts::Error> {
    let program = ProgramAssociation { program_num: PROGRAM, program_map_pid: pid(Pid::PMT)? };
    section(TsPayload::Pat(Pat {
        transport_stream_id: TRANSPORT_STREAM,
        version_number: VersionNumber::new(),
        table: vec![program],
    }))
}

/// The program map section (§2.4.4.8).
pub(super) fn pmt(tracks: Tracks, version: u8) -> Result<Vec<u8>, mpeg2ts::Error> {
    let stream = |stream_type, number| {
        Ok::<_, mpeg2ts::Error>(EsInfo { stream_type, elementary_pid: pid(number)?, descriptors: Vec::new() })
    };
    let video = tracks.video.then(|| stream(StreamType::H264, Pid::VIDEO));
    let audio = tracks.audio.then(|| stream(StreamType::AdtsAac, Pid::AUDIO));
    section(TsPayload::Pmt(Pmt {
        program_num: PROGRAM,
        pcr_pid: Some(pid(if tracks.video { Pid::VIDEO } else { Pid::AUDIO })?),
        version_number: VersionNumber::from_u8(version)?,
        program_info: Vec::new(),
        es_info: video.into_iter().chain(audio).collect::<Result<_, _>>()?,
    }))
}

/// The section that `mpeg2ts` makes of a table, taken out of the packet that it makes with it.
fn section(table: TsPayload) -> Result<Vec<u8>, mpeg2ts::Error> {
    let header = TsHeader {
        transport_error_indicator: false,
        transport_priority: false,
        pid: pid(Pid::PAT)?,
        transport_scrambling_control: TransportScramblingControl::NotScrambled,
        continuity_counter: ContinuityCounter::new(),
    };
    let mut writer = TsPacketWriter::new(Vec::with_capacity(TsPacket::SIZE));
    writer.write_ts_packet(&TsPacket { header, adaptation_field: None, payload: Some(table) })?;
    let mut packet = writer.into_stream();
    // The header, the adaptation field's length, that field, the pointer field; tables as small as
    // ours always leave room for the adaptation field that `mpeg2ts` pads them with.
    let before = 4 + 1 + usize::from(packet[4]) + 1;
    packet.drain(..before);
    Ok(packet)
}

fn pid(number: u16) -> Result<mpeg2ts::ts::Pid, mpeg2ts::Error> {
    mpeg2ts::ts::Pid::new(number)
}
