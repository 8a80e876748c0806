//! Audio configurations: what each codec says of its sample rate and channels.

use bytes::Bytes;
use media::{AudioCodec, AudioConfig};

use super::ConfigFault;
use super::bits::Bits;

const MAX_SAMPLE_RATE: u32 = 192_000;

/// Reads the configuration that a sequence header carries.
pub(super) fn read_config(codec: AudioCodec, header: &Bytes) -> Result<AudioConfig, ConfigFault> {
    let ((sample_rate, channels), extradata) = match codec {
        AudioCodec::Aac => (audio_specific_config(header)?, header.clone()),
        AudioCodec::Opus => (opus_head(header)?, header.clone()),
        AudioCodec::Flac => {
            let info = flac_stream_info(header)?;
            (flac(&info)?, info)
        }
        // These have none, and are read from their frames.
        AudioCodec::Mp3 | AudioCodec::Ac3 | AudioCodec::Eac3 => ((0, 0), Bytes::new()),
    };
    Ok(AudioConfig { codec, extradata, sample_rate, channels })
}

/// Reads the configuration from a frame of a codec that has no other.
pub(super) fn config_of_frame(codec: AudioCodec, frame: &[u8]) -> Result<AudioConfig, ConfigFault> {
    let (sample_rate, channels) = match codec {
        AudioCodec::Mp3 => mp3_header(frame)?,
        AudioCodec::Ac3 | AudioCodec::Eac3 => ac3_header(frame)?,
        AudioCodec::Aac | AudioCodec::Opus | AudioCodec::Flac => return Err(ConfigFault::Invalid("codec")),
    };
    Ok(AudioConfig { codec, extradata: Bytes::new(), sample_rate, channels })
}

/// ISO/IEC 14496-3 §1.6.2.1. With SBR the rate is the extension's, which is what a decoder puts out.
fn audio_specific_config(bytes: &[u8]) -> Result<(u32, u8), ConfigFault> {
    const SBR: u32 = 5;
    const PS: u32 = 29;
    let mut bits = Bits::new(bytes);
    let object_type = audio_object_type(&mut bits)?;
    let mut sample_rate = aac_sample_rate(&mut bits)?;
    let configuration = bits.read(4)?;
    if matches!(object_type, SBR | PS) {
        sample_rate = aac_sample_rate(&mut bits)?;
        audio_object_type(&mut bits)?;
    } else if object_type == 0 {
        return Err(ConfigFault::Invalid("audio object type"));
    }
    let channels = match configuration {
        0..=6 => configuration as u8, // 0: a program config element tells, which decoders read
        7 | 12 | 14 => 8,
        11 => 7,
        13 => 24,
        _ => return Err(ConfigFault::Invalid("channel configuration")),
    };
    Ok((sample_rate, channels))
}

fn audio_object_type(bits: &mut Bits<'_>) -> Result<u32, ConfigFault> {
    match bits.read(5)? {
        31 => Ok(32 + bits.read(6)?),
        object_type => Ok(object_type),
    }
}

fn aac_sample_rate(bits: &mut Bits<'_>) -> Result<u32, ConfigFault> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
    ];
    let rate = match bits.read(4)? as usize {
        15 => bits.read(24)?,
        index => *RATES.get(index).ok_or(ConfigFault::Invalid("sample rate"))?,
    };
    plausible_rate(rate)
}

fn plausible_rate(rate: u32) -> Result<u32, ConfigFault> {
    if (1_000..=MAX_SAMPLE_RATE).contains(&rate) {
        Ok(rate)
    } else {
        Err(ConfigFault::Invalid("sample rate"))
    }
}

/// RFC 7845 §5.1. Opus is always decoded at 48 kHz.
fn opus_head(bytes: &[u8]) -> Result<(u32, u8), ConfigFault> {
    if !bytes.starts_with(b"OpusHead") {
        return Err(ConfigFault::Invalid("magic"));
    }
    match bytes.get(..19).ok_or(ConfigFault::Truncated)?[9] {
        0 => Err(ConfigFault::Invalid("channel count")),
        channels => Ok((48_000, channels)),
    }
}

/// The STREAMINFO block, with or without the marker and block header before it.
fn flac_stream_info(header: &Bytes) -> Result<Bytes, ConfigFault> {
    const LENGTH: usize = 34;
    let start = if header.starts_with(b"fLaC") { 8 } else { 0 };
    if header.len() < start + LENGTH {
        return Err(ConfigFault::Truncated);
    }
    Ok(header.slice(start..start + LENGTH))
}

/// RFC 9639 §8.2.
fn flac(stream_info: &[u8]) -> Result<(u32, u8), ConfigFault> {
    let mut bits = Bits::new(stream_info);
    bits.seek(80);
    Ok((plausible_rate(bits.read(20)?)?, bits.read(3)? as u8 + 1))
}

/// ISO/IEC 11172-3 §2.4.1.3 and 13818-3; version 2.5 halves the rates once more.
fn mp3_header(frame: &[u8]) -> Result<(u32, u8), ConfigFault> {
    let header = u32::from_be_bytes(*frame.first_chunk().ok_or(ConfigFault::Truncated)?);
    let (version, layer) = (header >> 19 & 3, header >> 17 & 3);
    if header >> 21 != 0x7FF || layer != 1 {
        return Err(ConfigFault::Invalid("sync word"));
    }
    let rate = [44_100, 48_000, 32_000].get((header >> 10 & 3) as usize);
    let rate = rate.ok_or(ConfigFault::Invalid("sample rate"))?;
    let divisor = match version {
        3 => 1,
        2 => 2,
        0 => 4,
        _ => return Err(ConfigFault::Invalid("version")),
    };
    Ok((rate / divisor, if header >> 6 & 3 == 3 { 1 } else { 2 }))
}

/// ETSI TS 102 366 §4.3 (AC-3) and §E.1.2 (E-AC-3).
fn ac3_header(frame: &[u8]) -> Result<(u32, u8), ConfigFault> {
    const RATES: [u32; 3] = [48_000, 44_100, 32_000];
    const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
    /// Bits between the coding mode and the LFE flag, by mode.
    const MIX_BITS: [u32; 8] = [0, 0, 2, 2, 2, 4, 2, 4];
    let mut bits = Bits::new(frame);
    if bits.read(16)? != 0x0B77 {
        return Err(ConfigFault::Invalid("sync word"));
    }
    bits.seek(40);
    let stream_id = bits.read(5)?;
    let (rate, mode, has_lfe);
    if stream_id <= 10 {
        bits.seek(32);
        rate = *RATES.get(bits.read(2)? as usize).ok_or(ConfigFault::Invalid("sample rate"))?;
        bits.seek(48);
        mode = bits.read(3)? as usize;
        // mono and dual mono have no mix levels; 3/x has a centre one, x/1 and x/2 a surround one
        bits.read(MIX_BITS[mode])?;
        has_lfe = bits.read(1)?;
    } else if stream_id <= 16 {
        bits.seek(32);
        rate = match bits.read(2)? as usize {
            3 => RATES.get(bits.read(2)? as usize).map(|rate| rate / 2),
            code => {
                bits.read(2)?;
                Some(RATES[code])
            }
        }
        .ok_or(ConfigFault::Invalid("sample rate"))?;
        mode = bits.read(3)? as usize;
        has_lfe = bits.read(1)?;
    } else {
        return Err(ConfigFault::Invalid("bit stream id"));
    }
    Ok((rate, CHANNELS[mode] + has_lfe as u8))
}
