//! Assemblies that are gone on with from their checkpoints.

use proptest::prelude::*;

use super::checkpoint::VERSION;
use super::*;

/// What is in a broadcast, one after the other.
#[derive(Clone, Debug)]
enum Stretch {
    Segments {
        seconds: i64,
        picture: usize,
        discontinuity: bool,
    },
    /// Nothing, before which the time begins anew, or doesn't.
    Gap {
        discontinuity: bool,
    },
    Damaged,
}

enum Kept {
    Segment { data: Bytes, duration: MediaDuration, discontinuity: bool },
    Gap { discontinuity: bool },
}

fn kept(stretches: &[Stretch]) -> Vec<Kept> {
    let (mut kept, mut at) = (Vec::new(), Timestamp::from_millis(1000));
    let damaged = Bytes::from_static(b"no transport stream");
    for stretch in stretches {
        match stretch {
            Stretch::Gap { discontinuity } => {
                at += MediaDuration::from_secs(i64::from(*discontinuity) * 100_000);
                kept.push(Kept::Gap { discontinuity: *discontinuity });
            }
            Stretch::Damaged => kept.push(Kept::Segment {
                data: damaged.clone(),
                duration: MediaDuration::from_secs(2),
                discontinuity: false,
            }),
            Stretch::Segments { seconds, picture, discontinuity } => {
                let made = segments(at, *seconds, *picture);
                at += MediaDuration::from_secs(seconds + i64::from(*discontinuity) * 100_000);
                kept.extend(made.into_iter().enumerate().map(|(index, segment)| Kept::Segment {
                    data: segment.data,
                    duration: segment.duration,
                    discontinuity: *discontinuity && index == 0,
                }));
            }
        }
    }
    kept
}

/// What outlives a recorder.
#[derive(Default)]
struct Outside {
    pieces: BTreeMap<u32, Bytes>,
    checkpoints: Vec<Bytes>,
}

impl Outside {
    /// One attempt; it ends early when `dies` says so, which is asked after each segment and after each part that is stored.
    fn attempt(&mut self, kept: &[Kept], mut dies: impl FnMut() -> bool) -> Option<(File, Summary, u64)> {
        let (mut assembly, next) = match self.checkpoints.is_empty() {
            true => (Assembly::new(SystemTime::UNIX_EPOCH), MediaSequence::new(0)),
            false => Assembly::restore(SystemTime::UNIX_EPOCH, self.checkpoints.clone()).unwrap(),
        };
        for (number, kept) in kept.iter().enumerate().skip(next.get() as usize) {
            let sequence = MediaSequence::new(number as u64);
            match kept {
                Kept::Gap { discontinuity } => assembly.pass(MediaDuration::from_secs(2), *discontinuity),
                Kept::Segment { data, duration, discontinuity } => {
                    if assembly.push(sequence, data, *duration, *discontinuity).is_err() {
                        assembly.pass(*duration, *discontinuity);
                    }
                }
            }
            while let Some((piece, checkpoint)) = assembly.part() {
                self.store(piece);
                self.checkpoints.extend(checkpoint.map(Bytes::from));
                if dies() {
                    return None;
                }
            }
            if dies() {
                return None;
            }
        }
        let left_out = assembly.left_out();
        let (file, summary) = assembly.finish().unwrap();
        Some((file, summary, left_out))
    }

    fn store(&mut self, piece: Piece) {
        let stored = self.pieces.entry(piece.number).or_insert_with(|| piece.data.clone());
        assert!(*stored == piece.data, "part {} is another", piece.number);
    }

    /// The whole file.
    fn complete(mut self, file: File) -> Bytes {
        match file {
            File::Empty => Bytes::new(),
            File::Whole(data) => data,
            File::Parts { pieces, .. } => {
                pieces.into_iter().for_each(|piece| self.store(piece));
                self.pieces.into_values().collect::<Vec<_>>().concat().into()
            }
        }
    }
}

