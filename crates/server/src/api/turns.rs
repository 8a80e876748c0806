//! Changes by calls: each to its end, and those of a stream one at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::catalog::VideoId;

/// Who changes which stream. A clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Turns {
    queues: Arc<Mutex<HashMap<VideoId, Queue>>>,
    changes: TaskTracker,
}

/// Those who change one stream, or wait to; there is none without anybody.
#[derive(Default)]
struct Queue {
    turn: Arc<tokio::sync::Mutex<()>>,
    length: usize,
}

/// A place in a stream's queue, until it is dropped.
struct Place {
    turns: Turns,
    id: VideoId,
}

impl Turns {
    /// Runs `change` once every earlier one of the stream is over. A caller that goes away while it waits changes nothing;
    /// a change that has begun goes on without its caller.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        id: &VideoId,
        change: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (place, turn) = self.enter(id);
        let turn = turn.lock_owned().await;
        self.complete(async move {
            let _held = (turn, place);
            change.await
        })
        .await
    }

    /// Runs a change that needs no turn to its end, whether its caller waits for that or not.
    pub(super) async fn complete<T: Send + 'static>(
        &self,
        change: impl Future<Output = T> + Send + 'static,
    ) -> T {
        match self.changes.spawn(change.in_current_span()).await.map_err(|error| error.try_into_panic()) {
            Ok(changed) => changed,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Nobody cancels it but a runtime that ends, and this with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Waits for the changes that have begun.
    pub(crate) async fn finish(&self) {
        self.changes.close();
        self.changes.wait().await;
    }

    fn enter(&self, id: &VideoId) -> (Place, Arc<tokio::sync::Mutex<()>>) {
        let mut queues = self.lock();
        let queue = queues.entry(id.clone()).or_default();
        queue.length += 1;
        (Place { turns: self.clone(), id: id.clone() }, queue.turn.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VideoId, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queues = self.turns.lock();
        let Some(queue) = queues.get_mut(&self.id) else { return };
        queue.length -= 1;
        if queue.length == 0 {
            queues.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Notify;

    use super::*;

    fn id(name: &str) -> VideoId {
        VideoId::parse(name).unwrap()
    }

    #[tokio::test]
    async fn a_streams_changes_come_one_after_the_other() {
        let (turns, running) = (Turns::default(), Arc::new(AtomicUsize::new(0)));
        let change = |id: VideoId| {
            let (turns, running) = (turns.clone(), running.clone());
            tokio::spawn(async move {
                let change = async move {
                    let before = running.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    before
                };
                turns.run(&id, change).await
            })
        };
        let changes: Vec<_> = (0..20).map(|_| change(id("a"))).collect();
        for change in changes {
            assert_eq!(change.await.unwrap(), 0);
        }
        assert!(turns.lock().is_empty(), "nobody is remembered for nothing");
    }

    #[tokio::test]
    async fn a_change_goes_on_without_its_caller_and_holds_up_no_other_stream() {
        let (turns, go_on) = (Turns::default(), Arc::new(Notify::new()));
        let (begun, done) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let change = {
            let (go_on, begun, done) = (go_on.clone(), begun.clone(), done.clone());
            async move {
                begun.notify_one();
                go_on.notified().await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        };
        let caller = tokio::spawn({
            let turns = turns.clone();
            async move { turns.run(&id("a"), change).await }
        });
        begun.notified().await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(turns.run(&id("b"), async { 7 }).await, 7);

        let id_of_a = id("a");
        let impatient = turns.run(&id_of_a, async { unreachable!("its caller has gone away") });
        assert!(tokio::time::timeout(Duration::from_millis(20), impatient).await.is_err());
        go_on.notify_one();
        turns.run(&id("a"), async {}).await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
        turns.finish().await;
        assert!(turns.lock().is_empty());
    }
}
