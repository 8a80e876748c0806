use media::{AudioCodec, AudioConfig, VideoCodec, VideoConfig};

use crate::aac::Aac;
use crate::h264::{self, H264};

/// The formats of a rendition for `CODECS` (RFC 6381): `avc1.64001f,mp4a.40.2`.
///
/// A track whose configuration doesn't tell is left out: H.264 without parameter sets, for one.
/// [`Segmenter::codecs`](crate::Segmenter::codecs) knows those that come in band, too.
pub fn codecs_string(video: Option<&VideoConfig>, audio: Option<&AudioConfig>) -> String {
    let video = video.filter(|config| config.codec == VideoCodec::H264).and_then(|config| {
        let h264 = H264::new(config).ok()?;
        h264::codec_string(h264.sps().first()?)
    });
    let audio = audio.filter(|config| config.codec == AudioCodec::Aac);
    let audio = audio.and_then(|config| Some(Aac::new(config).ok()?.codec_string()));
    join(video, audio)
}

/// The value of `CODECS` for what is known.
pub(crate) fn join(video: Option<String>, audio: Option<String>) -> String {
    video.into_iter().chain(audio).collect::<Vec<_>>().join(",")
}
