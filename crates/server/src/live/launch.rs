//! Starts what runs while a broadcast is on air: its encoder, its uploads, and what goes beside them.

use std::collections::HashSet;
use std::sync::Arc;

use hls_mux::playlist::MediaPlaylist;
use hls_mux::{MediaSequence, SegmenterOptions};
use media::MediaDuration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::broadcast::Broadcast;
use super::encoder::{self, EncoderError, EncoderOptions};
use super::feed::FeedReceiver;
use super::listing::Listing;
use super::objects::ObjectKeys;
use super::playlist_writer::PlaylistWriter;
use super::poster;
use super::publisher::Publisher;
use super::registry::Shared;
use super::segment_upload::SegmentUpload;
use super::sprites::{self, Sheets};

/// What the encoder's thread sends when it ends.
pub(super) type EncoderResult = oneshot::Receiver<Result<(), EncoderError>>;

/// What runs while a broadcast is on air.
pub(super) struct Running {
    /// Its thread's result; `None` once that was taken.
    pub(super) encoder: Option<EncoderResult>,
    pub(super) uploads: JoinHandle<()>,
    /// Collects small pictures, where the broadcast is recorded.
    pub(super) sheets: Option<JoinHandle<Sheets>>,
    /// The number after the last listed segment; `None` before the first is listed.
    pub(super) listed: watch::Receiver<Option<MediaSequence>>,
    /// The first segment that is kept, if any is.
    pub(super) recorded_from: Option<MediaSequence>,
    /// Whether the catalog was told.
    pub(super) live: bool,
    /// Whether the events say that the publisher is away.
    pub(super) away: bool,
}

impl Shared {
    pub(super) fn start(
        self: &Arc<Self>,
        broadcast: &Arc<Broadcast>,
        feed: FeedReceiver,
        first: MediaSequence,
        segment_duration: MediaDuration,
        resumed: Option<MediaPlaylist>,
        earlier: Vec<String>,
    ) -> Result<Running, EncoderError> {
        let options = &self.options;
        let (listed, listed_receiver) = watch::channel(None);
        let (multivariant, multivariant_receiver) = watch::channel(None);
        let (poster, poster_receiver) = watch::channel(None);
        let (tiles, sheets) = broadcast
            .recorded
            .then(|| sprites::collect(&broadcast.id, &self.catalog, &self.uploader, first))
            .unzip();
        let listing = Listing::new(broadcast, &options.transcode, listed, multivariant, poster, tiles);
        let encoder_options = EncoderOptions {
            transcode: options.transcode.clone(),
            segmenter: SegmenterOptions {
                target_duration: segment_duration,
                part_target: Some(options.part_duration),
                ..SegmenterOptions::default()
            },
            first,
            resumes: resumed.is_some(),
            slate: options.slate.clone(),
            pulse: broadcast.pulse.clone(),
        };
        let encoder =
            encoder::spawn(&broadcast.id, encoder_options, feed, listing, broadcast.health.clone())?;
        // It was, before the server died.
        let live = resumed.is_some();
        let uploads = self.publish(broadcast, segment_duration, resumed, earlier, multivariant_receiver);
        let poster_key = ObjectKeys::new(&broadcast.id).poster();
        tokio::spawn(poster::store(self.uploader.clone(), poster_key, poster_receiver).in_current_span());
        let recorded_from = broadcast.recorded.then_some(first);
        Ok(Running {
            encoder: Some(encoder),
            uploads,
            sheets: sheets.map(|sheets| tokio::spawn(sheets.in_current_span())),
            listed: listed_receiver,
            recorded_from,
            live,
            away: false,
        })
    }

    fn publish(
        &self,
        broadcast: &Arc<Broadcast>,
        segment_duration: MediaDuration,
        resumed: Option<MediaPlaylist>,
        earlier: Vec<String>,
        multivariant: watch::Receiver<Option<String>>,
    ) -> JoinHandle<()> {
        let options = &self.options;
        let keys = ObjectKeys::new(&broadcast.id);
        let longest = MediaDuration::from_ticks(segment_duration.ticks() * options.playlist_window as i64);
        let grace = (longest + segment_duration).to_std();
        let writer = PlaylistWriter::start(
            self.uploader.clone(),
            keys.media_playlist(),
            grace,
            self.shutdown.clone(),
            &broadcast.superseded,
        );
        let playlist =
            resumed.unwrap_or_else(|| MediaPlaylist::new(segment_duration, options.playlist_window));
        // What an earlier playlist listed goes once this one has taken its place.
        let listed: HashSet<_> = playlist.entries().map(|entry| keys.segment(entry.sequence)).collect();
        let unlisted = earlier.into_iter().filter(|key| !listed.contains(key)).collect();
        let publisher = Publisher {
            playlist,
            catalog: self.catalog.clone(),
            id: broadcast.id.clone(),
            segment_duration,
            unkept: Vec::new(),
            recorded: broadcast.recorded,
            kept: broadcast.kept.clone(),
            upload: SegmentUpload {
                keys: keys.clone(),
                uploader: self.uploader.clone(),
                health: broadcast.health.clone(),
            },
            queue: broadcast.uploads.clone(),
            multivariant,
            keys,
            writer,
            unlisted,
        };
        tokio::spawn(publisher.run().in_current_span())
    }
}
