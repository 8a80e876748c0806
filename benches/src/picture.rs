//! A picture that keeps an encoder busy: it pans, and no two frames have the same grain.

use std::f32::consts::TAU;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::stamp;

/// Pixels that the picture moves by from frame to frame; even, so that chroma moves in whole pixels.
const PAN: usize = 4;
/// The grain's greatest strength, of 255.
const GRAIN: u8 = 14;

/// Makes frames in planar YUV 4:2:0, the layout that ffmpeg calls `yuv420p`.
pub struct Picture {
    width: usize,
    height: usize,
    /// The scenery, twice beside itself, so that any pan is one copy a line.
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
    grain: Vec<u8>,
    random: StdRng,
}

impl Picture {
    /// The same scenery and grain for each run of the same size; sides must be even.
    pub fn new(width: usize, height: usize) -> Self {
        let mut random = StdRng::seed_from_u64(1);
        let texture = |x: usize, y: usize, waves: f32, slant: f32| {
            (TAU * (waves * x as f32 / width as f32 + slant * y as f32 / height as f32)).sin()
        };
        let mut luma = Vec::with_capacity(2 * width * height);
        for y in 0..height {
            let line: Vec<u8> = (0..width)
                .map(|x| {
                    let broad = 45.0 * texture(x, y, 3.0, 2.0) + 25.0 * texture(x, y, 17.0, -9.0);
                    let fine = 10.0 * texture(x, y, 71.0, 40.0) + random.random_range(-6.0..6.0);
                    (115.0 + broad + fine) as u8
                })
                .collect();
            luma.extend_from_slice(&line);
            luma.extend_from_slice(&line);
        }
        let plane = |waves: f32| {
            let mut plane = Vec::with_capacity(width * height / 2);
            for y in (0..height).step_by(2) {
                for x in 0..width {
                    let at = x % (width / 2) * 2;
                    plane.push((128.0 + 50.0 * texture(at, y, waves, 1.0)) as u8);
                }
            }
            plane
        };
        let chroma = [plane(2.0), plane(5.0)];
        let grain = (0..1 << 20).map(|_| random.random_range(0..GRAIN)).collect();
        Self { width, height, luma, chroma, grain, random }
    }

    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> usize {
        self.width * self.height * 3 / 2
    }

    /// Renders frame number `index` with the time stamp `unix_millis` into `frame`.
    pub fn render(&mut self, index: usize, unix_millis: u64, frame: &mut Vec<u8>) {
        let pan = index * PAN % self.width;
        frame.clear();
        for line in self.luma.chunks_exact(2 * self.width) {
            let grain_at = self.random.random_range(0..self.grain.len() - self.width);
            let grain = &self.grain[grain_at..][..self.width];
            frame.extend(line[pan..][..self.width].iter().zip(grain).map(|(luma, grain)| luma + grain));
        }
        for plane in &self.chroma {
            for line in plane.chunks_exact(self.width) {
                frame.extend_from_slice(&line[pan / 2..][..self.width / 2]);
            }
        }
        stamp::paint(frame, self.width, unix_millis);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_and_differ() {
        let mut picture = Picture::new(640, 360);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        picture.render(0, 1, &mut first);
        picture.render(1, 1, &mut second);
        assert_eq!(first.len(), picture.frame_bytes());
        assert_eq!(second.len(), picture.frame_bytes());
        assert_ne!(first, second);
    }
}
