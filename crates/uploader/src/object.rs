use bytes::Bytes;

/// A named sequence of bytes, with the headers under which it is served. Cloning copies no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The name in the store, `/`-separated, without a leading slash. No segment may be empty, `.` or `..`.
    pub key: String,
    /// The content.
    pub data: Bytes,
    /// `Content-Type`, e.g. `video/mp2t`.
    pub content_type: &'static str,
    /// `Cache-Control`, e.g. `no-cache`.
    pub cache_control: &'static str,
}
