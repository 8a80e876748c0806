use std::collections::VecDeque;

use ffmpeg_next::codec::Id;
use ffmpeg_next::{decoder, frame};
use media::{AudioCodec, AudioConfig, MediaDuration, MediaEvent, Packet, Timestamp, Track};

use crate::align::{Aligner, Alignment};
use crate::error::{libav, refuse_out_of_memory};
use crate::ffi::{self, AudioEncoder, Coded, Decoder, Resampler};
use crate::{AudioOptions, AudioStats, Error, encode};

/// One sample of both channels.
type Sample = [f32; 2];

const SILENCE: Sample = [0.0; 2];

/// The sound's way through: decode, resample, align, encode.
pub(crate) struct AudioTrack {
    options: AudioOptions,
    config: Option<AudioConfig>,
    decoder: Option<Decoder>,
    resampler: Option<Resampler>,
    block: Vec<Sample>,
    aligner: Aligner,
    output: Option<Output>,
    stats: AudioStats,
}

/// What exists from the beginning of the broadcast on: samples in a row, counted from the origin.
struct Output {
    origin: Timestamp,
    rate: u32,
    /// The number of the next sample.
    next: i64,
    /// Samples that don't fill a frame yet.
    waiting: VecDeque<Sample>,
    encoder: AudioEncoder,
    sound: frame::Audio,
}

impl AudioTrack {
    pub(crate) fn new(options: AudioOptions) -> Self {
        Self {
            aligner: Aligner::new(options.sample_rate),
            options,
            config: None,
            decoder: None,
            resampler: None,
            block: Vec::new(),
            output: None,
            stats: AudioStats::default(),
        }
    }

    /// The broadcast begins at `origin`: from now on there is sound, be it silence.
    pub(crate) fn begin(&mut self, origin: Timestamp, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let encoder = encode::open_audio(&self.options)?;
        let rate = self.options.sample_rate;
        let sound =
            ffi::allocate_sound(AudioEncoder::FRAME, rate).map_err(libav("allocate a frame of sound"))?;
        let config = AudioConfig {
            codec: AudioCodec::Aac,
            extradata: encoder.config(),
            sample_rate: rate,
            channels: 2,
        };
        out(MediaEvent::Audio(config));
        let waiting = VecDeque::with_capacity(2 * AudioEncoder::FRAME);
        self.output = Some(Output { origin, rate, next: 0, waiting, encoder, sound });
        Ok(())
    }

    /// The session is over: nothing of it is carried into the next.
    pub(crate) fn end_session(&mut self) {
        self.config = None;
        self.decoder = None;
        self.resampler = None;
        self.aligner.restart();
    }

    /// The packets that follow are coded so.
    pub(crate) fn configure(&mut self, config: AudioConfig) -> Result<(), Error> {
        if let (Some(current), Some(_)) = (&self.config, &self.decoder)
            && *current == config
        {
            return Ok(());
        }
        let id = match config.codec {
            AudioCodec::Aac => Id::AAC,
            AudioCodec::Mp3 => Id::MP3,
            AudioCodec::Opus => Id::OPUS,
            AudioCodec::Flac => Id::FLAC,
            AudioCodec::Ac3 => Id::AC3,
            AudioCodec::Eac3 => Id::EAC3,
        };
        let codec = decoder::find(id).ok_or(Error::NoAudioDecoder { codec: config.codec })?;
        self.decoder = match Decoder::open(codec, &config.extradata) {
            Ok(decoder) => Some(decoder),
            Err(source) => {
                refuse_out_of_memory("open an audio decoder", source)?;
                tracing::warn!(codec = ?config.codec, %source, "the publisher's audio configuration is damaged");
                self.stats.decode_errors += 1;
                None
            }
        };
        self.config = Some(config);
        Ok(())
    }

