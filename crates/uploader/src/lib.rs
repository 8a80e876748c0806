//! Puts objects into an object store, whole or in parts, reads, lists and removes them, and keeps trying.
//!
//! An [`Object`] is a key, some bytes and two headers. An [`ObjectStore`] makes one attempt to do something with
//! one: [`S3Store`] against any S3-compatible server, [`MemoryStore`] in this process. The
//! [`Uploader`] is the one place that retries, and [`LatestObject`] keeps a key that changes over time
//! from ever being left on an older version. [`check`] says at start-up what is wrong with a store.
//!
//! Nothing here knows what the objects are for.

mod check;
mod latest;
mod listing;
mod memory;
mod multipart;
mod object;
mod retry;
mod s3;
mod store;
mod store_rule;
mod uploader;

pub use check::{CheckError, check};
pub use latest::LatestObject;
pub use listing::{ListedMultipart, ListedObject, Page};
pub use memory::MemoryStore;
pub use multipart::{Multipart, Part};
pub use object::Object;
pub use retry::RetryPolicy;
pub use s3::{LifecycleChange, LifecycleError, S3Options, S3OptionsError, S3Store};
pub use store::{GET_LIMIT, ObjectStore, Rejection, StoreError, StoreFuture};
pub use store_rule::{StoreRule, StoreRuleAction};
pub use uploader::{Error, Operation, Stored, Uploader};
