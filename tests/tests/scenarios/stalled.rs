//! A thread of libav's that hangs.

use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use scenarios::{Source, Stream, Weir, encode};

#[tokio::test]
async fn an_encoder_that_hangs_ends_its_broadcast_alone() {
    let weir = Weir::start().await;
    let (hung, well) = (weir.api().create("hung").await, weir.api().create("well").await);
    let source = || encode(&Source { seconds: 60, ..Source::default() });
    let _publisher = hung.publish(source());
    hung.reaches("LIVE").await;
    let thread = weir.threads("weir-encoder")[0];
    let mut other = well.publish(source());
    let mut player = well.watch();
    hang_in_libav(&weir, thread);
    hung.reports("the encoder stands still", |status| status["stalled"] == serde_json::json!(["encoder"]))
        .await;
    let failed = hung.reaches("FAILED").await;
    assert_eq!(failed["endReason"]["code"], "encoder_stalled", "{failed}");
    // Parts of the segment in hand have been served, and may be kept for ever: no other may have its name.
    let listed = numbers(&weir, &hung).await;
    let mut again = hung.publish(source());
    hung.reaches("LIVE").await;
    let in_hand = listed.last().unwrap() + 1;
    assert!(numbers(&weir, &hung).await[0] > in_hand, "a name was used twice");
    again.stop().await;
    player.segments(2).await;
    other.stop().await;
    player.ended().await;
    player.finish();
    assert!(weir.log().contains("the encoder stands still"));
}

/// The numbers of the segments that a stream's playlist lists.
async fn numbers(weir: &Weir, stream: &Stream) -> Vec<u64> {
    let playlist = weir.api().get(&format!("/live/{}/index.m3u8", stream.id)).await.text;
    let names = playlist.lines().filter_map(|line| line.strip_prefix("segment_")?.strip_suffix(".ts"));
    names.map(|number| number.parse().unwrap()).collect()
}

/// Has a thread stand still, as one does that waits for a lock for ever; a debugger can do that. It does so in
/// libav's code, as a thread that is stopped anywhere may hold a lock of the server's or of the allocator's.
fn hang_in_libav(weir: &Weir, thread: i32) {
    let (pid, deadline) = (Pid::from_raw(thread), Instant::now() + Duration::from_secs(20));
    ptrace::seize(pid, ptrace::Options::empty()).expect("a test may trace its child");
    loop {
        ptrace::interrupt(pid).unwrap();
        waitpid(pid, Some(WaitPidFlag::__WALL)).unwrap();
        if weir.code_of(thread).is_some_and(|file| file.contains("/libav") || file.contains("/libx264")) {
            return;
        }
        assert!(Instant::now() < deadline, "the encoder is never in libav's code");
        ptrace::cont(pid, None).unwrap();
    }
}
