use bytes::BytesMut;
use media::{MediaDuration, Timestamp, Track};
use mpeg2ts::es::StreamId;
use mpeg2ts::pes::PesHeader;
use mpeg2ts::ts::TsPayload;
use mpeg2ts::ts::payload::{Bytes, Pes};

use super::clock::Reference;
use super::packet::{Adaptation, PAYLOAD, Pid, write_payload};

/// What media time 0 is on the wire. Decoding times somewhat before 0 and the clock reference's
/// lead stay positive, so that a stream doesn't start with a wrap.
const ORIGIN: MediaDuration = MediaDuration::from_secs(10);
/// Bytes of a PES header without timestamps, and of each timestamp.
const HEADER: usize = 9;
const TIMESTAMP: usize = 5;
/// Start code, stream id and length itself don't count in `PES_packet_length`.
const UNCOUNTED: usize = 6;

/// When access units are shown and decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) pts: Timestamp,
    pub(crate) dts: Timestamp,
}

/// One PES packet to be.
pub(super) struct PesUnit<'a> {
    pub(super) track: Track,
    pub(super) timing: Timing,
    pub(super) is_random_access: bool,
    pub(super) reference: Option<Reference>,
    pub(super) data: &'a [u8],
}

/// A time as the 33 bits of PES headers and clock references; it wraps every 26.5 hours.
pub(super) fn wire_time(at: Timestamp) -> u64 {
    // Two's complement makes the mask right for negative times, too.
    (at + ORIGIN).ticks() as u64 & mpeg2ts::time::Timestamp::MAX
}

/// The time that is nearest to `near` of those that are `wire` in 33 bits; without it, the first since
/// shortly before media time 0.
pub(crate) fn media_time(wire: u64, near: Option<Timestamp>) -> Timestamp {
    const WRAP: i64 = 1 << 33;
    let first = Timestamp::from_ticks(wire as i64) - ORIGIN;
    let Some(near) = near else { return first };
    let wraps = ((near - first).ticks() + WRAP / 2).div_euclid(WRAP);
    first + MediaDuration::from_ticks(wraps * WRAP)
}

/// What `length` bytes of access units become at most, with a packet for the clock.
pub(crate) fn written_size(length: usize) -> usize {
    let header = HEADER + 2 * TIMESTAMP + Adaptation::LARGEST;
    ((length + header).div_ceil(PAYLOAD) + 1) * mpeg2ts::ts::TsPacket::SIZE
}

pub(super) fn write_pes(pid: &mut Pid, unit: PesUnit<'_>, out: &mut BytesMut) -> Result<(), mpeg2ts::Error> {
    let PesUnit { track, timing, is_random_access, reference, data } = unit;
    let timestamps = if timing.pts == timing.dts { 1 } else { 2 };
    let header_size = HEADER + timestamps * TIMESTAMP;
    let adaptation = Adaptation { reference, is_random_access };
    let (head, rest) = data.split_at(data.len().min(PAYLOAD - adaptation.size() - header_size));

    // With a length a receiver needn't see the next PES packet to know that this one is complete.
    // Only video may leave it out, and must where it doesn't fit (§2.4.3.7).
    let length = u16::try_from(header_size - UNCOUNTED + data.len()).unwrap_or(0);
    let pes = Pes {
        header: PesHeader {
            stream_id: match track {
                Track::Video => StreamId::new(StreamId::VIDEO_MIN),
                Track::Audio => StreamId::new(StreamId::AUDIO_MIN),
            },
            priority: false,
            data_alignment_indicator: true,
            copyright: false,
            original_or_copy: false,
            pts: Some(mpeg2ts::time::Timestamp::new(wire_time(timing.pts))?),
            dts: (timestamps == 2)
                .then(|| mpeg2ts::time::Timestamp::new(wire_time(timing.dts)))
                .transpose()?,
            escr: None,
        },
        pes_packet_len: length,
        data: Bytes::new(head)?,
    };
    write_payload(pid, adaptation, TsPayload::PesStart(pes), out)?;
    for chunk in rest.chunks(PAYLOAD) {
        let chunk = TsPayload::PesContinuation(Bytes::new(chunk)?);
        write_payload(pid, Adaptation::default(), chunk, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_times_wrap_and_take_negative_times() {
        let wire = |ticks| wire_time(Timestamp::from_ticks(ticks));
        assert_eq!(wire(0), 900_000);
        assert_eq!(wire(-900_000), 0);
        assert_eq!(wire(-900_001), (1 << 33) - 1);
        assert_eq!(wire((1 << 33) - 900_000), 0);
        assert_eq!(wire(i64::MAX), wire_time(Timestamp::from_ticks(i64::MAX)));
    }
}
