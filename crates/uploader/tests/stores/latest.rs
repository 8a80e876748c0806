//! `LatestObject` against a simulated server that may carry out an attempt after the client gave it up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use uploader::{
    LatestObject, Object, ObjectStore, Rejection, RetryPolicy, StoreError, StoreFuture, Uploader,
};

const PER_TRY: Duration = Duration::from_millis(100);

/// What the server does with one request.
#[derive(Debug, Clone, Copy)]
struct Script {
    /// When it answers; beyond `PER_TRY` the client has gone.
    answers_after: u64,
    accepts: bool,
    /// If it was abandoned or refused: when, if ever, after that it is carried out all the same.
    late_by: Option<u64>,
}

/// It writes before it says so; what it does late, it does within the time that `LatestObject` allows for.
#[derive(Default)]
struct Server {
    script: Mutex<Vec<Script>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    held: Option<Bytes>,
    in_flight: usize,
    sent: Vec<u32>,
}

/// A request as the client sees it: over when answered or dropped.
struct Request {
    state: Arc<Mutex<State>>,
    data: Bytes,
    late_by: Option<u64>,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.state.lock().unwrap().in_flight -= 1;
        if let Some(delay) = self.late_by {
            let (state, data) = (self.state.clone(), self.data.clone());
            tokio::spawn(async move {
                sleep(Duration::from_millis(delay)).await;
                state.lock().unwrap().held = Some(data);
            });
        }
    }
}

impl ObjectStore for Server {
    fn location(&self) -> String {
        "simulated".into()
    }

    fn put<'a>(&'a self, object: &'a Object) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let fine = Script { answers_after: 1, accepts: true, late_by: None };
            let script = self.script.lock().unwrap().pop().unwrap_or(fine);
            let mut request =
                Request { state: self.state.clone(), data: object.data.clone(), late_by: script.late_by };
            {
                let mut state = self.state.lock().unwrap();
                state.in_flight += 1;
                assert_eq!(state.in_flight, 1, "one attempt at a time");
                state.sent.push(number(&object.data));
            }
            sleep(Duration::from_millis(script.answers_after)).await;
            if !script.accepts {
                let (code, message, region) = (None, String::new(), None);
                return Err(StoreError::Rejected(Rejection { status: 500, code, message, region }));
            }
            request.late_by = None;
            self.state.lock().unwrap().held = Some(object.data.clone());
            Ok(())
        })
    }

    fn get<'a>(&'a self, _key: &'a str) -> StoreFuture<'a, Bytes> {
        Box::pin(async { Err(StoreError::NotFound) })
    }

    fn delete<'a>(&'a self, _key: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn version(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

fn number(data: &Bytes) -> u32 {
    u32::from_be_bytes(data[..].try_into().unwrap())
}

fn playlist(script: &[Script]) -> (Arc<LatestObject>, Arc<Mutex<State>>) {
    let script = Mutex::new(script.iter().rev().copied().collect());
    let server = Server { script, state: Arc::default() };
    let state = server.state.clone();
    let policy = RetryPolicy {
        attempts: 3,
        initial: Duration::from_millis(10),
        cap: Duration::from_millis(50),
        per_try_timeout: PER_TRY,
        deadline: Duration::from_millis(350),
    };
    let uploader = Uploader::new(Arc::new(server), policy);
    (Arc::new(LatestObject::new(uploader, "index.m3u8", "text/plain", "no-cache")), state)
}

fn paused(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test);
}

const BLACK_HOLE: Script = Script { answers_after: 10_000, accepts: true, late_by: None };

