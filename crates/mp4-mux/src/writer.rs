use std::time::SystemTime;

use bytes::BytesMut;
use media::{
    AudioCodec, AudioConfig, MediaEvent, Packet, TICKS_PER_SECOND, Timestamp, Track as Kind, VideoCodec,
    VideoConfig,
};
use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig};
use mp4_atom::{Audio, Avc1, Codec, Esds, FixedPoint, Mp4a, Visual};

use crate::avc::{self, Framing, ParameterSets};
use crate::track::Track;
use crate::{Error, Movie};

/// Object type of MPEG-4 audio and stream type of sound (ISO/IEC 14496-1 §7.2.6.6).
const MPEG4_AUDIO: u8 = 0x40;
const AUDIO_STREAM: u8 = 5;

/// Writes the media of a file, and remembers where everything is.
///
/// The file shows what the packets' timestamps say: a sample lasts until the next one's time, so a
/// gap is a picture that stands still, and a track that begins late begins late. Video begins with its
/// first key frame.
#[derive(Debug)]
pub struct Writer {
    created: SystemTime,
    pub(crate) video: Option<Video>,
    pub(crate) audio: Option<Track>,
    /// Bytes of media handed out.
    pub(crate) written: u64,
    /// The access unit in hand, rewritten; kept for its room.
    unit: BytesMut,
}

#[derive(Debug)]
pub(crate) struct Video {
    pub(crate) track: Track,
    pub(crate) framing: Framing,
    pub(crate) sets: ParameterSets,
    /// Nothing can be decoded before a key frame.
    pub(crate) needs_keyframe: bool,
}

impl Writer {
    /// A writer of a file that was begun at `created`.
    pub fn new(created: SystemTime) -> Self {
        Self { created, video: None, audio: None, written: 0, unit: BytesMut::new() }
    }

    /// Takes the next event, and appends to `out` what media is complete: the tracks take turns, about
    /// once a second.
    ///
    /// # Errors
    ///
    /// What is wrong with the event. It is left out, and the next one is welcome.
    pub fn push(&mut self, event: &MediaEvent, out: &mut BytesMut) -> Result<(), Error> {
        match event {
            MediaEvent::Video(config) => self.configure_video(config, out),
            MediaEvent::Audio(config) => self.configure_audio(config, out),
            MediaEvent::Packet(packet) if packet.track == Kind::Video => self.push_video(packet, out),
            MediaEvent::Packet(packet) => self.push_audio(packet, out),
        }
    }

    /// Appends what media is in hand: the tracks' turns end here.
    pub fn flush(&mut self, out: &mut BytesMut) {
        let video = self.video.as_mut().map(|video| &mut video.track);
        for track in video.into_iter().chain(&mut self.audio) {
            track.flush(&mut self.written, out);
        }
    }

    /// Appends the rest of the media. What is left is the index.
    pub fn finish(mut self, out: &mut BytesMut) -> Movie {
        self.flush(out);
        let tracks = [self.video.map(|video| video.track), self.audio];
        Movie::new(self.created, tracks.into_iter().flatten().collect(), self.written)
    }

    /// Bytes that the tables of the index have at most: all of it but what is always there and its descriptions, which
    /// are some hundred bytes each.
    pub fn index_bytes(&self) -> usize {
        let video = self.video.as_ref().map(|video| &video.track);
        video.into_iter().chain(&self.audio).map(|track| track.log.end().table_bytes()).sum()
    }

