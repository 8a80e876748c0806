//! What happens to streams, for programs: kept in the catalog, told over server-sent events.
//!
//! The catalog is the only buffer. An event is written in the transaction of the change that it tells
//! of; whoever listens keeps its place, an event's number, and reads on from there at its own pace.

mod event;
mod subscription;

pub(crate) use event::{Event, EventType};
pub(crate) use subscription::Subscription;
