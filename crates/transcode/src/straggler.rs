use media::{MediaDuration, Timestamp};

/// So far behind the output, a picture or a sound comes too late.
const LATE: MediaDuration = MediaDuration::from_millis(500);
/// Media of a track that come late for so long, and don't catch up by so much, will not. Both tracks together are put
/// on time sooner than that.
const PATIENCE: MediaDuration = MediaDuration::from_secs(2);
const CATCHING_UP: MediaDuration = MediaDuration::from_millis(500);

/// A track that stood still alone, and goes on in its own time: what it missed was filled, so that all that it brings
/// would come too late, for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Straggler {
    shift: MediaDuration,
    /// Since when media are late, and how late they were then.
    since: Option<(Timestamp, MediaDuration)>,
}

impl Straggler {
    /// Takes a packet that is shown at `pts`, its track's output having come to `position`. Answers by how much the
    /// track is shifted.
    pub(crate) fn observe(&mut self, pts: Timestamp, position: Option<Timestamp>) -> MediaDuration {
        let late = position.map_or(MediaDuration::ZERO, |position| position - (pts + self.shift));
        self.since = match self.since {
            _ if late <= LATE => None,
            None => Some((pts, late)),
            Some((since, _)) if pts - since < PATIENCE => self.since,
            Some((_, before)) if before - late >= CATCHING_UP => Some((pts, late)),
            Some(_) => {
                self.shift += late;
                None
            }
        };
        self.shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Observes a packet each 40 ms from `from` to `to`, the output's position being so many milliseconds ahead.
    fn observe(straggler: &mut Straggler, media: std::ops::Range<i64>, ahead: impl Fn(i64) -> i64) -> i64 {
        let at = Timestamp::from_millis;
        media
            .step_by(40)
            .map(|ms| straggler.observe(at(ms), Some(at(ms + ahead(ms)))).as_millis())
            .last()
            .unwrap()
    }

    #[test]
    fn a_track_that_stays_late_is_put_on_time() {
        let mut straggler = Straggler::default();
        assert_eq!(observe(&mut straggler, 0..2000, |_| 3000), 0);
        assert_eq!(observe(&mut straggler, 2000..2100, |_| 3000), 3000);
        assert_eq!(observe(&mut straggler, 2100..9000, |_| 3000), 3000, "and stays so");
    }

    #[test]
    fn a_track_that_catches_up_keeps_its_time() {
        let mut straggler = Straggler::default();
        assert_eq!(observe(&mut straggler, 0..9000, |ms| 8000 - ms), 0);
        assert_eq!(observe(&mut straggler, 9000..20_000, |_| 400), 0);
    }
}
