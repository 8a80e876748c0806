//! AAC as MPEG-TS carries it: each raw frame behind an ADTS header (ISO/IEC 14496-3 §1.A.3.2).

use bytes::Bytes;
use media::{AudioCodec, AudioConfig, MediaDuration, Packet, Track};

use crate::Error;

const ADTS_HEADER: usize = 7;
/// `aac_frame_length` has 13 bits and counts the header.
const LONGEST_FRAME: usize = (1 << 13) - 1 - ADTS_HEADER;
/// Object type 31 says that the type follows in six more bits.
const ESCAPE: u32 = 31;
const SBR: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;
/// Index 15 says that the rate follows in 24 bits.
const EXPLICIT_RATE: u32 = 15;
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// What ADTS says of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aac {
    /// Object type as signalled: 2 is AAC-LC, 5 and 29 are HE-AAC.
    object_type: u32,
    /// Object type of the core that ADTS frames carry, 1 to 4.
    core_type: u32,
    rate_index: u32,
    channels: u32,
    samples: u32,
}

impl Aac {
    /// Reads the AudioSpecificConfig (§1.6.2.1); without one, AAC-LC at the given rate and channels.
    pub(crate) fn new(config: &AudioConfig) -> Result<Self, Error> {
        if config.extradata.is_empty() {
            let rate_index = rate_index(config.sample_rate)?;
            return Self {
                object_type: 2,
                core_type: 2,
                rate_index,
                channels: config.channels.into(),
                samples: 1024,
            }
            .checked();
        }
        let mut bits = Bits { data: &config.extradata, at: 0 };
        let object_type = bits.object_type()?;
        let rate_index = bits.rate_index()?;
        let channels = bits.read(4)?;
        let core_type = match object_type {
            SBR | PARAMETRIC_STEREO => {
                bits.rate_index()?;
                bits.object_type()?
            }
            plain => plain,
        };
        let samples = if bits.read(1)? == 1 { 960 } else { 1024 };
        Self { object_type, core_type, rate_index, channels, samples }.checked()
    }

    /// Time that a frame lasts.
    pub(crate) fn frame_duration(&self) -> MediaDuration {
        MediaDuration::from_samples(self.samples.into(), RATES[self.rate_index as usize])
    }

    /// `mp4a.40.2` and the like (RFC 6381 §3.3).
    pub(crate) fn codec_string(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }

    /// Appends the frame with its header.
    pub(crate) fn write(&self, packet: &Packet, out: &mut Vec<u8>) -> Result<(), Error> {
        let length = packet.data.len();
        if length > LONGEST_FRAME {
            return Err(Error::TooLarge {
                track: Track::Audio,
                pts: packet.pts,
                length,
                limit: LONGEST_FRAME,
            });
        }
        out.extend_from_slice(&self.header(length + ADTS_HEADER));
        out.extend_from_slice(&packet.data);
        Ok(())
    }

    fn header(&self, length: usize) -> [u8; ADTS_HEADER] {
        // Sync word, MPEG-4, layer 0, no CRC; then the fixed and the variable header, in which the
        // buffer fullness of all ones means a variable bit rate.
        let fixed = 0xFFF1_u64 << 12 | u64::from(self.core_type - 1) << 10 | u64::from(self.rate_index) << 6;
        let fixed = fixed | u64::from(self.channels) << 2;
        let header = fixed << 28 | (length as u64) << 13 | 0x7FF << 2;
        let [_, bytes @ ..] = header.to_be_bytes();
        bytes
    }

    fn checked(self) -> Result<Self, Error> {
        let refuse = |reason| Err(Error::AudioConfig { reason });
        if !(1..=4).contains(&self.core_type) {
            return refuse("names an object type that ADTS can't carry");
        }
        if !(1..=7).contains(&self.channels) {
            return refuse("names no channel configuration from 1 to 7");
        }
        Ok(self)
    }
}

/// An ADTS header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Adts {
    core_type: u8,
    rate_index: u8,
    channels: u8,
    /// Bytes of the header, and of the frame with it.
    pub(crate) header: usize,
    pub(crate) length: usize,
}

impl Adts {
    /// Samples of a frame of one block, as all are here.
    pub(crate) const SAMPLES: i64 = 1024;

