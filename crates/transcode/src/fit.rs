/// A picture's size and the shape of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Samples in a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// How much wider than high a sample is, as a fraction; 0 where it isn't stated.
    pub(crate) sample_aspect: (u32, u32),
}

impl Shape {
    /// Width and height in square pixels, both multiplied by the same number.
    fn display(self) -> (u128, u128) {
        let (num, den) = match self.sample_aspect {
            (0, _) | (_, 0) => (1, 1),
            // Beyond any real format it is a lie; it would leave a picture one pixel high.
            (num, den) if num / den > 8 || den / num > 8 => (1, 1),
            (num, den) => (u128::from(num), u128::from(den)),
        };
        (u128::from(self.width) * num, u128::from(self.height) * den)
    }
}

/// The size in square pixels with which `shape` fills the box of `width` by `height` best without
/// exceeding it: even numbers, as 4:2:0 asks.
pub(crate) fn fill(shape: Shape, width: u32, height: u32) -> (u32, u32) {
    let (display_width, display_height) = shape.display();
    if display_width == 0 || display_height == 0 {
        return (even(u128::from(width), 1), even(u128::from(height), 1));
    }
    let (box_width, box_height) = (u128::from(width), u128::from(height));
    let (fitted_width, fitted_height) = if display_width * box_height >= display_height * box_width {
        (even(box_width, 1), even(box_width * display_height, display_width))
    } else {
        (even(box_height * display_width, display_height), even(box_height, 1))
    };
    (fitted_width.min(width & !1), fitted_height.min(height & !1))
}

/// As [`fill`], but never larger than the picture is.
pub(crate) fn fit(shape: Shape, width: u32, height: u32) -> (u32, u32) {
    let (display_width, display_height) = shape.display();
    let scale = u128::from(shape.height.max(1));
    // Square pixels at the picture's own height: wide samples widen it, none are thrown away.
    let own_height = u128::from(shape.height);
    let own_width = (display_width * scale).div_ceil(display_height.max(1)).max(1);
    let width = u128::from(width).min(own_width) as u32;
    let height = u128::from(height).min(own_height) as u32;
    fill(shape, width.max(2), height.max(2))
}

/// The even number nearest to `num / den`, the lower of two, but at least 2.
fn even(num: u128, den: u128) -> u32 {
    let half = (num + den - 1) / (2 * den);
    u32::try_from(half.max(1) * 2).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(width: u32, height: u32) -> Shape {
        Shape { width, height, sample_aspect: (1, 1) }
    }

    #[test]
    fn common_sizes() {
        for (from, to) in [
            ((1920, 1080), (1280, 720)),
            ((1280, 720), (1280, 720)),
            ((640, 360), (640, 360)),
            ((1080, 1920), (404, 720)),
            ((1440, 1080), (960, 720)),
            ((2560, 1080), (1280, 540)),
            ((1366, 768), (1280, 720)),
            ((641, 361), (640, 360)),
            ((3840, 2160), (1280, 720)),
        ] {
            assert_eq!(fit(shape(from.0, from.1), 1280, 720), to, "{from:?}");
        }
    }

    #[test]
    fn samples_that_are_not_square_become_so() {
        let pal = Shape { width: 720, height: 576, sample_aspect: (16, 11) };
        assert_eq!(fit(pal, 1280, 720), (1048, 576));
        let anamorphic = Shape { width: 1440, height: 1080, sample_aspect: (4, 3) };
        assert_eq!(fit(anamorphic, 1280, 720), (1280, 720));
    }

    #[test]
    fn another_shape_fills_one_side_of_the_canvas() {
        assert_eq!(fill(shape(640, 360), 1280, 720), (1280, 720));
        assert_eq!(fill(shape(720, 1280), 1280, 720), (404, 720));
        assert_eq!(fill(shape(1920, 1080), 404, 720), (404, 228));
    }

    proptest! {
        #[test]
        fn fits_is_even_and_keeps_its_aspect(w in 16u32..8192, h in 16u32..8192, num in 0u32..100, den in 0u32..100) {
            let shape = Shape { width: w, height: h, sample_aspect: (num, den) };
            let (width, height) = fit(shape, 1280, 720);
            prop_assert!((2..=1280).contains(&width) && (2..=720).contains(&height));
            prop_assert!(width % 2 == 0 && height % 2 == 0);
            prop_assert!(height <= h);
            let (display_width, display_height) = shape.display();
            let wanted = display_width as f64 / display_height as f64;
            // Rounding to even moves each side by at most one pixel, or to the least of two.
            let near = |width: f64, height: f64| width / height;
            let (w, h) = (f64::from(width), f64::from(height));
            prop_assert!(near(w - 2.0, h + 2.0) <= wanted && (h <= 2.0 || wanted <= near(w + 2.0, h - 2.0)));
        }

        #[test]
        fn any_numbers_are_survived(w: u32, h: u32, num: u32, den: u32, x in 2u32..8192, y in 2u32..8192) {
            let shape = Shape { width: w >> 8, height: h >> 8, sample_aspect: (num, den) };
            for (width, height) in [fit(shape, x, y), fill(shape, x, y)] {
                prop_assert!(width >= 2 && height >= 2 && width <= x && height <= y);
            }
        }
    }
}