    /// Takes the next access unit, its timestamps in output time.
    pub(crate) fn push(&mut self, packet: &Packet, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        self.stats.packets += 1;
        let Some(decoder) = &mut self.decoder else {
            self.stats.undecodable += 1;
            return Ok(());
        };
        if let Err(source) = decoder.send(&packet.data, packet.pts.ticks(), packet.dts.ticks()) {
            self.damage(source)?;
        }
        while let Some(decoder) = &mut self.decoder {
            let mut sound = frame::Audio::empty();
            match decoder.receive(&mut sound) {
                Ok(()) => self.take(&sound, out)?,
                Err(error) if ffi::is_drained(error) => break,
                Err(error) => {
                    self.damage(error)?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// A packet that comes before anything could be decoded.
    pub(crate) fn count_undecodable(&mut self) {
        self.stats.packets += 1;
        self.stats.undecodable += 1;
    }

    /// Goes on in silence until the output reaches `until`.
    pub(crate) fn fill_until(
        &mut self,
        until: Timestamp,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        let Some(output) = &mut self.output else { return Ok(()) };
        let missing = output.number_at(until) - output.next;
        self.append_silence(usize::try_from(missing).unwrap_or(0), out)
    }

    /// Leaves a hole up to `to`: the gap is too long to be filled.
    pub(crate) fn skip_to(&mut self, to: Timestamp, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Some(output) = &self.output else { return Ok(()) };
        let missing = (AudioEncoder::FRAME - output.waiting.len()) % AudioEncoder::FRAME;
        self.append_silence(missing, out)?;
        if let Some(output) = &mut self.output {
            output.next = output.next.max(output.number_at(to));
        }
        Ok(())
    }

    /// The end of the last sample; `None` before the broadcast begins.
    pub(crate) fn position(&self) -> Option<Timestamp> {
        self.output.as_ref().map(|output| output.time_of(output.next))
    }

    /// How many samples have been decoded, at the input's rate.
    pub(crate) fn decoded(&self) -> u64 {
        self.stats.decoded_samples
    }

    /// What has been done so far.
    pub(crate) fn stats(&self) -> AudioStats {
        self.stats.clone()
    }

    /// Hands out what the encoder still holds.
    pub(crate) fn finish(mut self, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let waiting = self.output.as_ref().map_or(0, |output| output.waiting.len());
        self.append_silence((AudioEncoder::FRAME - waiting) % AudioEncoder::FRAME, out)?;
        let Some(output) = self.output.take() else { return Ok(()) };
        let Output { origin, rate, encoder, .. } = output;
        let stats = &mut self.stats;
        let mut emit = |coded| emit(coded, origin, rate, stats, out);
        encoder.finish(&mut emit).map_err(libav("finish the audio encoder"))
    }

    /// Converts one decoded frame and puts it where its timestamp says.
    fn take(&mut self, sound: &frame::Audio, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Some(output) = &self.output else { return Ok(()) };
        self.stats.decoded_samples += sound.samples() as u64;
        self.stats.input_sample_rate = Some(sound.rate());
        self.stats.input_channels = Some(u32::from(sound.channels()));
        if !self.resampler.as_ref().is_some_and(|resampler| resampler.fits(sound)) {
            self.resampler = None;
            match Resampler::new(sound, output.rate) {
                Ok(resampler) => self.resampler = Some(resampler),
                Err(source) => return self.damage(source),
            }
        }
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        let ahead = output.next + resampler.delay();
        let stamped = sound.timestamp().or(sound.pts()).map(Timestamp::from_ticks);
        let drift = stamped.map_or(0, |at| output.number_at(at) - ahead);
        let mut block = std::mem::take(&mut self.block);
        let converted = resampler
            .compensate(self.aligner.compensation())
            .and_then(|()| resampler.convert(sound, &mut block));
        if let Err(source) = converted {
            return self.damage(source);
        }
        let (missing, late) = match self.aligner.place(drift, block.len()) {
            Alignment::Append => (0, 0),
            Alignment::Fill(missing) => (missing, 0),
            Alignment::Drop(late) => (0, late.min(block.len())),
        };
        self.stats.dropped_samples += late as u64;
        let (silence, lead) = self.begin_with(missing, block.len() - late);
        self.append_silence(silence, out)?;
        self.append(&block[late + lead..], out)?;
        self.block = block;
        Ok(())
    }

    /// How much of the silence and how many samples less of the sound behind it are to be appended: a broadcast's first leave out
    /// what would keep the publisher's frames from ending where the encoder's do, as each would wait for a piece of the next.
    fn begin_with(&mut self, silence: usize, sound: usize) -> (usize, usize) {
        let Some(output) = self.output.as_mut().filter(|output| output.next == 0) else {
            return (silence, 0);
        };
        let lead = (silence + sound) % AudioEncoder::FRAME;
        output.next = lead as i64;
        (silence.saturating_sub(lead), lead.saturating_sub(silence))
    }

    fn append_silence(&mut self, mut count: usize, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        self.stats.filled_samples += count as u64;
        while count > 0 {
            let length = count.min(AudioEncoder::FRAME);
            self.append(&[SILENCE; AudioEncoder::FRAME][..length], out)?;
            count -= length;
        }
        Ok(())
    }

    /// Adds samples at the end and encodes whole frames.
    fn append(&mut self, samples: &[Sample], out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Some(output) = &mut self.output else { return Ok(()) };
        output.waiting.extend(samples);
        output.next += samples.len() as i64;
        while output.waiting.len() >= AudioEncoder::FRAME {
            let first = output.next - output.waiting.len() as i64;
            ffi::make_writable(&mut output.sound).map_err(libav("allocate a frame of sound"))?;
            for channel in 0..2 {
                let plane = output.sound.plane_mut::<f32>(channel);
                for (to, from) in plane.iter_mut().zip(&output.waiting) {
                    *to = from[channel];
                }
            }
            output.waiting.drain(..AudioEncoder::FRAME);
            output.sound.set_pts(Some(first));
            let (origin, rate, stats) = (output.origin, output.rate, &mut self.stats);
            let mut emit = |coded| emit(coded, origin, rate, stats, out);
            output.encoder.encode(&output.sound, &mut emit).map_err(libav("encode sound"))?;
        }
        Ok(())
    }

    fn damage(&mut self, source: ffmpeg_next::Error) -> Result<(), Error> {
        refuse_out_of_memory("decode sound", source)?;
        self.stats.decode_errors += 1;
        Ok(())
    }
}

impl Output {
    fn number_at(&self, at: Timestamp) -> i64 {
        (at - self.origin).to_samples(self.rate)
    }

    fn time_of(&self, number: i64) -> Timestamp {
        self.origin + MediaDuration::from_samples(number, self.rate)
    }
}

fn emit(coded: Coded, origin: Timestamp, rate: u32, stats: &mut AudioStats, out: &mut dyn FnMut(MediaEvent)) {
    if coded.pts < 0 {
        // The very first frame only fills the decoder's overlap; it would play before the origin.
        return;
    }
    stats.encoded += 1;
    stats.bytes += coded.data.len() as u64;
    let pts = origin + MediaDuration::from_samples(coded.pts, rate);
    out(MediaEvent::Packet(Packet {
        track: Track::Audio,
        pts,
        dts: pts,
        is_keyframe: true,
        data: coded.data,
    }));
}
