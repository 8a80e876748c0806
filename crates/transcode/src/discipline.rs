use std::collections::VecDeque;

use media::{MediaDuration, Timestamp};

use crate::timeline::JUMP;

/// Leads are the most of a second, and of so many seconds: a packet that the network held up, or a burst that
/// follows it, says nothing of the publisher's clock.
const SECOND: MediaDuration = MediaDuration::from_secs(1);
const WINDOW: usize = 30;
/// Seconds that must have been seen before anything is made of them.
const ENOUGH: usize = 10;
/// How long the first session says what lead the broadcast has: what it begins with is kept, even a burst.
const LEARNING: MediaDuration = MediaDuration::from_secs(5);
/// How long a later session may begin with a burst, and how far that may go.
const BURST_TIME: MediaDuration = MediaDuration::from_secs(2);
const BURST: MediaDuration = MediaDuration::from_millis(500);
/// So much is left alone.
const TOLERATED: MediaDuration = MediaDuration::from_millis(20);
/// Seconds in which what is wrong would be made good, at first.
const TIME_CONSTANT: f64 = 100.0;
/// The most that output may run faster or slower than the publisher's clock: a tenth of a semitone.
const MAX_RATE: f64 = 0.005;
/// Media later than this that don't catch up by so much in a second will not.
const LATE: MediaDuration = MediaDuration::from_secs(1);
const CATCHING_UP: MediaDuration = MediaDuration::from_millis(500);

/// Holds output time to the wall clock, whatever the publisher's clock and the network do.
///
/// The lead of a packet is its output time less the wall clock's time of its arrival. The broadcast's is learned
/// from its first seconds and then kept: what changes slowly is steered back, what stays late is put on time.
#[derive(Debug, Default)]
pub(crate) struct Discipline {
    /// The lead to keep.
    reference: Option<MediaDuration>,
    session: Option<Session>,
    is_later: bool,
}

#[derive(Debug)]
struct Session {
    since: Timestamp,
    newest: Timestamp,
    /// The last one is not over.
    seconds: VecDeque<Second>,
    /// What was asked for so far; leads are remembered without it.
    shifted: MediaDuration,
    /// Less than a tick of steering that is still to be asked for.
    rest: f64,
}

#[derive(Clone, Copy, Debug)]
struct Second {
    since: Timestamp,
    first: MediaDuration,
    most: MediaDuration,
}

impl Discipline {
    /// Another session begins.
    pub(crate) fn start_session(&mut self) {
        self.is_later |= self.session.take().is_some();
    }

    /// Takes the decode time of a packet, in output time, and when it arrived by the wall clock. Answers by how
    /// much it and all that follows are to be shifted.
    pub(crate) fn observe(&mut self, at: Timestamp, arrived: Timestamp) -> MediaDuration {
        let lead = at - arrived;
        let session = self.session.get_or_insert_with(|| Session::new(at, arrived));
        let age = arrived - session.since;
        let advance = session.advance(at);
        let ended = session.note(arrived, lead - session.shifted);
        let reference = match self.reference {
            Some(reference) if self.is_later || age >= LEARNING => reference,
            known => {
                self.reference = known.max(Some(lead));
                return MediaDuration::ZERO;
            }
        };
        if self.is_later && age < BURST_TIME && lead - reference > BURST {
            // The pause before the session has been bridged; media from that time come too late.
            return session.jump(reference - lead);
        }
        if let Some(second) = ended {
            let most = second.most + session.shifted;
            if reference - most > LATE && second.most - second.first < CATCHING_UP {
                return session.jump(reference - most);
            }
        }
        let Some(most) = session.most() else { return MediaDuration::ZERO };
        let error = most + session.shifted - reference;
        if error > JUMP {
            self.reference = Some(reference + error);
            return MediaDuration::ZERO;
        }
        session.steer(error, advance)
    }

    /// The publisher has nothing to go on with, and output has come to `position` by `now` of the wall clock. Where that
    /// is well ahead of its time, it stays so: players have it, and would run dry while it waits for the clock.
    pub(crate) fn pause(&mut self, now: Timestamp, position: Timestamp) {
        self.reference = self.reference.map(|reference| {
            let lead = position - now;
            if lead - reference > LATE { lead } else { reference }
        });
    }

    /// Where output should be by `now` of the wall clock to keep its lead; not before `position`, where it is.
    pub(crate) fn edge(&self, now: Timestamp, position: Timestamp) -> Timestamp {
        self.reference.map_or(position, |reference| position.max(now + reference))
    }
}

impl Session {
    fn new(at: Timestamp, arrived: Timestamp) -> Self {
        let seconds = VecDeque::with_capacity(WINDOW + 1);
        Self { since: arrived, newest: at, seconds, shifted: MediaDuration::ZERO, rest: 0.0 }
    }

