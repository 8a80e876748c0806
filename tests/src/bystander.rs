use std::time::Duration;

use crate::{Expected, HlsPoller, Picture, Publisher, Source, Stream, Weir, assert_broadcast, encode};

/// Somebody who is live all the while, and must not notice what others do.
pub struct Bystander {
    player: HlsPoller,
    publisher: Publisher,
    stream: Stream,
}

impl Bystander {
    /// Goes live.
    pub async fn start(weir: &Weir) -> Self {
        let stream = weir.api().create("bystander").await;
        let mut player = stream.watch();
        let publisher = stream.publish(encode(&Source { seconds: 180, ..Source::default() }));
        player.segments(1).await;
        Self { player, publisher, stream }
    }

    /// Asserts that it went on as if nothing had been: every segment there, each on time.
    pub async fn noticed_nothing(mut self) {
        let before = self.player.count();
        self.player.segments(before + 2).await;
        self.publisher.assert_running();
        assert_eq!(self.stream.post("stop").await.code, 200);
        self.player.ended().await;
        let recording = self.player.finish();
        for pair in recording.segments.windows(2) {
            assert_eq!(pair[1].entry.msn, pair[0].entry.msn + 1, "a segment is missing");
            assert!(!pair[1].entry.gap && !pair[1].entry.discontinuity, "{:?}", pair[1].entry);
        }
        recording.assert_steady(Duration::from_secs(6));
        let picture = Picture { width: 320, height: 180, fps: 30.0 };
        assert_broadcast(&recording, Expected { picture: Some(picture), sound: true, segments: 3 }).await;
    }
}
