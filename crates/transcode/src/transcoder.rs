use media::{MediaDuration, MediaEvent, Packet, Timestamp, Track};

use crate::audio::AudioTrack;
use crate::discipline::Discipline;
use crate::ffi;
use crate::gate::Gate;
use crate::opening::Opening;
use crate::straggler::Straggler;
use crate::timeline::{JUMP, Timeline};
use crate::video::VideoTrack;
use crate::{Error, Options, Relief, Slate, Stats, Still};

/// How far one track may fall behind the other before it counts as stalled.
const STALL: MediaDuration = MediaDuration::from_secs(1);
/// The longest pause before a session that is filled with the last picture and silence by itself.
const LONGEST_PAUSE: MediaDuration = JUMP;
/// Output time by which the tracks take turns while both are filled.
const TURN: MediaDuration = MediaDuration::from_millis(200);

/// How far a track has been produced, and how much of it has been decoded.
type Progress = (Option<Timestamp>, u64);

/// Decodes what a broadcast's publishers send and encodes it as one continuous output.
///
/// Events go in and events come out of the same call; there is no clock, thread or queue inside. A clock may be
/// kept to all the same, if it is said when events [arrived](Transcoder::push_arrived).
/// It holds libav contexts that must stay on one thread, and so must it.
///
/// # Output
/// [`MediaEvent::Video`] (H.264; parameter sets as Annex B) and [`MediaEvent::Audio`] (AAC-LC;
/// AudioSpecificConfig) come before the first packets. Video packets are Annex B access units that
/// begin with a delimiter; keyframes are IDR pictures with their parameter sets in band. Audio
/// packets are raw AAC frames. `dts` grows strictly in each track and equals `pts`, since nothing
/// is reordered.
///
/// A broadcast with pictures always has sound, be it silence. One that begins with sound alone has
/// no pictures until some arrive; then [`MediaEvent::Video`] comes in its midst. The picture's size
/// is decided by the first one; whatever comes later is fitted into it between black bars.
pub struct Transcoder {
    timeline: Timeline,
    discipline: Discipline,
    video_straggler: Straggler,
    audio_straggler: Straggler,
    /// When what is pushed arrived; `None` where no clock is kept to.
    arrived: Option<Timestamp>,
    opening: Option<Opening>,
    /// Where the session that opens is to begin at the earliest.
    at: Timestamp,
    gate: Gate,
    video: VideoTrack,
    audio: AudioTrack,
    /// Whether the session delivers pictures, and sound, as far as one can tell.
    has_pictures: bool,
    has_sound: bool,
}

impl Transcoder {
    /// Checks the options; encoders are opened when there is something to encode.
    pub fn new(options: Options) -> Result<Self, Error> {
        options.check()?;
        Ok(Self {
            timeline: Timeline::new(),
            discipline: Discipline::default(),
            video_straggler: Straggler::default(),
            audio_straggler: Straggler::default(),
            arrived: None,
            opening: Some(Opening::default()),
            at: Timestamp::ZERO,
            gate: Gate::default(),
            video: VideoTrack::new(options.video),
            audio: AudioTrack::new(options.audio),
            has_pictures: false,
            has_sound: false,
        })
    }

    /// A new publisher session starts: its first timestamps are mapped so that output goes on at
    /// `at` or later, whatever its own clock says.
    ///
    /// The encoders go on. A pause of up to ten seconds between the [position](Self::position) and
    /// `at` is filled; a longer one stays a hole, unless [`Transcoder::fill_until`] has filled it.
    pub fn start_session(&mut self, at: Timestamp) {
        self.at = at;
        self.discipline.start_session();
        self.video_straggler = Straggler::default();
        self.audio_straggler = Straggler::default();
        self.opening = Some(Opening::default());
        self.video.end_session();
        self.audio.end_session();
    }

    /// Takes the next event of the session, which arrived at `arrived` of the wall clock, whatever its origin, and
    /// does what [`push`](Self::push) does.
    ///
    /// Output then goes at the wall clock's pace: the publisher's clock may drift, and is steered by at most half
    /// a percent; it may stand still, and is put on time. See `docs/time.md`.
    pub fn push_arrived(
        &mut self,
        event: MediaEvent,
        arrived: Timestamp,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        self.arrived = Some(arrived);
        let is_first = self.opening.as_ref().is_some_and(|opening| opening.start().is_none());
        if is_first && matches!(event, MediaEvent::Packet(_)) {
            self.pause(arrived);
            self.at = self.at.max(self.live_edge(arrived));
        }
        self.push(event, out)
    }

