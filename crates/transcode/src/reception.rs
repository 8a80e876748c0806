use ffmpeg_next::codec::Id;
use ffmpeg_next::{decoder, frame};
use media::{FrameRate, MediaDuration, Packet, Timestamp, VideoCodec, VideoConfig};

use crate::error::refuse_out_of_memory;
use crate::ffi::{self, Decoder};
use crate::skip::{DecodeSkip, SkipCount};
use crate::{Error, VideoStats};

/// Media time for which a damaged picture is covered by the last good one while a keyframe is
/// awaited; then damage is shown rather than nothing.
const PATIENCE: MediaDuration = MediaDuration::from_secs(4);

/// The publisher's packets become pictures; those that can't be decoded well, none.
#[derive(Default)]
pub(crate) struct Reception {
    config: Option<VideoConfig>,
    decoder: Option<Decoder>,
    state: State,
    skip_count: SkipCount,
    /// When the last packet that was handed to the decoder is decoded.
    at: Timestamp,
}

/// What the decoder can make of the packets that come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing before a keyframe.
    #[default]
    AwaitsKeyframe,
    /// The same, since only keyframes are decoded, or were until now.
    SkipsToKeyframe,
    /// All is well.
    Clean,
    /// Since this time pictures refer to something lost; a keyframe ends it.
    Damaged(Timestamp),
    /// A keyframe has been awaited for too long: anything is shown until one comes.
    Tolerant,
}

/// A picture of the publisher's.
pub(crate) struct Decoded {
    pub(crate) picture: frame::Video,
    pub(crate) pts: Timestamp,
    /// It isn't fit to be seen.
    pub(crate) is_damaged: bool,
    /// Pictures a second, as the coded stream states them.
    pub(crate) stated_rate: Option<FrameRate>,
    /// The same, as the publisher does.
    pub(crate) hinted_rate: Option<FrameRate>,
}

/// What became of a picture.
pub(crate) enum Outcome {
    /// It is shown, or wasn't needed.
    Taken,
    /// It should have been shown, and can't be.
    Unfit(ffmpeg_next::Error),
}

/// Is given each picture, in order.
pub(crate) type Show<'a> = dyn FnMut(Decoded, &mut VideoStats) -> Result<Outcome, Error> + 'a;

impl Reception {
    /// The packets that follow are coded so.
    pub(crate) fn configure(
        &mut self,
        config: VideoConfig,
        stats: &mut VideoStats,
        show: &mut Show<'_>,
    ) -> Result<(), Error> {
        if let (Some(current), Some(_)) = (&self.config, &self.decoder)
            && (current.codec, &current.extradata) == (config.codec, &config.extradata)
        {
            return Ok(());
        }
        self.drain(stats, show)?;
        let id = match config.codec {
            VideoCodec::H264 => Id::H264,
            VideoCodec::Hevc => Id::HEVC,
            VideoCodec::Av1 => Id::AV1,
            VideoCodec::Vp9 => Id::VP9,
        };
        let codec = decoder::find(id).ok_or(Error::NoVideoDecoder { codec: config.codec })?;
        self.decoder = match Decoder::open(codec, &config.extradata) {
            Ok(decoder) => Some(decoder),
            Err(source) => {
                refuse_out_of_memory("open a video decoder", source)?;
                tracing::warn!(codec = ?config.codec, %source, "the publisher's video configuration is damaged");
                stats.decode_errors += 1;
                None
            }
        };
        self.config = Some(config);
        self.state = State::AwaitsKeyframe;
        Ok(())
    }

    /// Takes the next access unit, its timestamps in output time, and leaves out what `skip` says. Answers whether it was
    /// left out whole.
    pub(crate) fn push(
        &mut self,
        packet: &Packet,
        skip: DecodeSkip,
        stats: &mut VideoStats,
        show: &mut Show<'_>,
    ) -> Result<bool, Error> {
        stats.packets += 1;
        if packet.is_keyframe && matches!(self.state, State::Damaged(_) | State::Tolerant) {
            self.drain(stats, show)?;
        }
        self.state = match self.state {
            _ if packet.is_keyframe => State::Clean,
            State::Damaged(since) if packet.dts - since > PATIENCE => State::Tolerant,
            unchanged => unchanged,
        };
        let is_begun = !matches!(self.state, State::AwaitsKeyframe | State::SkipsToKeyframe);
        let only_keyframes = skip == DecodeSkip::NonKey && is_begun;
        if only_keyframes && !(packet.is_keyframe && self.skip_count.admits_keyframe(packet.dts)) {
            self.drain(stats, show)?;
            self.state = State::SkipsToKeyframe;
        }
        if self.state == State::SkipsToKeyframe {
            stats.skipped += 1;
            return Ok(true);
        }
        let waits = matches!(self.state, State::AwaitsKeyframe | State::Damaged(_));
        let Some(decoder) = self.decoder.as_mut().filter(|_| !waits) else {
            stats.undecodable += 1;
            return Ok(false);
        };
        self.at = packet.dts;
        decoder.skip(skip);
        match decoder.send(&packet.data, packet.pts.ticks(), packet.dts.ticks()) {
            Ok(()) => self.skip_count.sent(),
            Err(source) => self.damage(source, stats)?,
        }
        self.receive(stats, show)?;
        if skip == DecodeSkip::NonKey {
            // It isn't held back to be put in order: what would come before it doesn't come.
            self.drain(stats, show)?;
            self.state = State::SkipsToKeyframe;
        }
        stats.skipped += self.skip_count.take(skip);
        Ok(false)
    }

    /// Takes out what the decoder holds and makes it ready for a keyframe.
    pub(crate) fn drain(&mut self, stats: &mut VideoStats, show: &mut Show<'_>) -> Result<(), Error> {
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        // It refuses only if it is at its end already.
        let _ = decoder.send_end();
        self.receive(stats, show)?;
        if let Some(decoder) = &mut self.decoder {
            decoder.flush();
        }
        self.skip_count.flushed();
        Ok(())
    }

    /// Hands out every picture that the decoder has ready.
    fn receive(&mut self, stats: &mut VideoStats, show: &mut Show<'_>) -> Result<(), Error> {
        while let Some(decoder) = &mut self.decoder {
            let mut picture = frame::Video::empty();
            match decoder.receive(&mut picture) {
                Ok(()) => {}
                Err(error) if ffi::is_drained(error) => break,
                Err(error) => return self.damage(error, stats),
            }
            self.skip_count.received();
            stats.decoded += 1;
            stats.input_size = Some((picture.width(), picture.height()));
            let is_damaged = picture.is_corrupt() || picture.has_decode_errors();
            let decoded = Decoded {
                pts: picture.timestamp().or(picture.pts()).map_or(self.at, Timestamp::from_ticks),
                is_damaged: is_damaged && self.state != State::Tolerant,
                stated_rate: decoder.frame_rate(),
                hinted_rate: self.config.as_ref().and_then(|config| config.frame_rate),
                picture,
            };
            match show(decoded, stats)? {
                Outcome::Taken => {}
                Outcome::Unfit(source) => self.damage(source, stats)?,
            }
        }
        Ok(())
    }

    /// Something could not be decoded: counts it and waits for a keyframe.
    fn damage(&mut self, source: ffmpeg_next::Error, stats: &mut VideoStats) -> Result<(), Error> {
        refuse_out_of_memory("decode a picture", source)?;
        stats.decode_errors += 1;
        if self.state == State::Clean {
            self.state = State::Damaged(self.at);
        }
        Ok(())
    }
}
