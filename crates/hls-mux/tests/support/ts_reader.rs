//! A strict reader of transport streams, written from ISO/IEC 13818-1 for the tests alone.

use std::collections::HashMap;

/// A PES packet's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pes {
    pub pid: u16,
    pub pts: u64,
    pub dts: u64,
    pub is_random_access: bool,
    pub data: Vec<u8>,
}

/// What a stream holds.
#[derive(Debug, Default)]
pub struct Stream {
    pub pes: Vec<Pes>,
    /// PID and value at 27 MHz of each clock reference, and whether it breaks with the one before.
    pub clock: Vec<(u16, u64, bool)>,
    /// Elementary PIDs of each program map.
    pub maps: Vec<Vec<u16>>,
    pub versions: Vec<u8>,
}

/// Keeps counters over segments.
#[derive(Debug, Default)]
pub struct Reader {
    counters: HashMap<u16, u8>,
    last_clock: Option<u64>,
}

const WRAP: u64 = 1 << 33;

impl Reader {
    /// Reads whole packets and checks: sync, counters, sections, PES lengths, the clock's spacing,
    /// and that nothing is decoded before its time.
    pub fn read(&mut self, bytes: &[u8]) -> Stream {
        assert_eq!(bytes.len() % 188, 0, "whole packets");
        let mut stream = Stream::default();
        let mut open: HashMap<u16, (usize, usize)> = HashMap::new();
        for (index, packet) in bytes.chunks(188).enumerate() {
            assert_eq!(packet[0], 0x47, "sync byte of packet {index}");
            let pid = u16::from(packet[1] & 0x1F) << 8 | u16::from(packet[2]);
            let (has_field, has_payload) = (packet[3] & 0x20 != 0, packet[3] & 0x10 != 0);
            self.count(pid, packet[3] & 0xF, has_payload, index);
            let mut payload = &packet[4..];
            let mut is_random_access = false;
            if has_field {
                let length = usize::from(payload[0]);
                let (field, rest) = payload[1..].split_at(length);
                payload = rest;
                if let [flags, rest @ ..] = field {
                    is_random_access = flags & 0x40 != 0;
                    if flags & 0x10 != 0 {
                        self.tick(pid, &rest[..6], flags & 0x80 != 0, &mut stream);
                    }
                }
            }
            if !has_payload {
                assert!(payload.is_empty(), "packet {index} has bytes but no payload");
                continue;
            }
            let starts = packet[1] & 0x40 != 0;
            match pid {
                0 => assert_eq!(section(payload)[8..12], [0, 1, 0xF0, 0], "the program association"),
                0x1000 => map(section(payload), &mut stream),
                _ if starts => {
                    assert_eq!(payload[..3], [0, 0, 1], "PES start code");
                    let declared = usize::from(u16::from_be_bytes([payload[4], payload[5]]));
                    let (pts, dts, header) = times(payload);
                    let before = self.last_clock.expect("a clock reference before the first PES packet");
                    let lead = (dts + WRAP - before / 300) % WRAP;
                    assert!(lead < WRAP / 2, "decoding time behind the clock on {pid:x}");
                    assert!(lead <= 90_000, "{lead} ticks in the buffers");
                    let data = payload[header..].to_vec();
                    if let Some((at, missing)) = open.insert(pid, (stream.pes.len(), declared)) {
                        check_length(&stream.pes[at], missing);
                    }
                    stream.pes.push(Pes { pid, pts, dts, is_random_access, data });
                }
                _ => {
                    let (at, _) = open.get(&pid).expect("a PES packet to continue");
                    stream.pes[*at].data.extend_from_slice(payload);
                }
            }
        }
        for (at, declared) in open.into_values() {
            check_length(&stream.pes[at], declared);
        }
        stream
    }

    fn count(&mut self, pid: u16, counter: u8, has_payload: bool, index: usize) {
        let last = self.counters.insert(pid, counter);
        if let Some(last) = last {
            let expected = if has_payload { (last + 1) % 16 } else { last };
            assert_eq!(counter, expected, "continuity of {pid:x} at packet {index}");
        }
    }

    fn tick(&mut self, pid: u16, field: &[u8], is_break: bool, stream: &mut Stream) {
        let bits = field.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let value = (bits >> 15) * 300 + (bits & 0x1FF);
        if let (Some(last), false) = (self.last_clock, is_break) {
            let gap = (value + WRAP * 300 - last) % (WRAP * 300);
            assert!(gap <= 27_000_000 / 10, "{} ms between clock references", gap / 27_000);
        }
        self.last_clock = Some(value);
        stream.clock.push((pid, value, is_break));
    }
}

fn check_length(pes: &Pes, declared: usize) {
    let header = if pes.pts == pes.dts { 8 } else { 13 };
    assert!(
        declared == 0 || declared == pes.data.len() + header,
        "PES length {declared}, {}",
        pes.data.len()
    );
}

fn section(payload: &[u8]) -> &[u8] {
    assert_eq!(payload[0], 0, "pointer field");
    let length = usize::from(payload[2] & 0xF) << 8 | usize::from(payload[3]);
    let (section, padding) = payload[1..].split_at(3 + length);
    assert!(padding.iter().all(|byte| *byte == 0xFF), "padding");
    assert_eq!(crc32(section), 0, "section checksum");
    section
}

fn map(section: &[u8], stream: &mut Stream) {
    let mut streams = &section[12..section.len() - 4];
    let mut pids = Vec::new();
    while let [_, high, low, _, _, rest @ ..] = streams {
        pids.push(u16::from(high & 0x1F) << 8 | u16::from(*low));
        streams = rest;
    }
    stream.versions.push(section[5] >> 1 & 0x1F);
    stream.maps.push(pids);
}

fn times(payload: &[u8]) -> (u64, u64, usize) {
    let stamp = |at: usize| {
        let b = &payload[at..at + 5];
        assert!(b[0] & 1 == 1 && b[2] & 1 == 1 && b[4] & 1 == 1, "marker bits");
        u64::from(b[0] >> 1 & 7) << 30
            | u64::from(b[1]) << 22
            | u64::from(b[2] >> 1) << 15
            | u64::from(b[3]) << 7
            | u64::from(b[4] >> 1)
    };
    let pts = stamp(9);
    let dts = if payload[7] >> 6 == 3 { stamp(14) } else { pts };
    (pts, dts, 9 + usize::from(payload[8]))
}

fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 }
        })
    })
}