#[tokio::test(start_paused = true)]
async fn a_retry_carries_what_has_become_newest() {
    let (playlist, state) = playlist(&[BLACK_HOLE]);
    let (first, second) = tokio::join!(playlist.replace(version(1)), async {
        sleep(PER_TRY / 2).await;
        playlist.replace(version(2)).await
    });
    assert_eq!((first.unwrap().attempts, second.unwrap().attempts), (2, 0));
    assert_eq!(state.lock().unwrap().sent, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_late_write_of_an_old_version_is_undone_by_settling() {
    // The first attempt is abandoned after 100 ms and carried out 150 ms later.
    let (playlist, state) = playlist(&[Script { late_by: Some(150), ..BLACK_HOLE }]);
    let gone = timeout(PER_TRY / 2, playlist.replace(version(1))).await;
    assert!(gone.is_err());
    playlist.replace(version(2)).await.unwrap();
    assert!(playlist.is_doubtful());
    sleep(PER_TRY * 2).await;
    assert_eq!(state.lock().unwrap().held, Some(version(1)), "what the server did late");
    let before = Instant::now();
    playlist.settle().await.unwrap();
    assert!(before.elapsed() <= PER_TRY * 2);
    assert_eq!(state.lock().unwrap().held, Some(version(2)));
    assert!(!playlist.is_doubtful());
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_process_sent_last_is_undone_too() {
    let (playlist, state) = playlist(&[]);
    let playlist = Arc::into_inner(playlist).unwrap().inherited();
    playlist.settle().await.unwrap();
    assert!(!playlist.is_doubtful(), "there is nothing to be undone yet");
    playlist.replace(version(2)).await.unwrap();
    sleep(PER_TRY).await;
    state.lock().unwrap().held = Some(version(1));
    playlist.settle().await.unwrap();
    assert_eq!(state.lock().unwrap().held, Some(version(2)));
    assert!(!playlist.is_doubtful());
}

#[tokio::test(start_paused = true)]
async fn without_an_abandoned_attempt_settling_writes_nothing() {
    let (playlist, state) = playlist(&[]);
    playlist.settle().await.unwrap();
    playlist.replace(version(1)).await.unwrap();
    playlist.settle().await.unwrap();
    assert_eq!(state.lock().unwrap().sent, [1]);
}

#[tokio::test(start_paused = true)]
async fn settling_stores_a_version_that_failed() {
    let (playlist, state) = playlist(&[BLACK_HOLE; 4]);
    playlist.replace(version(1)).await.unwrap_err();
    assert_eq!(state.lock().unwrap().held, None);
    playlist.settle().await.unwrap();
    assert_eq!(state.lock().unwrap().held, Some(version(1)));
}

#[derive(Debug, Clone, Copy)]
struct Call {
    after: u64,
    /// The caller gives up after that long.
    patience: Option<u64>,
}

fn scripts() -> impl Strategy<Value = Vec<Script>> {
    let late_by = prop::option::of(0..200_u64);
    let script = (0..150_u64, any::<bool>(), late_by).prop_map(|(answers_after, accepts, late_by)| Script {
        answers_after,
        accepts,
        late_by,
    });
    prop::collection::vec(script, 0..30)
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call =
        (0..400_u64, prop::option::of(0..300_u64)).prop_map(|(after, patience)| Call { after, patience });
    prop::collection::vec(call, 1..20)
}

proptest! {
    #[test]
    fn the_newest_version_is_what_the_store_ends_up_with(script in scripts(), calls in calls()) {
        paused(async {
            let (playlist, state) = playlist(&script);
            let mut callers = JoinSet::new();
            for (n, call) in (1..).zip(&calls) {
                sleep(Duration::from_millis(call.after)).await;
                let patience = Duration::from_millis(call.patience.unwrap_or(1_000_000));
                let playlist = playlist.clone();
                callers.spawn(async move { timeout(patience, playlist.replace(version(n))).await });
                // Lets the call submit its version, so that versions count up in the order of the calls.
                tokio::task::yield_now().await;
            }
            callers.join_all().await;
            while playlist.settle().await.is_err() {}
            assert!(!playlist.is_doubtful());
            // Whatever the server still had to do, it has done.
            sleep(Duration::from_secs(60)).await;
            let newest = u32::try_from(calls.len()).unwrap();
            assert_eq!(state.lock().unwrap().held, Some(version(newest)));
            assert!(state.lock().unwrap().sent.is_sorted(), "never an older version after a newer one");
        });
    }
}