    /// Whether the broadcast's output begins with `event`, as far as one can tell: it is the first that is shown, or, where
    /// pictures come, the first picture.
    pub fn begins_with(&self, event: &MediaEvent) -> bool {
        let has_begun = self.audio.position().is_some();
        !has_begun && self.opening.as_ref().is_some_and(|opening| opening.begins_with(event))
    }

    /// There is no session, or it has been silent: what output is ahead of the [live edge](Self::live_edge) by `now` of the
    /// wall clock, it stays ahead.
    pub fn pause(&mut self, now: Timestamp) {
        self.discipline.pause(now, self.position());
    }

    /// Where output should be by `now` of the wall clock, to go on at its pace; never before the
    /// [position](Self::position).
    pub fn live_edge(&self, now: Timestamp) -> Timestamp {
        self.discipline.edge(now, self.position())
    }

    /// Takes the next event of the session; hands what comes of it to `out`.
    ///
    /// Damaged or undecodable input is counted, not an error. After an error the transcoder is of
    /// no more use.
    pub fn push(&mut self, event: MediaEvent, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Some(opening) = &mut self.opening else { return self.process(event, out) };
        match opening.push(event).map(|packet| packet.track) {
            Some(Track::Video) => self.video.count_undecodable(),
            Some(Track::Audio) => self.audio.count_undecodable(),
            None => {}
        }
        match opening.anchor() {
            Some(anchor) => self.begin(anchor, out),
            None => Ok(()),
        }
    }

    /// Nothing came for a while: goes on to `until` with the last picture and silence, at the
    /// nominal rate.
    ///
    /// Does nothing before the broadcast's first output. What the session sends later for the time
    /// that was filled is dropped.
    pub fn fill_until(&mut self, until: Timestamp, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        self.fill(until, until, out)?;
        self.open_gate(out);
        Ok(())
    }

    /// Shows `slate` in place of the last picture until there is another. Does nothing before the first.
    pub fn show(&mut self, slate: &Slate) -> Result<(), Error> {
        self.video.show_slate(slate)
    }

    /// Cuts the work down, or up again, from the next picture (the preset: from the next keyframe) on.
    pub fn relieve(&mut self, relief: Relief) {
        self.video.relieve(relief);
    }

    /// Output is far behind what arrives: from now on pictures are decoded, but hardly any is encoded besides
    /// keyframes; or that is over.
    pub fn hurry(&mut self, hurry: bool) {
        self.video.hurry(hurry);
    }

    /// The end of what has been produced, in output time. Before anything has been, where the
    /// session is to begin.
    pub fn position(&self) -> Timestamp {
        self.video.position().max(self.audio.position()).unwrap_or(self.at)
    }

    /// The picture that viewers see at the [position](Self::position), fitted into a box, without
    /// another decode; `None` before the first. The first call decides the size of all stills.
    pub fn still(&mut self, width: u32, height: u32) -> Result<Option<Still>, Error> {
        self.video.still(width, height)
    }

    /// What has been done so far.
    pub fn stats(&self) -> Stats {
        Stats { video: self.video.stats(), audio: self.audio.stats(), timestamp_jumps: self.timeline.jumps() }
    }

    /// The broadcast is over: hands out what decoders and encoders still hold.
    pub fn finish(mut self, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        if let Some(anchor) = self.opening.as_ref().and_then(Opening::start) {
            self.begin(anchor, out)?;
        }
        let Self { video, mut audio, mut gate, has_sound, .. } = self;
        let end = video.position();
        let mut emit = |event| gate.pass(event, out);
        video.finish(&mut emit)?;
        if let Some(end) = end.filter(|_| !has_sound) {
            audio.fill_until(end, &mut emit)?;
        }
        audio.finish(&mut emit)?;
        gate.open(out);
        ffi::release();
        Ok(())
    }

    /// The session's tracks are known: maps its `anchor` to where the output goes on.
    fn begin(&mut self, anchor: Timestamp, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let Some(opening) = self.opening.take() else { return Ok(()) };
        let base = self.at.max(self.position());
        if self.audio.position().is_none() {
            self.audio.begin(base, &mut |event| self.gate.pass(event, out))?;
        } else if base - self.position() > LONGEST_PAUSE {
            self.video.skip_to(base);
            self.audio.skip_to(base, &mut |event| self.gate.pass(event, out))?;
        } else {
            self.fill(base, base, out)?;
        }
        self.timeline.start(anchor, base);
        self.video.start_session(base);
        self.has_pictures = opening.has_keyframe();
        self.has_sound = opening.has_audio();
        for event in opening.into_events() {
            self.process(event, out)?;
        }
        Ok(())
    }