    /// Bytes of media that were appended so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    fn configure_video(&mut self, config: &VideoConfig, out: &mut BytesMut) -> Result<(), Error> {
        if config.codec != VideoCodec::H264 {
            return Err(Error::UnsupportedVideo(config.codec));
        }
        let (framing, sets) = avc::read_config(&config.extradata)?;
        let video = self.video.get_or_insert_with(|| Video {
            track: Track::new(Kind::Video, TICKS_PER_SECOND as u32),
            framing,
            sets: ParameterSets::default(),
            needs_keyframe: true,
        });
        (video.framing, video.needs_keyframe) = (framing, true);
        if sets == ParameterSets::default() {
            return Ok(());
        }
        video.describe(sets, &mut self.written, out)
    }

    fn configure_audio(&mut self, config: &AudioConfig, out: &mut BytesMut) -> Result<(), Error> {
        if config.codec != AudioCodec::Aac {
            return Err(Error::UnsupportedAudio(config.codec));
        }
        if config.extradata.is_empty() || config.sample_rate == 0 {
            return Err(Error::AudioConfig);
        }
        let track = self.audio.get_or_insert_with(|| Track::new(Kind::Audio, config.sample_rate));
        track.describe(mp4a(config), &mut self.written, out)
    }

    fn push_video(&mut self, packet: &Packet, out: &mut BytesMut) -> Result<(), Error> {
        let Some(video) = &mut self.video else {
            return Err(Error::Unconfigured { track: Kind::Video, pts: packet.pts });
        };
        if video.needs_keyframe && !packet.is_keyframe {
            return Ok(());
        }
        video.track.check(packet)?;
        self.unit.clear();
        let malformed = |offset| Error::AccessUnit { pts: packet.pts, offset, length: packet.data.len() };
        let brought = avc::rewrite(video.framing, &packet.data, &mut self.unit).map_err(malformed)?;
        if self.unit.is_empty() {
            return Err(malformed(0));
        }
        if brought != ParameterSets::default() {
            let mut sets = video.sets.clone();
            sets.replace_by(brought);
            if sets != video.sets {
                video.describe(sets, &mut self.written, out)?;
            }
        }
        if !video.track.is_described() {
            return Err(Error::Unconfigured { track: Kind::Video, pts: packet.pts });
        }
        video.needs_keyframe = false;
        video.track.push(packet, |chunk| chunk.extend_from_slice(&self.unit));
        self.flush_if_due(out);
        Ok(())
    }

    fn push_audio(&mut self, packet: &Packet, out: &mut BytesMut) -> Result<(), Error> {
        let Some(track) = self.audio.as_mut().filter(|track| track.is_described()) else {
            return Err(Error::Unconfigured { track: Kind::Audio, pts: packet.pts });
        };
        track.check(packet)?;
        track.push(packet, |chunk| chunk.extend_from_slice(&packet.data));
        self.flush_if_due(out);
        Ok(())
    }

    fn flush_if_due(&mut self, out: &mut BytesMut) {
        let video = self.video.as_ref().map(|video| &video.track);
        if video.into_iter().chain(&self.audio).any(Track::is_due) {
            self.flush(out);
        }
    }
}

impl Video {
    /// Those parameter sets are in force from here on.
    fn describe(&mut self, sets: ParameterSets, written: &mut u64, out: &mut BytesMut) -> Result<(), Error> {
        let (avcc, width, height) = sets.record()?;
        let visual = Visual { data_reference_index: 1, width, height, ..Visual::default() };
        self.track.describe(Codec::Avc1(Avc1 { visual, avcc, ..Avc1::default() }), written, out)?;
        self.sets = sets;
        Ok(())
    }
}

fn mp4a(config: &AudioConfig) -> Codec {
    let dec_specific = DecoderSpecific { raw: config.extradata.to_vec(), ..DecoderSpecific::default() };
    let dec_config = DecoderConfig {
        object_type_indication: MPEG4_AUDIO,
        stream_type: AUDIO_STREAM,
        dec_specific: Some(dec_specific),
        ..DecoderConfig::default()
    };
    let audio = Audio {
        data_reference_index: 1,
        channel_count: config.channels.into(),
        sample_size: 16,
        // The field is too narrow for rates above 65535 Hz; readers go by the AudioSpecificConfig.
        sample_rate: FixedPoint::from(u16::try_from(config.sample_rate).unwrap_or(0)),
    };
    let es_desc = EsDescriptor { es_id: 2, dec_config, sl_config: SLConfig {}, ..EsDescriptor::default() };
    Codec::Mp4a(Mp4a { audio, esds: Esds { es_desc }, btrt: None, taic: None })
}

/// When something is presented that is decoded at `first`.
pub(crate) fn presented(first: Timestamp, offset: i64, timescale: u32) -> Timestamp {
    first + media::MediaDuration::from_samples(offset, timescale)
}