    /// How much further media are than before, within reason.
    fn advance(&mut self, at: Timestamp) -> MediaDuration {
        let advance = (at - self.newest).clamp(MediaDuration::ZERO, SECOND);
        self.newest = self.newest.max(at);
        advance
    }

    /// Remembers a lead. Answers the second that is over, if one is.
    fn note(&mut self, arrived: Timestamp, lead: MediaDuration) -> Option<Second> {
        match self.seconds.back_mut() {
            Some(second) if arrived - second.since < SECOND => {
                second.most = second.most.max(lead);
                None
            }
            last => {
                let ended = last.copied();
                self.seconds.push_back(Second { since: arrived, first: lead, most: lead });
                if self.seconds.len() > WINDOW {
                    self.seconds.pop_front();
                }
                ended
            }
        }
    }

    /// The most of all seconds, once they are enough.
    fn most(&self) -> Option<MediaDuration> {
        let most = self.seconds.iter().map(|second| second.most).max();
        most.filter(|_| self.seconds.len() >= ENOUGH)
    }

    /// What to ask for while media go on by `advance`, so that `error` goes away.
    fn steer(&mut self, error: MediaDuration, advance: MediaDuration) -> MediaDuration {
        let error = if error.abs() <= TOLERATED { 0.0 } else { error.as_secs_f64() };
        let rate = (-error / TIME_CONSTANT).clamp(-MAX_RATE, MAX_RATE);
        let wanted = self.rest + rate * advance.ticks() as f64;
        let whole = wanted.trunc();
        self.rest = wanted - whole;
        let shift = MediaDuration::from_ticks(whole as i64);
        self.shifted += shift;
        self.newest += shift;
        shift
    }

    fn jump(&mut self, by: MediaDuration) -> MediaDuration {
        self.shifted += by;
        self.newest += by;
        self.seconds.clear();
        by
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::align::{Aligner, Alignment};

    const RATE: i64 = 48_000;
    const BLOCK: i64 = 2048;

    fn millis(duration: MediaDuration) -> f64 {
        duration.as_secs_f64() * 1000.0
    }

    /// Delays of a network, in milliseconds: a few each, now and then a second.
    fn delays(seed: u64) -> impl FnMut(i64) -> i64 {
        let mut state = seed | 1;
        move |n| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if n % 20_000 > 19_900 { 900 } else { (state % 40) as i64 }
        }
    }

    /// The worst of a broadcast with sound whose publisher's clock is off by `ppm`: how far its output is from
    /// where it began by the wall clock, and how far its sound is from its timestamps. In milliseconds.
    fn worst(ppm: f64, hours: i64, seed: u64) -> (f64, f64) {
        let (mut discipline, mut aligner) = (Discipline::default(), Aligner::new(RATE as u32));
        let mut delay = delays(seed);
        let (mut offset, mut produced) = (MediaDuration::ZERO, 0.0);
        let (mut worst, mut apart, mut last) = (0.0_f64, 0.0_f64, Timestamp::from_millis(-1));
        let mut arrived = Timestamp::ZERO;
        for n in 0..hours * 3600 * RATE / BLOCK {
            let stamped = Timestamp::ZERO + MediaDuration::from_samples(n * BLOCK, RATE as u32);
            let sent = (stamped.ticks() as f64 * (1.0 - ppm / 1e6)) as i64;
            // In order, as TCP delivers.
            arrived = arrived.max(Timestamp::from_ticks(sent) + MediaDuration::from_millis(delay(n)));
            offset += discipline.observe(stamped + offset, arrived);
            let at = stamped + offset;
            assert!(at > last, "output time went back");
            last = at;
            worst = worst.max(millis(at - Timestamp::from_ticks(sent)).abs());
            let drift = at.since_origin().to_samples(RATE as u32) as f64 - produced;
            let stretch = BLOCK as f64 * f64::from(aligner.compensation()) / RATE as f64;
            assert_eq!(
                aligner.place(drift.round() as i64, BLOCK as usize),
                Alignment::Append,
                "{n}: {drift}"
            );
            produced += BLOCK as f64 + stretch;
            apart = apart.max(drift.abs() * 1000.0 / RATE as f64);
        }
        (worst, apart)
    }

    #[test]
    fn ten_hours_of_a_clock_that_is_off_keep_latency_and_sync() {
        for ppm in [-500.0, 500.0] {
            let (latency, sync) = worst(ppm, 10, 7);
            assert!(latency < 150.0 && sync < 20.0, "{ppm} ppm: {latency} ms late, {sync} ms apart");
        }
    }

    /// Feeds a packet each 20 ms of media from `from` to `to` (in ms), that many milliseconds late.
    fn feed(
        discipline: &mut Discipline,
        offset: &mut MediaDuration,
        media: std::ops::Range<i64>,
        arrival: impl Fn(i64) -> i64,
    ) {
        for at in media.step_by(20) {
            let stamped = Timestamp::from_millis(at);
            *offset += discipline.observe(stamped + *offset, Timestamp::from_millis(arrival(at)));
        }
    }

