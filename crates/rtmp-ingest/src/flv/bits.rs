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
}
