use media::{MediaDuration, MediaEvent, Packet, Timestamp, Track};

/// Media time after which a track that hasn't shown up isn't waited for.
const TRACK_WAIT: MediaDuration = MediaDuration::from_millis(500);
/// Media time after which a keyframe isn't waited for.
const KEYFRAME_WAIT: MediaDuration = MediaDuration::from_secs(1);
/// Bounds on what is held back, whatever the timestamps say.
const MAX_EVENTS: usize = 512;
const MAX_BYTES: usize = 16 << 20;

/// The beginning of a session: holds its events until it is clear which tracks it has and which of
/// its timestamps is shown first.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    held: Vec<MediaEvent>,
    bytes: usize,
    has_video: bool,
    has_audio: bool,
    keyframe: Option<Timestamp>,
    first: Option<Timestamp>,
    newest: Timestamp,
}

impl Opening {
    /// Takes the next event. A packet that nothing could be made of is given back.
    pub(crate) fn push(&mut self, event: MediaEvent) -> Option<Packet> {
        match &event {
            MediaEvent::Video(config) => {
                self.has_video = true;
                self.supersede(|held| matches!(held, MediaEvent::Video(_)));
                self.bytes += config.extradata.len();
            }
            MediaEvent::Audio(config) => {
                self.has_audio = true;
                self.supersede(|held| matches!(held, MediaEvent::Audio(_)));
                self.bytes += config.extradata.len();
            }
            MediaEvent::Packet(packet) => {
                let decodable = match packet.track {
                    Track::Video => self.has_video && (self.keyframe.is_some() || packet.is_keyframe),
                    Track::Audio => self.has_audio,
                };
                if !decodable {
                    let MediaEvent::Packet(packet) = event else { return None };
                    return Some(packet);
                }
                if packet.track == Track::Video && self.keyframe.is_none() {
                    self.keyframe = Some(packet.pts);
                }
                let first = self.first.map_or(packet.dts, |first| first.min(packet.dts));
                self.newest = if self.first.is_none() { packet.dts } else { self.newest.max(packet.dts) };
                self.first = Some(first);
                self.bytes += packet.data.len();
            }
        }
        self.held.push(event);
        None
    }

    /// Whether the session begins with `event`, unless a picture comes after a sound.
    pub(crate) fn begins_with(&self, event: &MediaEvent) -> bool {
        let MediaEvent::Packet(packet) = event else { return false };
        match packet.track {
            Track::Video => self.has_video && self.keyframe.is_none() && packet.is_keyframe,
            Track::Audio => self.has_audio && self.start().is_none(),
        }
    }

    /// Forgets configurations that no packet used.
    fn supersede(&mut self, is_former: impl Fn(&MediaEvent) -> bool) {
        if self.first.is_none() {
            self.held.retain(|held| !is_former(held));
        }
    }

    /// The timestamp that the session begins with, once that is clear: the first picture's, or the
    /// first sample's where there are no pictures.
    pub(crate) fn anchor(&self) -> Option<Timestamp> {
        let first = self.first?;
        if self.has_audio && self.keyframe.is_some() {
            return self.keyframe;
        }
        let span = self.newest - first;
        let full = self.held.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES;
        let wait = if self.has_video && self.keyframe.is_none() { KEYFRAME_WAIT } else { TRACK_WAIT };
        (full || span >= wait).then(|| self.start())?
    }

    /// The timestamp to begin with if nothing more comes; `None` if nothing came at all.
    pub(crate) fn start(&self) -> Option<Timestamp> {
        self.keyframe.or(self.first)
    }

    /// Whether pictures are to be expected at once.
    pub(crate) fn has_keyframe(&self) -> bool {
        self.keyframe.is_some()
    }

    /// Whether there is sound.
    pub(crate) fn has_audio(&self) -> bool {
        self.has_audio
    }

    /// What was held, in order.
    pub(crate) fn into_events(self) -> Vec<MediaEvent> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::{AudioCodec, AudioConfig, VideoCodec, VideoConfig};
    use proptest::prelude::*;

    use super::*;

    fn video() -> MediaEvent {
        let (codec, extradata) = (VideoCodec::H264, Bytes::new());
        MediaEvent::Video(VideoConfig { codec, extradata, width: 0, height: 0, frame_rate: None })
    }

    fn audio() -> MediaEvent {
        let (codec, extradata) = (AudioCodec::Aac, Bytes::new());
        MediaEvent::Audio(AudioConfig { codec, extradata, sample_rate: 48_000, channels: 2 })
    }

    fn packet(track: Track, millis: i64, is_keyframe: bool) -> MediaEvent {
        let pts = Timestamp::from_millis(millis);
        MediaEvent::Packet(Packet { track, pts, dts: pts, is_keyframe, data: Bytes::from_static(&[0; 10]) })
    }

    fn opened(events: impl IntoIterator<Item = MediaEvent>) -> Opening {
        let mut opening = Opening::default();
        for event in events {
            opening.push(event);
        }
        opening
    }

    #[test]
    fn output_begins_with_a_picture_where_there_are_any() {
        let mut opening = Opening::default();
        for (event, begins) in [
            (packet(Track::Audio, 0, true), false),
            (audio(), false),
            (video(), false),
            (packet(Track::Video, 20, false), false),
            (packet(Track::Audio, 30, true), true),
            (packet(Track::Audio, 50, true), false),
            (packet(Track::Video, 60, true), true),
            (packet(Track::Video, 90, true), false),
        ] {
            assert_eq!(opening.begins_with(&event), begins, "{event:?}");
            opening.push(event);
        }
    }

    #[test]
    fn both_tracks_start_at_once_with_the_first_picture() {
        let opening =
            opened([video(), audio(), packet(Track::Audio, 0, true), packet(Track::Video, 67, true)]);
        assert_eq!(opening.anchor(), Some(Timestamp::from_millis(67)));
    }

    #[test]
    fn a_single_track_is_given_half_a_second() {
        let frames = |until: i64| (0..until).step_by(20).map(|at| packet(Track::Audio, at, true));
        assert_eq!(opened([audio()].into_iter().chain(frames(500))).anchor(), None);
        assert_eq!(opened([audio()].into_iter().chain(frames(501))).anchor(), Some(Timestamp::ZERO));
    }

    #[test]
    fn a_keyframe_that_does_not_come_is_not_waited_for_long() {
        let mut opening = opened([video(), audio()]);
        for at in (0..=1000).step_by(20) {
            assert_eq!(opening.anchor(), None);
            assert!(opening.push(packet(Track::Video, at, false)).is_some(), "undecodable");
            opening.push(packet(Track::Audio, at, true));
        }
        assert_eq!(opening.anchor(), Some(Timestamp::ZERO));
    }

    #[test]
    fn configurations_alone_do_not_pile_up() {
        let opening = opened((0..1000).flat_map(|_| [video(), audio()]));
        assert_eq!(opening.held.len(), 2);
        assert_eq!(opening.anchor(), None);
    }

    proptest! {
        #[test]
        fn what_is_held_is_bounded(times in prop::collection::vec((any::<bool>(), any::<bool>(), 0i64..100), 0..2000)) {
            let mut opening = opened([video(), audio()]);
            for (is_video, key, at) in times {
                if opening.anchor().is_some() {
                    break;
                }
                opening.push(packet(if is_video { Track::Video } else { Track::Audio }, at, key));
                prop_assert!(opening.held.len() <= MAX_EVENTS);
            }
        }
    }
}