    #[test]
    fn a_clock_that_is_right_is_left_alone() {
        let (mut discipline, mut offset) = (Discipline::default(), MediaDuration::ZERO);
        feed(&mut discipline, &mut offset, 0..600_000, |at| at + at % 13);
        assert_eq!(offset, MediaDuration::ZERO);
        assert_eq!(discipline.edge(Timestamp::from_millis(600_000), Timestamp::ZERO).ticks(), 90 * 600_000);
    }

    #[test]
    fn what_the_network_held_up_and_then_delivers_keeps_its_time() {
        let (mut discipline, mut offset) = (Discipline::default(), MediaDuration::ZERO);
        feed(&mut discipline, &mut offset, 0..20_000, |at| at);
        // Nothing for eight seconds, and then all of it, four times as fast as it was made.
        feed(&mut discipline, &mut offset, 20_000..30_600, |at| 28_000 + (at - 20_000) / 4);
        feed(&mut discipline, &mut offset, 30_600..60_000, |at| at);
        assert!(millis(offset).abs() < 50.0, "{offset}");
    }

    #[test]
    fn a_publisher_that_stood_still_goes_on_at_the_edge_a_second_later() {
        let (mut discipline, mut offset) = (Discipline::default(), MediaDuration::ZERO);
        feed(&mut discipline, &mut offset, 0..20_000, |at| at);
        feed(&mut discipline, &mut offset, 20_000..20_980, |at| at + 7_000);
        assert_eq!(offset, MediaDuration::ZERO, "it might still catch up");
        feed(&mut discipline, &mut offset, 20_980..22_000, |at| at + 7_000);
        assert!((millis(offset) - 7_000.0).abs() < 50.0, "{offset}");
    }

    #[test]
    fn a_publisher_that_is_too_slow_is_never_far_behind() {
        let (mut discipline, mut offset) = (Discipline::default(), MediaDuration::ZERO);
        for n in 0..3000 {
            let at = n * 20;
            feed(&mut discipline, &mut offset, at..at + 20, |at| at + at / 9);
            let behind = at / 9 - offset.as_millis();
            assert!(behind < 2_300, "{behind} ms behind after {at} ms");
        }
    }

    #[test]
    fn a_burst_is_kept_at_first_and_left_out_after_a_pause() {
        let (mut discipline, mut offset) = (Discipline::default(), MediaDuration::ZERO);
        feed(&mut discipline, &mut offset, 0..5_000, |_| 0);
        feed(&mut discipline, &mut offset, 5_000..20_000, |at| at - 5_000);
        assert_eq!(offset, MediaDuration::ZERO);
        discipline.start_session();
        let (now, position) = (Timestamp::from_millis(18_000), Timestamp::from_millis(20_000));
        discipline.pause(now, position);
        let edge = discipline.edge(now, position);
        assert_eq!(edge, Timestamp::from_millis(23_000));
        feed(&mut discipline, &mut offset, 23_000..27_000, |_| 18_000);
        feed(&mut discipline, &mut offset, 27_000..40_000, |at| at - 9_000);
        let lead = millis(offset) + 9_000.0;
        assert!((5_000.0..5_550.0).contains(&lead), "{lead} ms");
    }

    #[test]
    fn a_source_that_is_sent_as_fast_as_it_goes_is_kept_whole() {
        let (mut discipline, mut offset) = (Discipline::default(), MediaDuration::ZERO);
        feed(&mut discipline, &mut offset, 0..600_000, |at| at / 5);
        assert!(millis(offset).abs() < 3_100.0, "{offset}");
        let end = Timestamp::from_millis(600_000) + offset;
        discipline.pause(Timestamp::from_millis(121_000), end);
        let edge = discipline.edge(Timestamp::from_millis(121_000), end);
        assert!(edge - end >= MediaDuration::ZERO && edge - end < SECOND, "{edge}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn an_hour_of_any_clock_keeps_latency_and_sync(ppm in -500.0..500.0, seed: u64) {
            let (latency, sync) = worst(ppm, 1, seed);
            prop_assert!(latency < 150.0 && sync < 20.0, "{latency} ms late, {sync} ms apart");
        }

    }

    proptest! {
        #[test]
        fn any_times_are_survived(times in prop::collection::vec((-(1i64 << 40)..1 << 40, 0i64..1 << 40), 1..200)) {
            let mut discipline = Discipline::default();
            for (at, arrived) in times {
                discipline.observe(Timestamp::from_ticks(at), Timestamp::from_ticks(arrived));
                discipline.pause(Timestamp::from_ticks(arrived), Timestamp::from_ticks(at));
                discipline.edge(Timestamp::from_ticks(arrived), Timestamp::from_ticks(at));
            }
        }
    }
}
