//! Decides how much work an encoder leaves out, so that it never falls far behind real time.

use std::num::NonZeroU32;
use std::time::Duration;

use transcode::{DecodeSkip, Relief};

/// How often [`Overload::observe`] is to be asked.
pub(super) const PERIOD: Duration = Duration::from_millis(500);

/// How far behind pictures are left out, and of how many one is left then.
const SKIPPING: [(Duration, u32); 4] = [
    (Duration::ZERO, 1),
    (Duration::from_millis(400), 2),
    (Duration::from_millis(800), 4),
    (Duration::from_millis(1200), 8),
];
/// So far behind, hardly a picture is encoded, until there is less to catch up with. A faster preset, which comes with
/// the next keyframe only, comes sooner so.
const HURRY: Duration = Duration::from_millis(1500);
/// So little behind, all is well.
const CALM_LAG: Duration = Duration::from_millis(200);
/// Above this the encoder, and not a burst from the network, is why something waits.
const BUSY: f64 = 0.9;
/// Below this there is room for a slower preset: none takes twice as long as the next faster one.
const ROOM: f64 = 0.5;
/// Below this there is room for the loop filter, which is a fifth of decoding.
const ROOM_TO_FILTER: f64 = 0.75;
/// Observations after which a faster preset must have shown what it brings.
const TRIAL: u32 = 6;
/// Observations of calm before every picture is encoded again, and before a slower preset is tried.
const SKIPPING_PATIENCE: u32 = 4;
const PRESET_PATIENCE: u32 = 20;
/// The longest that either becomes when trying fails again and again: five minutes.
const LONGEST_PATIENCE: u32 = 600;

/// What an encoder did since the last observation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// How long the last packet had waited when its turn came.
    pub(super) lag: Duration,
    /// Seconds of work for a second of media.
    pub(super) cost: f64,
    /// The same of decoding alone. Known where hardly anything else was done: every packet was made
    /// [short work](Overload::hurries) of.
    pub(super) decoding: Option<f64>,
}

/// Leaves pictures out as soon as the encoder falls behind, and takes a faster preset if that lasts. Where decoding alone
/// is too much, it leaves out some of that, and in the end all but keyframes. All is taken back step by step, the more
/// hesitantly the more often that has failed.
#[derive(Debug)]
pub(super) struct Overload {
    skipping: Ladder,
    preset: Ladder,
    decoding: Ladder,
    /// Observations since the preset was last made faster.
    tried: u32,
    busy: bool,
}

impl Overload {
    /// For an encoder with so many faster presets.
    pub(super) fn new(presets: usize) -> Self {
        Self {
            skipping: Ladder::new(SKIPPING.len() - 1, SKIPPING_PATIENCE),
            preset: Ladder::new(presets, PRESET_PATIENCE),
            decoding: Ladder::new(DecodeSkip::STEPS.len() - 1, SKIPPING_PATIENCE),
            tried: TRIAL,
            busy: false,
        }
    }

    /// Whether a packet that has waited for so long is to be made short work of.
    pub(super) fn hurries(&self, lag: Duration) -> bool {
        self.busy && lag > HURRY
    }

