//! Reading bits, most significant first.

use super::ConfigFault;

pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Goes to a bit's place from the start.
    pub(super) fn seek(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// At most 32 bits.
    pub(super) fn read(&mut self, count: u32) -> Result<u32, ConfigFault> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(ConfigFault::Truncated)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    pub(super) fn flag(&mut self) -> Result<bool, ConfigFault> {
        Ok(self.read(1)? == 1)
    }

    /// An Exp-Golomb code: `ue(v)` of H.264 and H.265, `uvlc()` of AV1.
    pub(super) fn golomb(&mut self) -> Result<u32, ConfigFault> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros == 32 {
                return Err(ConfigFault::Invalid("Exp-Golomb code"));
            }
        }
        Ok((1 << zeros) - 1 + self.read(zeros)?)
    }

    /// A signed Exp-Golomb code, `se(v)` (H.264 §9.1.1).
    pub(super) fn signed_golomb(&mut self) -> Result<i64, ConfigFault> {
        let code = i64::from(self.golomb()?);
        Ok(if code % 2 == 1 { (code + 1) / 2 } else { -code / 2 })
    }
}

/// A NAL unit's payload as it was before the encoder kept start codes out of it (H.264 and H.265 §7.4.1.1).
pub(super) fn without_emulation_prevention(payload: &[u8]) -> Vec<u8> {
    let mut zeros = 0;
    let mut out = Vec::with_capacity(payload.len());
    for &byte in payload {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}
