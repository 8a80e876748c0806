use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A playlist as it goes out: rendered and compressed once, however many ask for it.
#[derive(Clone)]
pub(crate) struct Rendered {
    pub(crate) plain: Bytes,
    pub(crate) gzip: Bytes,
}

impl Rendered {
    pub(crate) fn new(playlist: String) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing to a vector cannot fail; an empty body would be the worst that could come of it.
        let gzip = encoder.write_all(playlist.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { plain: playlist.into(), gzip: gzip.into() }
    }
}
