use ffmpeg_next::{Error, format, frame};

use crate::ffi::{self, Colors, Conversion, Scaler};
use crate::fit::{Shape, fill};

/// Rows up to which an unlabelled picture is standard definition, and so BT.601.
const SD_ROWS: u32 = 576;
/// MatrixCoefficients (ITU-T H.273).
const RGB: i32 = 0;
const BT709: i32 = 1;
const BT601: i32 = 6;
/// Black in limited range: luma and both chroma planes.
const BLACK: [u8; 3] = [16, 128, 128];

/// The output picture, of one size for the whole broadcast. Whatever comes in is scaled onto it,
/// with black bars where the aspect differs.
pub(crate) struct Canvas {
    width: u32,
    height: u32,
    matrix: i32,
    picture: frame::Video,
    /// Where bars are needed: the scaled picture before it is put between them.
    inset: Option<frame::Video>,
    scaler: Option<(Conversion, Scaler)>,
    /// The last picture itself, where it needs no conversion.
    passed: Option<frame::Video>,
}

impl Canvas {
    /// A canvas for pictures whose samples are to be understood as `colors` say.
    pub(crate) fn new(width: u32, height: u32, colors: Colors) -> Result<Self, Error> {
        let mut picture = ffi::allocate_picture(width, height)?;
        blacken(&mut picture);
        let matrix = known_matrix(colors.matrix, height);
        Ok(Self { width, height, matrix, picture, inset: None, scaler: None, passed: None })
    }

    /// Shows `picture` from now on.
    pub(crate) fn show(&mut self, picture: frame::Video) -> Result<(), Error> {
        let (to_width, to_height) = fill(shape(&picture), self.width, self.height);
        let colors = ffi::colors(&picture);
        let conversion = Conversion {
            format: picture.format(),
            from: (picture.width(), picture.height()),
            to: (to_width, to_height),
            from_matrix: known_matrix(colors.matrix, picture.height()),
            to_matrix: self.matrix,
            from_full_range: colors.full_range,
            to_full_range: false,
        };
        if self.is_identity(&conversion) {
            self.passed = Some(picture);
            return Ok(());
        }
        self.prepare(conversion)?;
        let Some((_, scaler)) = &mut self.scaler else { return Err(Error::Bug) };
        ffi::make_writable(&mut self.picture)?;
        match &mut self.inset {
            None => scaler.run(&picture, &mut self.picture)?,
            Some(inset) => {
                scaler.run(&picture, inset)?;
                paste(inset, &mut self.picture);
            }
        }
        self.passed = None;
        Ok(())
    }

    /// MatrixCoefficients (H.273) of the picture that is shown.
    pub(crate) fn matrix(&self) -> i32 {
        self.matrix
    }

    /// The picture that is shown.
    pub(crate) fn picture(&mut self) -> &mut frame::Video {
        self.passed.as_mut().unwrap_or(&mut self.picture)
    }

    fn is_identity(&self, conversion: &Conversion) -> bool {
        let whole = (self.width, self.height);
        conversion.format == format::Pixel::YUV420P
            && conversion.from == whole
            && conversion.to == whole
            && conversion.from_matrix == conversion.to_matrix
            && !conversion.from_full_range
    }

    /// Makes the scaler for `conversion`, and the bars, unless they are there.
    fn prepare(&mut self, conversion: Conversion) -> Result<(), Error> {
        if self.scaler.as_ref().is_some_and(|(current, _)| *current == conversion) {
            return Ok(());
        }
        self.scaler = Some((conversion, Scaler::new(&conversion)?));
        let (width, height) = conversion.to;
        self.inset = None;
        if (width, height) != (self.width, self.height) {
            // Scaled apart from the canvas: swscale may write past the end of each row.
            self.inset = Some(ffi::allocate_picture(width, height)?);
            ffi::make_writable(&mut self.picture)?;
            blacken(&mut self.picture);
        }
        Ok(())
    }
}

/// A decoded picture's shape.
pub(crate) fn shape(picture: &frame::Video) -> Shape {
    let aspect = picture.aspect_ratio();
    let part = |part: i32| u32::try_from(part).unwrap_or(0);
    Shape {
        width: picture.width(),
        height: picture.height(),
        sample_aspect: (part(aspect.numerator()), part(aspect.denominator())),
    }
}

/// What to state of an output that is made of pictures with these colors.
pub(crate) fn output_colors(colors: Colors) -> Colors {
    Colors { matrix: if colors.matrix == RGB { BT709 } else { colors.matrix }, full_range: false, ..colors }
}

/// The matrix that a picture of `rows` rows uses, by convention if it isn't stated.
fn known_matrix(matrix: i32, rows: u32) -> i32 {
    match matrix {
        Colors::UNSPECIFIED if rows > SD_ROWS => BT709,
        Colors::UNSPECIFIED => BT601,
        // Nothing says what it is to be converted to.
        RGB => BT709,
        stated => stated,
    }
}

fn blacken(picture: &mut frame::Video) {
    for (plane, value) in BLACK.into_iter().enumerate() {
        picture.data_mut(plane).fill(value);
    }
}

/// Copies `inset` into the middle of `picture`, on an even position.
fn paste(inset: &frame::Video, picture: &mut frame::Video) {
    let left = ((picture.width() - inset.width()) / 4 * 2) as usize;
    let top = ((picture.height() - inset.height()) / 4 * 2) as usize;
    for plane in 0..BLACK.len() {
        let shift = usize::from(plane > 0);
        let (left, top) = (left >> shift, top >> shift);
        let (width, height) = (inset.plane_width(plane) as usize, inset.plane_height(plane) as usize);
        let (from_stride, to_stride) = (inset.stride(plane), picture.stride(plane));
        let from = inset.data(plane).chunks(from_stride);
        let to = picture.data_mut(plane).chunks_mut(to_stride).skip(top);
        for (to, from) in to.zip(from).take(height) {
            to[left..left + width].copy_from_slice(&from[..width]);
        }
    }
}