    fn process(&mut self, event: MediaEvent, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        match event {
            MediaEvent::Video(config) => {
                self.video.configure(config, &mut |event| self.gate.pass(event, out))?;
            }
            MediaEvent::Audio(config) => self.audio.configure(config)?,
            MediaEvent::Packet(packet) => self.take(packet, out)?,
        }
        self.open_gate(out);
        Ok(())
    }

    fn take(&mut self, mut packet: Packet, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        if (packet.pts - packet.dts).abs() > JUMP {
            packet.pts = packet.dts;
        }
        let mut offset = self.timeline.offset(packet.dts, self.position());
        if let Some(arrived) = self.arrived {
            let shift = self.discipline.observe(packet.dts + offset, arrived);
            self.timeline.shift(shift);
            offset += shift;
        }
        let pts = packet.pts + offset;
        offset += match packet.track {
            Track::Video => self.video_straggler.observe(pts, self.video.position()),
            Track::Audio => self.audio_straggler.observe(pts, self.audio.position()),
        };
        packet.dts += offset;
        packet.pts += offset;
        self.bridge(&packet, out)?;
        // A track that was carried along is back once it is decoded, shown or not, unless it comes so late that it would
        // be carried again: carried on, it would stay too late to be shown.
        let is_timely = self.position() - packet.pts <= STALL;
        let is_back =
            |before: Progress, after: Progress| after.0 > before.0 || is_timely && after.1 > before.1;
        match packet.track {
            Track::Video => {
                let before = (self.video.position(), self.video.decoded());
                self.video.push(&packet, &mut |event| self.gate.pass(event, out))?;
                self.has_pictures |= is_back(before, (self.video.position(), self.video.decoded()));
            }
            Track::Audio => {
                let before = (self.audio.position(), self.audio.decoded());
                self.audio.push(&packet, &mut |event| self.gate.pass(event, out))?;
                self.has_sound |= is_back(before, (self.audio.position(), self.audio.decoded()));
            }
        }
        self.balance(out)
    }

    /// Fills what is missing on both tracks before a packet that comes long after the last.
    fn bridge(&mut self, packet: &Packet, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let pts = packet.pts;
        let own = match packet.track {
            Track::Video => self.video.position(),
            Track::Audio => self.audio.position(),
        };
        if own.is_none_or(|own| pts - own <= STALL) {
            return Ok(());
        }
        // The other track may still be on its way, but no further behind than a stall.
        match packet.track {
            Track::Video => self.fill(pts, pts - STALL, out),
            Track::Audio => self.fill(pts - STALL, pts, out),
        }
    }

    /// Carries a track that is absent or has stalled along with the other.
    fn balance(&mut self, out: &mut dyn FnMut(MediaEvent)) -> Result<(), Error> {
        let (Some(video), Some(audio)) = (self.video.position(), self.audio.position()) else {
            return Ok(());
        };
        self.has_sound &= video - audio <= STALL;
        self.has_pictures &= audio - video <= STALL;
        if !self.has_sound {
            self.fill(Timestamp::ZERO, video, out)?;
        }
        if !self.has_pictures {
            self.fill(audio, Timestamp::ZERO, out)?;
        }
        Ok(())
    }

    /// Repeats the last picture up to one time and inserts silence up to another, in turns.
    fn fill(
        &mut self,
        video_until: Timestamp,
        audio_until: Timestamp,
        out: &mut dyn FnMut(MediaEvent),
    ) -> Result<(), Error> {
        let mut emit = |event| self.gate.pass(event, out);
        let end = video_until.max(audio_until);
        let behind = [(self.video.position(), video_until), (self.audio.position(), audio_until)];
        let lacking = behind.into_iter().filter_map(|(at, until)| at.filter(|at| *at < until));
        let Some(mut turn) = lacking.min() else { return Ok(()) };
        while turn < end {
            turn = (turn + TURN).min(end);
            self.video.repeat_until(turn.min(video_until), &mut emit)?;
            self.audio.fill_until(turn.min(audio_until), &mut emit)?;
        }
        Ok(())
    }

    /// Lets output out as soon as the first picture is there, or isn't to be expected.
    fn open_gate(&mut self, out: &mut dyn FnMut(MediaEvent)) {
        if self.gate.is_open() {
            return;
        }
        let sounded = self.audio.position().map(|position| position - self.at);
        let waited_enough = sounded.is_some_and(|sounded| !self.has_pictures || sounded > STALL);
        if self.gate.has_pictures() || waited_enough {
            self.gate.open(out);
        }
    }
}
