//! Streams on air: from a session's packets to segments in memory and in the object store.

mod audience;
mod board;
mod broadcast;
mod claim;
mod edge;
mod encoder;
mod ending;
mod experience;
mod feed;
mod health;
mod history;
mod launch;
mod listing;
mod meter;
mod muxing;
mod numbering;
mod objects;
mod overload;
mod playlist_writer;
mod poster;
mod processor;
mod publisher;
mod pulse;
mod recovery;
mod registry;
mod rendered;
mod segment_upload;
mod sprites;
mod supervisor;
mod throughput;
mod upload_queue;
mod watchdog;
mod window;
mod workload;

pub(crate) use audience::{Attendance, Fingerprint};
pub(crate) use board::{Board, Brief, Full, Watching};
pub(crate) use broadcast::{Attached, Removal, SessionEnd};
pub(crate) use claim::Origin;
pub(crate) use edge::Wanted;
pub(crate) use experience::{Experience, Report};
pub(crate) use feed::FeedError;
pub(crate) use health::{EncodeHealth, IngestHealth, IngestMeter, UploadHealth, whole_millis};
pub(crate) use history::keep as keep_history;
pub(crate) use objects::{
    MEDIA_PLAYLIST, ObjectKeys, ObjectName, THUMBS, VOD_PLAYLIST, sprites_name, sprites_sequence,
};
pub(crate) use poster::{POSTER_CACHE, POSTER_TYPE};
pub(crate) use processor::measure as measure_processor;
pub(crate) use publisher::{PLAYLIST_CACHE, PLAYLIST_TYPE, SEGMENT_CACHE, SEGMENT_TYPE};
pub(crate) use registry::{AttachError, Registry, RegistryOptions};
pub(crate) use rendered::Rendered;
pub(crate) use sprites::{COLUMNS as SPRITE_COLUMNS, SPRITES_CACHE, SPRITES_TYPE, THUMBS_TYPE};
pub(crate) use watchdog::Station;
pub(crate) use window::{Form, Served, WaitError};
