//! rtmp-ingest