    /// The header at the beginning of `data`, if there is one.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let [sync, kind, fixed, channels, length, rest, ..] = *data else { return None };
        let rate_index = fixed >> 2 & 15;
        if sync != 0xFF || kind & 0xF6 != 0xF0 || usize::from(rate_index) >= RATES.len() {
            return None;
        }
        let header = if kind & 1 == 0 { ADTS_HEADER + 2 } else { ADTS_HEADER };
        let length = usize::from(channels & 3) << 11 | usize::from(length) << 3 | usize::from(rest >> 5);
        (length >= header).then_some(Self {
            core_type: (fixed >> 6) + 1,
            rate_index,
            channels: (fixed & 1) << 2 | channels >> 6,
            header,
            length,
        })
    }

    /// What it says, as an AudioSpecificConfig does (§1.6.2.1).
    pub(crate) fn config(&self) -> AudioConfig {
        let config =
            u16::from(self.core_type) << 11 | u16::from(self.rate_index) << 7 | u16::from(self.channels) << 3;
        AudioConfig {
            codec: AudioCodec::Aac,
            extradata: Bytes::copy_from_slice(&config.to_be_bytes()),
            sample_rate: RATES[usize::from(self.rate_index)],
            // The last configuration is of eight channels (table 1.19).
            channels: if self.channels == 7 { 8 } else { self.channels },
        }
    }
}

fn rate_index(rate: u32) -> Result<u32, Error> {
    let index = RATES.iter().position(|known| *known == rate);
    index
        .map(|index| index as u32)
        .ok_or(Error::AudioConfig { reason: "names a sample rate that ADTS can't carry" })
}

/// Reads bits, most significant first.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: usize) -> Result<u32, Error> {
        (0..count).try_fold(0, |value, _| {
            let byte = self.data.get(self.at / 8).ok_or(Error::AudioConfig { reason: "ends early" })?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Ok(value << 1 | u32::from(bit))
        })
    }

    fn object_type(&mut self) -> Result<u32, Error> {
        match self.read(5)? {
            ESCAPE => Ok(32 + self.read(6)?),
            plain => Ok(plain),
        }
    }

    fn rate_index(&mut self) -> Result<u32, Error> {
        match self.read(4)? {
            EXPLICIT_RATE => rate_index(self.read(24)?),
            index if (index as usize) < RATES.len() => Ok(index),
            _ => Err(Error::AudioConfig { reason: "names a reserved sample rate" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use media::{AudioCodec, Timestamp};
    use proptest::prelude::*;

    fn config(extradata: &[u8]) -> AudioConfig {
        let extradata = Bytes::copy_from_slice(extradata);
        AudioConfig { codec: AudioCodec::Aac, extradata, sample_rate: 48_000, channels: 2 }
    }

    fn frame(length: usize) -> Packet {
        let data = Bytes::from(vec![0xAB; length]);
        Packet { track: Track::Audio, pts: Timestamp::ZERO, dts: Timestamp::ZERO, is_keyframe: true, data }
    }

    #[test]
    fn a_header_says_what_the_config_says() {
        // AAC-LC, 44.1 kHz, stereo; a frame of 100 bytes.
        let aac = Aac::new(&config(&[0x12, 0x10])).unwrap();
        let mut out = Vec::new();
        aac.write(&frame(100), &mut out).unwrap();
        assert_eq!(out[..7], [0xFF, 0xF1, 0x50, 0x80, 0x0D, 0x7F, 0xFC]);
        assert_eq!(out.len(), 107);
        assert_eq!(aac.codec_string(), "mp4a.40.2");
        assert_eq!(aac.frame_duration(), MediaDuration::from_ticks(2090));
    }

    #[test]
    fn explicit_sbr_is_carried_as_its_core() {
        // HE-AAC: type 5, core 24 kHz stereo, extension 48 kHz, core type 2.
        let aac = Aac::new(&config(&[0x2B, 0x11, 0x88, 0x00])).unwrap();
        assert_eq!(aac.codec_string(), "mp4a.40.5");
        assert_eq!((aac.core_type, aac.frame_duration()), (2, MediaDuration::from_ticks(3840)));
    }

    #[test]
    fn without_a_config_the_fields_decide() {
        let aac = Aac::new(&config(&[])).unwrap();
        assert_eq!(aac, Aac::new(&config(&[0x11, 0x90])).unwrap());
    }

    #[test]
    fn what_adts_cannot_carry_is_refused() {
        for extradata in [&[0x12][..], &[0x12, 0x00], &[0xF8, 0xE8, 0x50, 0x00], &[0x16, 0x90]] {
            assert!(matches!(Aac::new(&config(extradata)), Err(Error::AudioConfig { .. })), "{extradata:x?}");
        }
        let aac = Aac::new(&config(&[])).unwrap();
        assert!(matches!(aac.write(&frame(8185), &mut Vec::new()), Err(Error::TooLarge { limit: 8184, .. })));
        aac.write(&frame(8184), &mut Vec::new()).unwrap();
    }

    proptest! {
        #[test]
        fn any_config_is_read_or_refused(extradata in proptest::collection::vec(any::<u8>(), 0..8)) {
            if let Ok(aac) = Aac::new(&config(&extradata)) {
                prop_assert!(aac.frame_duration() > MediaDuration::ZERO);
                prop_assert_eq!(aac.header(107)[..2].to_vec(), vec![0xFF, 0xF1]);
            }
        }
    }
}