/// The file, where nothing interrupts, and where `dies` does.
fn assert_same(stretches: &[Stretch], mut dies: impl FnMut() -> bool) -> usize {
    let kept = kept(stretches);
    let mut whole = Outside::default();
    let (file, expected, left_out) = whole.attempt(&kept, || false).unwrap();
    let expected_file = whole.complete(file);
    let (mut outside, mut deaths) = (Outside::default(), 0);
    let (file, summary, again) = loop {
        match outside.attempt(&kept, &mut dies) {
            Some(made) => break made,
            None => deaths += 1,
        }
    };
    assert_eq!((summary, again), (expected, left_out));
    assert!(outside.complete(file) == expected_file, "{deaths} deaths");
    deaths
}

fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    let picture = prop_oneof![Just(9_000_usize), Just(120_000), Just(450_000)];
    let segments = (1..5_i64, picture, any::<bool>())
        .prop_map(|(seconds, picture, discontinuity)| Stretch::Segments { seconds, picture, discontinuity });
    let stretch = prop_oneof![8 => segments, 1 => any::<bool>().prop_map(|discontinuity| Stretch::Gap { discontinuity }), 1 => Just(Stretch::Damaged)];
    prop::collection::vec(stretch, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn an_assembly_goes_on_wherever_it_was_interrupted(stretches in stretches(), moments: u64) {
        let mut moments = (0..64).map(|bit| moments >> bit & 1 == 1);
        // Each death is a few segments that are read again: one in four moments is enough.
        assert_same(&stretches, || moments.next().unwrap_or(false) && moments.next().unwrap_or(false));
    }
}

#[test]
fn an_assembly_that_dies_after_each_segment_and_each_part_gets_to_its_end() {
    let stretch = |seconds, picture, discontinuity| Stretch::Segments { seconds, picture, discontinuity };
    let stretches = [
        stretch(6, 200_000, false),
        Stretch::Gap { discontinuity: true },
        stretch(2, 900_000, true),
        stretch(6, 200_000, true),
    ];
    // Each attempt comes a moment further than the one before.
    let (mut moments, mut limit) = (0, 1);
    let deaths = assert_same(&stretches, || {
        moments += 1;
        let is_over = moments == limit;
        if is_over {
            (moments, limit) = (0, limit + 1);
        }
        is_over
    });
    assert!(deaths > 6, "{deaths}");
}

#[test]
fn a_segment_that_is_another_than_the_part_was_made_of_is_noticed() {
    let kept = kept(&[Stretch::Segments { seconds: 12, picture: 200_000, discontinuity: false }]);
    let mut outside = Outside::default();
    let mut stored = 0;
    assert!(
        outside
            .attempt(&kept, || {
                stored += 1;
                stored > 5
            })
            .is_none()
    );
    let restore =
        || Assembly::restore(SystemTime::UNIX_EPOCH, outside.checkpoints.clone()).expect("there are parts");
    let (mut assembly, next) = restore();
    let Kept::Segment { data, duration, .. } = &kept[next.get() as usize + 1] else {
        panic!("all are there")
    };
    assert!(matches!(assembly.push(next, data, *duration, false), Err(AssemblyError::Changed)));
    // Nor is there a file without it.
    let (mut assembly, _) = restore();
    assembly.pass(*duration, false);
    assert!(matches!(assembly.finish(), Err(AssemblyError::Changed)));
}

#[test]
fn checkpoints_that_are_not_all_there_or_of_another_format_are_refused() {
    let kept = kept(&[Stretch::Segments { seconds: 20, picture: 200_000, discontinuity: false }]);
    let mut outside = Outside::default();
    outside.attempt(&kept, || false).unwrap();
    let all = outside.checkpoints;
    assert!(all.len() >= 3, "{}", all.len());
    let restore = |checkpoints: Vec<Bytes>| Assembly::restore(SystemTime::UNIX_EPOCH, checkpoints).err();
    assert!(restore(all.clone()).is_none());
    let of_another = Bytes::from([&[VERSION as u8 + 1], &all[0][1..]].concat());
    let cut = all[1].slice(..all[1].len() - 1);
    for wrong in [vec![], vec![all[1].clone()], vec![all[0].clone(), all[2].clone()], vec![of_another], {
        vec![all[0].clone(), cut]
    }] {
        assert!(matches!(restore(wrong), Some(AssemblyError::Checkpoint)));
    }
}
