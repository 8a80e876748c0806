//! Where the encoder's thread leaves what it made: in the origin's window and in the upload queue.

use std::sync::Arc;

use bytes::Bytes;
use hls_mux::playlist::{MultivariantPlaylist, Variant, codecs_string};
use hls_mux::{MediaSequence, Part, Segment};
use media::{AudioConfig, MediaEvent, VideoConfig};
use tokio::sync::watch;
use transcode::Still;

use super::broadcast::Broadcast;
use super::muxing::Outlet;
use super::objects::MEDIA_PLAYLIST;
use super::sprites::TileSender;

/// The outlet of a broadcast's encoder.
pub(super) struct Listing {
    broadcast: Arc<Broadcast>,
    rates: Rates,
    video: Option<VideoConfig>,
    audio: Option<AudioConfig>,
    /// The rendition isn't what the multivariant playlist says.
    changed: bool,
    listed: watch::Sender<Option<MediaSequence>>,
    multivariant: watch::Sender<Option<String>>,
    poster: watch::Sender<Option<Bytes>>,
    /// Where the broadcast is recorded.
    tiles: Option<TileSender>,
}

/// Bits a second of a segment, as configured.
#[derive(Clone, Copy)]
struct Rates {
    video: u32,
    video_max: u32,
    audio: u32,
}

impl Listing {
    pub(super) fn new(
        broadcast: &Arc<Broadcast>,
        options: &transcode::Options,
        listed: watch::Sender<Option<MediaSequence>>,
        multivariant: watch::Sender<Option<String>>,
        poster: watch::Sender<Option<Bytes>>,
        tiles: Option<TileSender>,
    ) -> Self {
        let (video, audio) = (&options.video, &options.audio);
        Self {
            broadcast: broadcast.clone(),
            rates: Rates { video: video.bitrate, video_max: video.max_bitrate, audio: audio.bitrate },
            video: None,
            audio: None,
            changed: false,
            listed,
            multivariant,
            poster,
            tiles,
        }
    }

    fn describe(&self) -> String {
        let (video, audio) = (self.video.as_ref(), self.audio.as_ref());
        let sound = if audio.is_some() { self.rates.audio } else { 0 };
        let (mean, peak) = if video.is_some() { (self.rates.video, self.rates.video_max) } else { (0, 0) };
        let variant = Variant {
            uri: MEDIA_PLAYLIST.to_owned(),
            codecs: codecs_string(video, audio),
            width: video.map_or(0, |v| v.width),
            height: video.map_or(0, |v| v.height),
            frame_rate: video.and_then(|v| v.frame_rate),
            bandwidth: with_packets(peak + sound),
            average_bandwidth: Some(with_packets(mean + sound)),
        };
        MultivariantPlaylist { variants: vec![variant] }.render()
    }
}

/// A rate with what MPEG-TS adds: headers, tables and the stuffing of each frame's last packet.
fn with_packets(rate: u32) -> u64 {
    u64::from(rate) * 108 / 100
}

impl Outlet for Listing {
    fn config(&mut self, config: &MediaEvent) {
        match config {
            MediaEvent::Video(video) => self.video = Some(video.clone()),
            MediaEvent::Audio(audio) => self.audio = Some(audio.clone()),
            MediaEvent::Packet(_) => return,
        }
        self.changed = true;
    }

    fn part(&mut self, part: Part) {
        self.broadcast.window.push_part(part);
    }

    fn segment(&mut self, segment: Arc<Segment>, last: bool) {
        if std::mem::take(&mut self.changed) {
            let playlist = self.describe();
            self.broadcast.window.set_multivariant(playlist.clone());
            self.multivariant.send_replace(Some(playlist));
        }
        metrics::counter!("weir_segments_total").increment(1);
        self.broadcast.window.push(&segment, last);
        let next = segment.sequence.next();
        let dropped = self.broadcast.uploads.push(segment);
        if dropped > 0 {
            metrics::counter!("weir_upload_segments_dropped_total").increment(dropped);
            self.broadcast.health.update_upload(|upload| upload.segments_dropped += dropped);
        }
        self.listed.send_replace(Some(next));
    }

    fn still(&mut self, still: Still) {
        self.broadcast.window.set_poster(still.data.clone());
        self.poster.send_replace(Some(still.data));
        if let Some(tiles) = &self.tiles {
            tiles.push(*self.listed.borrow(), still.tile);
        }
    }
}
