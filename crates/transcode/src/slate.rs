use std::sync::Arc;

use bytes::Bytes;
use ffmpeg_next::codec::Id;
use ffmpeg_next::{decoder, frame};

use crate::Error;
use crate::canvas::{Canvas, output_colors};
use crate::ffi::{self, Decoder};

/// What files begin with.
const KINDS: [(&[u8], Id); 2] = [(b"\x89PNG\r\n\x1a\n", Id::PNG), (b"\xff\xd8\xff", Id::MJPEG)];
/// Any small picture, to see whether another can be scaled.
const TRIAL: u32 = 16;

/// A picture to be shown while there is no publisher. A clone is the same picture.
#[derive(Clone)]
pub struct Slate {
    picture: Arc<frame::Video>,
}

impl Slate {
    /// Decodes a PNG or JPEG file.
    pub fn decode(file: &[u8]) -> Result<Self, Error> {
        let kind = KINDS.into_iter().find(|(beginning, _)| file.starts_with(beginning));
        let (_, id) = kind.ok_or(Error::UnknownImage)?;
        let picture = decoded(id, file).map_err(|source| Error::DamagedImage { source })?;
        Ok(Self { picture: Arc::new(picture) })
    }

    pub(crate) fn picture(&self) -> frame::Video {
        frame::Video::clone(&self.picture)
    }
}

fn decoded(id: Id, file: &[u8]) -> Result<frame::Video, ffmpeg_next::Error> {
    let codec = decoder::find(id).ok_or(ffmpeg_next::Error::DecoderNotFound)?;
    let mut decoder = Decoder::open(codec, &Bytes::new())?;
    decoder.send(file, 0, 0)?;
    decoder.send_end()?;
    let mut picture = frame::Video::empty();
    decoder.receive(&mut picture)?;
    if picture.is_corrupt() || picture.has_decode_errors() {
        return Err(ffmpeg_next::Error::InvalidData);
    }
    Canvas::new(TRIAL, TRIAL, output_colors(ffi::colors(&picture)))?.show(picture.clone())?;
    Ok(picture)
}
