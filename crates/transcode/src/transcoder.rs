use media::{MediaEvent, Timestamp};

use crate::{Error, Options, Stats};

/// Decodes what a broadcast's publishers send and encodes it as one continuous output.
///
/// It lives on one OS thread. Events go in and events come out of the same call; there is no
/// clock, thread or queue inside.
#[derive(Debug)]
pub struct Transcoder {
    position: Timestamp,
}

impl Transcoder {
    /// Opens nothing yet but checks the options.
    pub fn new(options: Options) -> Result<Self, Error> {
        options.check()?;
        Ok(Self { position: Timestamp::ZERO })
    }

    /// A new publisher session starts: its first timestamps are mapped so that output goes on at
    /// `at` or later, whatever its own clock says.
    pub fn start_session(&mut self, at: Timestamp) {
        self.position = self.position.max(at);
    }

    /// Takes the next event of the session; hands what comes of it to `out`.
    pub fn push(&mut self, _event: MediaEvent, _out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        Ok(())
    }

    /// Nothing came for a while: goes on to `until` with the last picture and silence, at the
    /// nominal rate.
    pub fn fill_until(
        &mut self,
        _until: Timestamp,
        _out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        Ok(())
    }

    /// The end of what has been produced, in output time.
    pub fn position(&self) -> Timestamp {
        self.position
    }

    /// What has been done so far.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// The broadcast is over: hands out what decoders and encoders still hold.
    pub fn finish(self, _out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        Ok(())
    }
}
