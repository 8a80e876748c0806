//! A thread of libav's that hangs.

use nix::sys::ptrace;
use nix::unistd::Pid;
use scenarios::{Source, Weir, encode};

#[tokio::test]
async fn an_encoder_that_hangs_ends_its_broadcast_alone() {
    let weir = Weir::start().await;
    let (hung, well) = (weir.api().create("hung").await, weir.api().create("well").await);
    let source = || encode(&Source { seconds: 60, ..Source::default() });
    let _publisher = hung.publish(source());
    hung.reaches("LIVE").await;
    // One thread stands still, as one does that waits for a lock for ever; a debugger can do that.
    let thread = Pid::from_raw(weir.threads("weir-encoder")[0]);
    ptrace::seize(thread, ptrace::Options::empty()).expect("a test may trace its child");
    let mut other = well.publish(source());
    let mut player = well.watch();
    ptrace::interrupt(thread).unwrap();
    hung.reports("the encoder stands still", |status| status["stalled"] == serde_json::json!(["encoder"]))
        .await;
    let failed = hung.reaches("FAILED").await;
    assert_eq!(failed["endReason"]["code"], "encoder_stalled", "{failed}");
    player.segments(2).await;
    other.stop().await;
    player.ended().await;
    player.finish();
    assert!(weir.log().contains("the encoder stands still"));
}
