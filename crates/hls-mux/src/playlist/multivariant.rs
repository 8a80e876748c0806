use std::fmt::Write;

use media::FrameRate;

/// A Multivariant Playlist (RFC 8216 §4.3.4, there called Master Playlist).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultivariantPlaylist {
    /// The renditions to choose from; players start with the first.
    pub variants: Vec<Variant>,
}

/// One rendition (`EXT-X-STREAM-INF`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its media playlist, relative to this one.
    pub uri: String,
    /// Its formats (RFC 6381); see [`codecs_string`](super::codecs_string). Left out if empty.
    pub codecs: String,
    /// Width in pixels; 0 without video.
    pub width: u32,
    /// Height in pixels; 0 without video.
    pub height: u32,
    /// Pictures in a second, at most.
    pub frame_rate: Option<FrameRate>,
    /// Highest bit rate of any segment, in bits a second, transport stream overhead included.
    pub bandwidth: u64,
    /// Mean bit rate of the segments.
    pub average_bandwidth: Option<u64>,
}

impl MultivariantPlaylist {
    /// The playlist as text.
    pub fn render(&self) -> String {
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n");
        for variant in &self.variants {
            // Writing to a string can't fail.
            let _ = variant.render_to(&mut text);
        }
        text
    }
}

impl Variant {
    fn render_to(&self, text: &mut String) -> std::fmt::Result {
        write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={}", self.bandwidth)?;
        if let Some(average) = self.average_bandwidth {
            write!(text, ",AVERAGE-BANDWIDTH={average}")?;
        }
        if !self.codecs.is_empty() {
            write!(text, ",CODECS=\"{}\"", self.codecs)?;
        }
        if self.width > 0 && self.height > 0 {
            write!(text, ",RESOLUTION={}x{}", self.width, self.height)?;
        }
        if let Some(rate) = self.frame_rate {
            write!(text, ",FRAME-RATE={:.3}", rate.as_f64())?;
        }
        writeln!(text, ",CLOSED-CAPTIONS=NONE\n{}", self.uri)
    }
}