    /// Takes an observation, and answers how much to leave out from now on.
    pub(super) fn observe(&mut self, load: Load) -> Relief {
        self.busy = load.cost > BUSY;
        self.skipping.pass();
        self.preset.pass();
        self.decoding.pass();
        self.tried = self.tried.saturating_add(1);
        let needed = SKIPPING.iter().rposition(|(lag, _)| load.lag >= *lag).unwrap_or(0);
        if load.cost > BUSY && needed > self.skipping.level {
            self.skipping.raise(needed);
        } else {
            // With keyframes alone there is nothing to tell what all pictures would cost.
            self.skipping.lower_if(load.lag < CALM_LAG && self.decode_skip() < DecodeSkip::NonKey);
        }
        // Each observation a step: what waits for the decoder can't be made short work of otherwise.
        let cannot_decode = load.decoding.is_some_and(|cost| cost > BUSY);
        if cannot_decode {
            self.decoding.raise(self.decoding.level + 1);
        } else {
            let room = if self.decode_skip() == DecodeSkip::LoopFilter { ROOM_TO_FILTER } else { ROOM };
            self.decoding.lower_if(load.lag < CALM_LAG && load.cost < room);
        }
        // With every picture the work would be so much more, at most.
        let whole_cost = load.cost * f64::from(self.one_picture_in().get());
        if self.skipping.level > 0 && whole_cost > BUSY && self.tried >= TRIAL && !cannot_decode {
            self.preset.raise(self.preset.level + 1);
            self.tried = 0;
        } else {
            let is_whole = self.skipping.level == 0 && self.decoding.level == 0;
            self.preset.lower_if(is_whole && load.lag < CALM_LAG && load.cost < ROOM);
        }
        let (one_picture_in, decode_skip) = (self.one_picture_in(), self.decode_skip());
        Relief { one_picture_in, faster: self.preset.level, decode_skip }
    }

    fn decode_skip(&self) -> DecodeSkip {
        DecodeSkip::STEPS[self.decoding.level]
    }

    fn one_picture_in(&self) -> NonZeroU32 {
        NonZeroU32::new(SKIPPING[self.skipping.level].1).unwrap_or(NonZeroU32::MIN)
    }
}

/// Levels that are climbed at once and left slowly.
#[derive(Debug)]
struct Ladder {
    level: usize,
    top: usize,
    first_patience: u32,
    /// Calm observations before a level is left.
    patience: u32,
    calm: u32,
    /// Observations since a level was left.
    since_lowered: u32,
}

impl Ladder {
    fn new(top: usize, first_patience: u32) -> Self {
        let patience = first_patience;
        Self { level: 0, top, first_patience, patience, calm: 0, since_lowered: LONGEST_PATIENCE }
    }

    fn pass(&mut self) {
        self.since_lowered = self.since_lowered.saturating_add(1);
        // Nothing was tried for far longer than that takes: what failed back then says nothing any more.
        if self.since_lowered > 4 * LONGEST_PATIENCE {
            self.patience = self.first_patience;
        }
    }

    fn raise(&mut self, to: usize) {
        let to = to.min(self.top);
        self.calm = 0;
        if to <= self.level {
            return;
        }
        self.level = to;
        // Leaving it was too early: next time it takes longer.
        if self.since_lowered < LONGEST_PATIENCE {
            self.patience = (2 * self.patience).min(LONGEST_PATIENCE);
            self.since_lowered = LONGEST_PATIENCE;
        }
    }

