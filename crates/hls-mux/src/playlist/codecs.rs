use media::{AudioConfig, VideoConfig};

/// The formats of a rendition for `CODECS` (RFC 6381): `avc1.64001f,mp4a.40.2`.
pub fn codecs_string(_video: Option<&VideoConfig>, _audio: Option<&AudioConfig>) -> String {
    String::new()
}
