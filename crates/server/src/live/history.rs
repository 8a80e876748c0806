//! Looks at every broadcast's viewers: how fast they are served, each second; and for the catalog,
//! each ten.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::{MissedTickBehavior, interval};

use super::broadcast::Broadcast;
use super::registry::Registry;
use super::throughput::Throughput;
use crate::catalog::{CatalogError, SAMPLE_PERIOD, VideoId};

const TICK: Duration = Duration::from_secs(1);
/// Samples that are kept of a broadcast: two hours of all of them, then of every second one.
const SAMPLES: u32 = 720;
/// Broadcasts of a stream whose samples are kept.
const BROADCASTS: u32 = 20;

/// What was seen of one broadcast.
struct Course {
    throughput: Throughput,
    live: Option<Live>,
}

/// Which of a live broadcast's samples are kept.
struct Live {
    started: SystemTime,
    since: Instant,
    /// The slot that the next sample may have.
    next: u32,
    /// Samples are this many slots apart.
    step: u32,
}

/// A slot that is due.
#[derive(Debug, PartialEq, Eq)]
struct Due {
    started: SystemTime,
    slot: u32,
    /// Samples that are kept are further apart from now on.
    thin: Option<u32>,
}

/// Looks until it is aborted.
pub(crate) async fn keep(registry: Registry) {
    let mut courses: HashMap<VideoId, Course> = HashMap::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let now = ticks.tick().await.into_std();
        let broadcasts = registry.all();
        courses.retain(|id, _| broadcasts.iter().any(|broadcast| broadcast.id == *id));
        for broadcast in broadcasts {
            let course = courses.entry(broadcast.id.clone()).or_insert_with(Course::new);
            let rate = course.throughput.update(now, broadcast.served_bytes());
            broadcast.served_rate.store(rate, Ordering::Relaxed);
            let started = broadcast.live_since.get().copied().filter(|_| !broadcast.is_finished());
            let Some(due) = started.and_then(|started| course.due(started, now)) else { continue };
            if let Err(error) = write(&registry, &broadcast, &due).await {
                tracing::warn!(stream = %broadcast.id, %error, "a sample of the viewers is not kept");
            }
        }
    }
}

async fn write(registry: &Registry, broadcast: &Broadcast, due: &Due) -> Result<(), CatalogError> {
    let (catalog, id, started) = (&registry.shared.catalog, &broadcast.id, due.started);
    let sample = registry.shared.board.sample(id, due.slot, broadcast.served_rate());
    catalog.add_viewer_sample(id, started, &sample).await?;
    if let Some(step) = due.thin {
        catalog.thin_viewer_samples(id, started, step).await?;
    }
    if due.slot == 0 {
        catalog.keep_viewer_samples(id, BROADCASTS).await?;
    }
    Ok(())
}

impl Course {
    fn new() -> Self {
        Self { throughput: Throughput::default(), live: None }
    }

    /// The slot to fill now, of the broadcast that went live at `started`.
    fn due(&mut self, started: SystemTime, now: Instant) -> Option<Due> {
        let live = self.live.take().filter(|live| live.started == started);
        self.live.insert(live.unwrap_or(Live { started, since: now, next: 0, step: 1 })).due(now)
    }
}

impl Live {
    fn due(&mut self, now: Instant) -> Option<Due> {
        let slots = (now - self.since).as_secs() / SAMPLE_PERIOD.as_secs();
        let slot = u32::try_from(slots).unwrap_or(u32::MAX);
        if slot < self.next {
            return None;
        }
        self.next = slot.saturating_add(1);
        let before = self.step;
        while slot / self.step >= SAMPLES {
            self.step = self.step.saturating_mul(2);
        }
        let thin = (self.step != before).then_some(self.step);
        slot.is_multiple_of(self.step).then_some(Due { started: self.started, slot, thin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_broadcast_has_as_many_samples_as_a_short_one_and_further_apart() {
        let (mut course, start) = (Course::new(), Instant::now());
        let mut kept: Vec<u32> = Vec::new();
        for second in 0..20 * 3600 {
            let Some(due) = course.due(SystemTime::UNIX_EPOCH, start + Duration::from_secs(second)) else {
                continue;
            };
            kept.push(due.slot);
            if let Some(step) = due.thin {
                kept.retain(|slot| slot % step == 0);
            }
            assert!(kept.len() <= SAMPLES as usize);
        }
        let evenly: Vec<u32> = (0..20 * 360).step_by(16).collect();
        assert_eq!(kept, evenly, "twenty hours are ten times two: every sixteenth slot");
        let next = SystemTime::UNIX_EPOCH + TICK;
        let due = course.due(next, start + Duration::from_secs(20 * 3600));
        assert_eq!(due, Some(Due { started: next, slot: 0, thin: None }), "the next broadcast begins anew");
    }
}
