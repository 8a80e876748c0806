//! Small pictures of a recorded broadcast for the seek bar: sheets of tiles, stored beside its segments while it runs.
//!
//! What a sheet shows is in the catalog once the store has it, so that a crash loses the tiles of half a minute at most.

use std::time::Duration;

use hls_mux::MediaSequence;
use metrics::counter;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use transcode::{Tile, sprite_sheet};
use uploader::{Object, Uploader};

use super::ObjectKeys;
use crate::catalog::{Catalog, CatalogError, SpriteSheet, VideoId};
use crate::recordings::render_thumbs;

pub(crate) const SPRITES_TYPE: &str = "image/jpeg";
pub(crate) const THUMBS_TYPE: &str = "text/vtt";
/// A sheet grows while its broadcast is on air.
pub(crate) const SPRITES_CACHE: &str = "public, max-age=30";

/// Tiles in a row of a sheet, and in all of it.
pub(crate) const COLUMNS: usize = 10;
const TILES: usize = 100;
/// A sheet is first stored with so many tiles: the catalog doesn't know of the recording when a broadcast's first is made.
const STORE_FIRST: usize = 2;
/// It is stored again with so many new ones.
const STORE_EVERY: usize = 6;
/// After so many sheets every second still makes a tile, after twice as many every fourth, …: a day is 22 sheets.
const SHEETS_OF_A_PACE: u32 = 4;
/// Tiles that wait while a sheet is stored.
const QUEUE: usize = 32;
/// How long the end of a broadcast waits for its last sheet.
const LAST_SHEET: Duration = Duration::from_secs(10);

/// Where the encoder's thread leaves tiles.
pub(super) struct TileSender {
    first: MediaSequence,
    sender: mpsc::Sender<(MediaSequence, Tile)>,
}

impl TileSender {
    /// A tile of the segment that is being made: the one after the last that is listed.
    pub(super) fn push(&self, next: Option<MediaSequence>, tile: Tile) {
        if self.sender.try_send((next.unwrap_or(self.first), tile)).is_err() {
            counter!("weir_sprites_dropped_total").increment(1);
        }
    }
}

/// The sheets of a broadcast: the one that grows.
pub(super) struct Sheets {
    id: VideoId,
    catalog: Catalog,
    uploader: Uploader,
    /// Those before it.
    complete: u32,
    /// Stills since the last that made a tile.
    passed: u32,
    tiles: Vec<(MediaSequence, Tile)>,
    stored: usize,
}

/// Why a sheet isn't stored.
#[derive(Debug, thiserror::Error)]
enum SheetError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] uploader::Error),
    #[error(transparent)]
    Encode(#[from] transcode::Error),
    #[error("the sheet's encoder panicked: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

/// Collects tiles until the encoder has ended. What it answers must be given to [`finish`].
pub(super) fn collect(
    id: &VideoId,
    catalog: &Catalog,
    uploader: &Uploader,
    first: MediaSequence,
) -> (TileSender, impl Future<Output = Sheets> + Send + 'static) {
    let (sender, mut tiles) = mpsc::channel(QUEUE);
    let mut sheets = Sheets {
        id: id.clone(),
        catalog: catalog.clone(),
        uploader: uploader.clone(),
        complete: 0,
        passed: u32::MAX,
        tiles: Vec::new(),
        stored: 0,
    };
    let collected = async move {
        // A server that died may have left some.
        sheets.complete = sheets.catalog.sheets_on_air(&sheets.id).await.unwrap_or_default();
        while let Some((sequence, tile)) = tiles.recv().await {
            sheets.push(sequence, tile).await;
        }
        sheets
    };
    (TileSender { first, sender }, collected)
}

/// The broadcast is over, and the catalog knows of its recording: stores what isn't yet, and the list of all.
pub(super) async fn finish(collected: Option<JoinHandle<Sheets>>) {
    let Some(collected) = collected else { return };
    let last = async {
        let Ok(mut sheets) = collected.await else { return };
        sheets.store().await;
        if let Err(error) = sheets.list().await {
            tracing::warn!(%error, "the list of sprites cannot be stored");
        }
    };
    if timeout(LAST_SHEET, last).await.is_err() {
        tracing::warn!("the last sheet of sprites is not stored");
    }
}

impl Sheets {
    async fn push(&mut self, sequence: MediaSequence, tile: Tile) {
        self.passed = self.passed.saturating_add(1);
        if self.passed < stills_a_tile(self.complete) {
            return;
        }
        self.passed = 0;
        if self.tiles.len() >= TILES {
            self.tiles.clear();
            self.stored = 0;
            self.complete += 1;
        }
        self.tiles.push((sequence, tile));
        let enough = if self.stored == 0 { STORE_FIRST } else { self.stored + STORE_EVERY };
        if self.tiles.len() >= enough || self.tiles.len() == TILES {
            self.store().await;
        }
    }

    async fn store(&mut self) {
        if self.tiles.len() == self.stored {
            return;
        }
        match self.try_store().await {
            Ok(()) => self.stored = self.tiles.len(),
            // The next tiles bring another attempt.
            Err(error) => {
                counter!("weir_sprites_failures_total").increment(1);
                tracing::debug!(%error, "a sheet of sprites cannot be stored");
            }
        }
    }

    async fn try_store(&self) -> Result<(), SheetError> {
        let Some((sequence, tile)) = self.tiles.first() else { return Ok(()) };
        let tiles: Vec<Tile> = self.tiles.iter().map(|(_, tile)| tile.clone()).collect();
        let data = tokio::task::spawn_blocking(move || sprite_sheet(&tiles, COLUMNS)).await??;
        let key = ObjectKeys::new(&self.id).sprites(*sequence);
        let object = Object { key, data, content_type: SPRITES_TYPE, cache_control: SPRITES_CACHE };
        self.uploader.put(&object).await?;
        let sheet = SpriteSheet {
            sequence: *sequence,
            tile: (tile.width, tile.height),
            tiles: self.tiles.iter().map(|(sequence, _)| *sequence).collect(),
        };
        Ok(self.catalog.keep_sheet(&self.id, &sheet).await?)
    }

    /// Stores the list of all of the broadcast's tiles.
    async fn list(&self) -> Result<(), SheetError> {
        let newest = self.catalog.newest_recording(&self.id).await?;
        let Some(first) = newest.map(|recording| recording.first) else { return Ok(()) };
        let sheets = self.catalog.sprite_sheets(&self.id, first, None).await?;
        let entries = self.catalog.kept_segments(&self.id, first, None, u32::MAX).await?;
        let text = render_thumbs(&entries, &sheets);
        let key = ObjectKeys::new(&self.id).thumbs();
        let object =
            Object { key, data: text.into(), content_type: THUMBS_TYPE, cache_control: SPRITES_CACHE };
        self.uploader.put(&object).await?;
        Ok(())
    }
}

/// How many stills pass for each tile, so that sheets become ever fewer the longer a broadcast is.
fn stills_a_tile(sheets: u32) -> u32 {
    1 << (sheets / SHEETS_OF_A_PACE).min(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_broadcast_has_few_sheets() {
        let sheets_of = |seconds: u32| {
            let lasts = |sheet| 5 * TILES as u32 * stills_a_tile(sheet);
            (0..)
                .scan(0, |at, sheet| Some(std::mem::replace(at, *at + lasts(sheet))))
                .take_while(|at| *at < seconds)
                .count()
        };
        assert_eq!([600, 3600, 36_000, 86_400].map(sheets_of), [2, 6, 17, 22]);
    }
}