    fn lower_if(&mut self, is_calm: bool) {
        self.calm = if is_calm && self.level > 0 { self.calm + 1 } else { 0 };
        if self.calm >= self.patience {
            self.calm = 0;
            self.level -= 1;
            self.since_lowered = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(millis: u64, cost: f64) -> Load {
        Load { lag: Duration::from_millis(millis), cost, decoding: None }
    }

    /// A machine on which every picture in veryfast takes `cost` seconds a second, and a step faster a
    /// third less: how far behind it is, and what is left out, after each observation.
    fn machine(cost: f64, observations: u32) -> Vec<(f64, Relief)> {
        let mut overload = Overload::new(2);
        let (mut lag, mut relief) = (0.0_f64, Relief::default());
        let mut step = || {
            let cost = cost * 0.67_f64.powi(relief.faster as i32) / f64::from(relief.one_picture_in.get());
            lag = (lag + (1.0 - 1.0 / cost) * PERIOD.as_secs_f64()).max(0.0);
            relief = overload.observe(Load { lag: Duration::from_secs_f64(lag), cost, decoding: None });
            (lag, relief)
        };
        (0..observations).map(|_| step()).collect()
    }

    #[test]
    fn a_machine_with_room_leaves_nothing_out() {
        assert!(machine(0.99, 10_000).iter().all(|(_, relief)| *relief == Relief::default()));
    }

    #[test]
    fn a_machine_that_is_a_little_slow_finds_its_preset() {
        let history = machine(1.3, 2000);
        assert!(history.iter().all(|(lag, _)| *lag < 1.0));
        let (_, last) = history[1999];
        assert_eq!((last.one_picture_in.get(), last.faster), (1, 1));
    }

    #[test]
    fn a_machine_that_is_far_too_slow_stays_within_bounds_and_seldom_tries() {
        let history = machine(4.0, 7200);
        let worst = history.iter().map(|(lag, _)| *lag).fold(0.0, f64::max);
        assert!(worst < 1.6, "{worst}");
        let changes = history.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
        assert!(changes < 60, "{changes} changes in an hour");
        assert!(history[100..].iter().all(|(_, relief)| relief.faster == 2));
    }

    /// How long pictures at 30 Hz wait on a machine on which encoding one takes `encode` times as long as it is shown, and
    /// decoding `decode` times. A preset comes with the next keyframe, each two seconds of media, and so does the end of
    /// leaving out what isn't one.
    struct Waits {
        /// The longest.
        worst: f64,
        /// Those of a second and more.
        long: u32,
        /// What is left out at last.
        relief: Relief,
    }

    fn waits(encode: f64, decode: f64) -> Waits {
        const INTERVAL: f64 = 1.0 / 30.0;
        let mut overload = Overload::new(2);
        let (mut now, mut relief, mut preset, mut left_out) = (0.0_f64, Relief::default(), 0, 0);
        let (mut observed, mut busy, mut worst, mut long) = (0.0, 0.0, 0.0_f64, 0);
        let (mut hurried, mut unhurried, mut only_keyframes) = (false, false, false);
        let (mut shown, mut media) = (0.0, 0.0);
        for n in 0..18_000 {
            let arrived = f64::from(n) * INTERVAL;
            now = now.max(arrived);
            let lag = now - arrived;
            worst = worst.max(lag);
            long += u32::from(lag >= 1.0);
            let hurry = overload.hurries(Duration::from_secs_f64(lag));
            (hurried, unhurried) = (hurried | hurry, unhurried | !hurry);
            left_out += 1;
            let is_keyframe = n % 60 == 0;
            only_keyframes = relief.decode_skip == DecodeSkip::NonKey || (only_keyframes && !is_keyframe);
            if is_keyframe {
                preset = relief.faster;
            }
            let is_decoded = is_keyframe || !only_keyframes;
            // A tenth is the filter's; every picture is referred to.
            let filtered = if relief.decode_skip == DecodeSkip::Nothing { 1.0 } else { 0.9 };
            let mut work = if is_decoded { INTERVAL * decode * filtered } else { 0.0 };
            let due = if hurry { arrived - shown >= 0.7 } else { left_out >= relief.one_picture_in.get() };
            if is_keyframe || (is_decoded && due) {
                work += INTERVAL * encode * 0.67_f64.powi(preset as i32);
                (left_out, shown) = (0, arrived);
            }
            now += work;
            busy += work;
            if now - observed >= PERIOD.as_secs_f64() {
                let cost = busy / (arrived - media).max(0.01);
                let decoding = (!unhurried).then_some(cost);
                let cost = if hurried { cost.max(1.0) } else { cost };
                let lag = Duration::from_secs_f64(now - arrived);
                relief = overload.observe(Load { lag, cost, decoding });
                (observed, busy, media) = (now, 0.0, arrived);
                (hurried, unhurried) = (false, false);
            }
        }
        Waits { worst, long, relief }
    }

    #[test]
    fn however_slow_the_machine_nothing_waits_for_long() {
        for encode in [2.0, 5.0, 10.0, 20.0] {
            let waits = waits(encode, 0.2);
            assert!(waits.worst < 3.0, "{encode}: {} s", waits.worst);
            // Unless those few that are encoded in a hurry are too many already.
            assert!(encode > 10.0 || waits.relief.decode_skip == DecodeSkip::Nothing, "{encode}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_in_time_does_not_wait_for_long_either() {
        for decode in [1.2, 2.0, 4.0, 8.0] {
            let waits = waits(0.5, decode);
            assert!(waits.worst < 5.0, "{decode}: {} s", waits.worst);
            // Trying whether there is room again makes some wait, ever more seldom.
            assert!(waits.long < 18_000 / 10, "{decode}: {}", waits.long);
        }
    }

    #[test]
    fn what_is_decoded_again_is_what_there_is_room_for() {
        let mut overload = Overload::new(2);
        let cannot = Load { lag: Duration::from_secs(2), cost: 1.5, decoding: Some(1.5) };
        let steps = [(); 4].map(|()| overload.observe(cannot).decode_skip);
        let [_, filter, reference, key] = DecodeSkip::STEPS;
        assert_eq!(steps, [filter, reference, key, key]);
        // Encoding is not why.
        let calm: Vec<_> = (0..200).map(|_| overload.observe(load(20, 0.2))).collect();
        assert_eq!(calm[199], Relief::default());
        let order = calm.windows(2).all(|pair| pair[1].decode_skip <= pair[0].decode_skip);
        assert!(
            order && calm.iter().all(|relief| relief.decode_skip < key || relief.one_picture_in.get() == 8)
        );
    }

    #[test]
    fn a_burst_that_is_worked_off_is_no_overload() {
        let mut overload = Overload::new(2);
        let lags = [2000, 1300, 700, 100];
        assert!(lags.into_iter().all(|lag| overload.observe(load(lag, 0.4)) == Relief::default()));
    }

    #[test]
    fn everything_is_taken_back_when_there_is_room_again() {
        let mut overload = Overload::new(2);
        for _ in 0..20 {
            overload.observe(load(1500, 1.2));
        }
        let relieved = overload.observe(load(1500, 1.2));
        assert_eq!((relieved.one_picture_in.get(), relieved.faster), (8, 2));
        let calm: Vec<_> = (0..200).map(|_| overload.observe(load(20, 0.2))).collect();
        assert_eq!(calm[199], Relief::default());
        assert!(calm.windows(2).all(|pair| pair[1].faster <= pair[0].faster));
    }

    proptest! {
        #[test]
        fn no_load_makes_it_flap(loads in prop::collection::vec((0u64..3000, 0.1f64..3.0), 1..3000)) {
            let mut overload = Overload::new(2);
            let (mut lowered, mut before) = (0u32, Relief::default());
            for (millis, cost) in &loads {
                let now = overload.observe(load(*millis, *cost));
                lowered += u32::from(now.faster < before.faster);
                before = now;
            }
            prop_assert!(lowered <= loads.len() as u32 / PRESET_PATIENCE);
        }

        #[test]
        fn whoever_spoils_each_try_waits_longer_for_the_next(spoil in 400u64..3000) {
            let mut overload = Overload::new(0);
            let (mut tries, mut before) = (0, 1);
            for _ in 0..7200 {
                let overloaded = before == 1;
                let now = overload.observe(if overloaded { load(spoil, 1.5) } else { load(0, 0.9) });
                tries += u32::from(now.one_picture_in.get() == 1 && before > 1);
                before = now.one_picture_in.get();
            }
            prop_assert!(tries < 30, "{} in an hour", tries);
        }

        #[test]
        fn a_greater_lag_never_leaves_less_out(
            loads in prop::collection::vec((0u64..3000, 0.1f64..3.0), 0..200),
            lag in 0u64..3000,
            more in 0u64..3000,
            cost in 0.1f64..3.0,
        ) {
            let [less, more] = [lag, lag + more].map(|lag| {
                let mut overload = Overload::new(2);
                for (millis, cost) in &loads {
                    overload.observe(load(*millis, *cost));
                }
                overload.observe(load(lag, cost))
            });
            prop_assert!(more.one_picture_in >= less.one_picture_in && more.faster >= less.faster);
        }
    }
}
