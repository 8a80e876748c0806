use bytes::Bytes;
use media::{AudioConfig, FrameRate, MediaDuration, Packet, TICKS_PER_SECOND, Timestamp, VideoConfig};

use crate::Error;
use crate::aac::Aac;
use crate::h264::H264;

/// Assumed until the configuration or two pictures tell.
const DEFAULT_FRAME: MediaDuration = MediaDuration::from_ticks(TICKS_PER_SECOND / 30);

/// What is known of the video track.
#[derive(Debug)]
pub(crate) struct VideoTrack {
    pub(crate) config: VideoConfig,
    pub(crate) h264: H264,
    /// The configuration is new: nothing can be decoded before an IDR picture.
    pub(crate) needs_idr: bool,
    /// The sequence parameter sets of the pictures written last.
    pub(crate) format: Vec<Bytes>,
    /// Presentation minus decoding time of the last IDR picture. Decoding time plus this is the
    /// track's progress: it is the presentation time of IDR pictures and never steps back between.
    pub(crate) reorder: MediaDuration,
    pub(crate) last_dts: Option<Timestamp>,
    delta: Option<MediaDuration>,
}

/// What is known of the audio track.
#[derive(Debug)]
pub(crate) struct AudioTrack {
    pub(crate) config: AudioConfig,
    pub(crate) aac: Aac,
    /// The configuration is newer than the segment in hand.
    pub(crate) is_new: bool,
    pub(crate) last_dts: Option<Timestamp>,
}

impl VideoTrack {
    pub(crate) fn new(config: VideoConfig) -> Result<Self, Error> {
        let h264 = H264::new(&config)?;
        Ok(Self {
            config,
            h264,
            needs_idr: true,
            format: Vec::new(),
            reorder: MediaDuration::ZERO,
            last_dts: None,
            delta: None,
        })
    }

    /// How long a picture lasts: what the configuration says where that agrees with the timestamps,
    /// which may be rounded to milliseconds, and what those say where it doesn't.
    pub(crate) fn frame_duration(&self) -> MediaDuration {
        let nominal = self.config.frame_rate.map(period);
        match (nominal, self.delta) {
            (Some(nominal), Some(delta)) if (nominal - delta).abs().ticks() * 4 > nominal.ticks() => delta,
            (Some(nominal), _) => nominal,
            (None, delta) => delta.unwrap_or(DEFAULT_FRAME),
        }
    }

    /// Checks the packet's times against those before.
    pub(crate) fn accept(&mut self, packet: &Packet) -> Result<(), Error> {
        if packet.pts < packet.dts {
            return Err(Error::ShownBeforeDecoded { pts: packet.pts, dts: packet.dts });
        }
        let delta = advance(packet, self.last_dts)?;
        self.delta = delta.or(self.delta);
        self.last_dts = Some(packet.dts);
        Ok(())
    }
}

impl AudioTrack {
    pub(crate) fn new(config: AudioConfig) -> Result<Self, Error> {
        let aac = Aac::new(&config)?;
        Ok(Self { config, aac, is_new: true, last_dts: None })
    }

    /// Checks the packet's times against those before.
    pub(crate) fn accept(&mut self, packet: &Packet) -> Result<(), Error> {
        advance(packet, self.last_dts)?;
        self.last_dts = Some(packet.dts);
        Ok(())
    }
}

/// Time since the packet before, which must be some.
fn advance(packet: &Packet, last: Option<Timestamp>) -> Result<Option<MediaDuration>, Error> {
    let Some(last) = last else { return Ok(None) };
    if packet.dts <= last {
        return Err(Error::Backwards { track: packet.track, dts: packet.dts, behind: last - packet.dts });
    }
    Ok(Some(packet.dts - last))
}

fn period(rate: FrameRate) -> MediaDuration {
    MediaDuration::from_samples(rate.den.into(), rate.num.max(1))
}
