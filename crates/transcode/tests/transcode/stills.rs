//! Posters and sheets of sprites: what viewers see, as JPEGs that any decoder reads with the right colors.

use std::process::{Command, Stdio};

use media::Timestamp;
use transcode::{Options, Transcoder, sprite_sheet};

use crate::source::{AAC, X264, publish, tone};

/// Width, height and the mean color of a JPEG, as ffmpeg sees it.
fn look(jpeg: &[u8]) -> (String, [u8; 3]) {
    let run = |arguments: &[&str]| {
        let mut child = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "jpeg_pipe", "-i", "-"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), jpeg).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    };
    let pixel = run(&["-vf", "scale=1:1:flags=area", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    let picture = run(&["-pix_fmt", "gray", "-f", "image2pipe", "-c:v", "pgm", "-"]);
    let header = String::from_utf8_lossy(&picture[..15]).into_owned();
    let size = header.lines().nth(1).unwrap().to_owned();
    (size, [pixel[0], pixel[1], pixel[2]])
}

#[test]
fn a_still_is_what_viewers_see() {
    // The second is as large as stills are: only its range changes.
    looks_as_sent([0xC8, 0x32, 0x96], (640, 480), (480, 360), (120, 90));
    looks_as_sent([0xF0, 0xF0, 0xF0], (640, 360), (640, 360), (160, 90));
}

fn looks_as_sent(sent: [u8; 3], from: (u32, u32), to: (u32, u32), tile_size: (u32, u32)) {
    transcode::init();
    let mut transcoder = Transcoder::new(Options::default()).unwrap();
    assert_eq!(transcoder.still(640, 360).unwrap(), None);
    transcoder.start_session(Timestamp::ZERO);
    let [red, green, blue] = sent;
    let pictures =
        format!("-f lavfi -i color=c=0x{red:02X}{green:02X}{blue:02X}:s={}x{}:r=30:d=1", from.0, from.1);
    for event in publish(&[&pictures, &tone(48_000, 1.0), X264, AAC]) {
        transcoder.push(event, &mut |_| {}).unwrap();
    }
    for _ in 0..3 {
        let still = transcoder.still(640, 360).unwrap().unwrap();
        let (size, color) = look(&still.data);
        assert_eq!((still.width, still.height), to);
        assert_eq!(size, format!("{} {}", to.0, to.1));
        let off = color.iter().zip(sent).map(|(is, was): (&u8, u8)| is.abs_diff(was)).max();
        assert!(off.unwrap() <= 6, "{color:?}");
        let tile = still.tile;
        assert_eq!((tile.width, tile.height), tile_size);
        let (size, color) =
            look(&sprite_sheet(&[tile.clone(), tile.clone(), tile.clone(), tile], 2).unwrap());
        assert_eq!(size, format!("{} {}", 2 * tile_size.0, 2 * tile_size.1));
        let off = color.iter().zip(sent).map(|(is, was): (&u8, u8)| is.abs_diff(was)).max();
        assert!(off.unwrap() <= 6, "{color:?}");
    }
}
