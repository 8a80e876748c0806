//! Many clients against one server, and what they cost it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::client::{Client, Target, frame};
use crate::Error;
use crate::process::Process;
use crate::statistics::Summary;

/// Publishers that connect at the same time.
const AT_ONCE: usize = 64;
const FRAMES_PER_SECOND: u32 = 30;
/// Until buffers have grown to what a frame takes.
const WARM_UP: Duration = Duration::from_secs(3);
/// Until a server that has just accepted everybody is at rest.
const REST: Duration = Duration::from_secs(1);

/// What publishers at 2.5 Mb/s each cost a server.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// How many there were.
    pub publishers: usize,
    /// Megabits of media a second that each of them got rid of: less than 2.5 if the server, or this
    /// machine, was too slow.
    pub megabits_each: f64,
    /// Cores that the server needed for one of them.
    pub cores_each: f64,
    /// Memory for one that publishes, but has sent nothing but its codecs, in KiB.
    pub idle_kib_each: f64,
    /// Memory for one that sends media, in KiB.
    pub busy_kib_each: f64,
}

/// Has `publishers` publish to `target` for a while.
pub async fn cost(
    target: &Target,
    process: Process,
    publishers: usize,
    measured: Duration,
) -> Result<Cost, Error> {
    let before = process.resident_kb();
    let clients = connect(target, publishers).await?;
    sleep(REST).await;
    let idle = process.resident_kb();
    let sent = Arc::new(AtomicU64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let mut senders = JoinSet::new();
    for (index, client) in clients.into_iter().enumerate() {
        // Spread over the time of a frame: encoders are not in step.
        let phase = Duration::from_secs(1) * index as u32 / FRAMES_PER_SECOND / publishers as u32;
        senders.spawn(send(client, start + phase, sent.clone(), over.clone()));
    }
    sleep(WARM_UP).await;
    let (cpu, bytes, since) = (process.cpu_seconds(), sent.load(Ordering::Relaxed), Instant::now());
    sleep(measured).await;
    let seconds = since.elapsed().as_secs_f64();
    let cpu = process.cpu_seconds() - cpu;
    let bytes = sent.load(Ordering::Relaxed) - bytes;
    let busy = process.resident_kb();
    over.store(true, Ordering::Relaxed);
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    let each = publishers as f64;
    Ok(Cost {
        publishers,
        megabits_each: bytes as f64 * 8.0 / 1e6 / seconds / each,
        cores_each: cpu / seconds / each,
        idle_kib_each: idle.saturating_sub(before) as f64 / each,
        busy_kib_each: busy.saturating_sub(before) as f64 / each,
    })
}

async fn connect(target: &Target, publishers: usize) -> Result<Vec<Client>, Error> {
    let mut clients = Vec::with_capacity(publishers);
    let mut joining = JoinSet::new();
    for index in 0..publishers {
        let target = target.clone();
        joining.spawn(async move {
            let mut client = Client::publish(&target, &format!("stream{index}")).await?;
            client.announce().await?;
            Ok::<_, Error>(client)
        });
        if joining.len() == AT_ONCE
            && let Some(joined) = joining.join_next().await
        {
            clients.push(joined??);
        }
    }
    while let Some(joined) = joining.join_next().await {
        clients.push(joined??);
    }
    Ok(clients)
}

async fn send(
    mut client: Client,
    first: Instant,
    sent: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
) -> Result<(), Error> {
    let frame = frame();
    let mut ticks = interval_at(first, Duration::from_secs(1) / FRAMES_PER_SECOND);
    // One that was held up sends no faster afterwards: what is missing shows in the figure.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !over.load(Ordering::Relaxed) {
        ticks.tick().await;
        let bytes = client.send(&frame).await?;
        sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// How soon publishers are let in.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Starts {
    /// How many at a time.
    pub clients: usize,
    /// From the first SYN to `NetStream.Publish.Start`, in ms.
    pub milliseconds: Summary,
    /// Publishers let in a second, over all.
    pub per_second: f64,
}

/// Has `clients` connect, publish and hang up, over and over, `sessions` times each.
///
/// `keys` are published to in turn.
pub async fn starts(
    target: &Target,
    keys: &[String],
    clients: usize,
    sessions: usize,
) -> Result<Starts, Error> {
    let together = Arc::new(Barrier::new(clients + 1));
    let mut running = JoinSet::new();
    for client in 0..clients {
        let (target, keys, together) = (target.clone(), keys.to_vec(), together.clone());
        running.spawn(async move {
            together.wait().await;
            let mut milliseconds = Vec::with_capacity(sessions);
            for session in 0..sessions {
                let key = &keys[(client * sessions + session) % keys.len()];
                let client = Client::publish(&target, key).await?;
                milliseconds.push(client.started_after.as_secs_f64() * 1e3);
            }
            Ok::<_, Error>(milliseconds)
        });
    }
    together.wait().await;
    let began = Instant::now();
    let mut all = Vec::new();
    while let Some(milliseconds) = running.join_next().await {
        all.extend(milliseconds??);
    }
    let seconds = began.elapsed().as_secs_f64();
    let per_second = all.len() as f64 / seconds;
    let milliseconds = Summary::of(all).ok_or(Error::Nothing("no session was started"))?;
    Ok(Starts { clients, milliseconds, per_second })
}
