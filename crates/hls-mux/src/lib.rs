//! hls-mux
