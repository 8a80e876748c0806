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
    transcode::init();
    let mut transcoder = Transcoder::new(Options::default()).unwrap();
    assert_eq!(transcoder.still(640, 360).unwrap(), None);
    transcoder.start_session(Timestamp::ZERO);
    let pictures = "-f lavfi -i color=c=0xC83296:s=640x480:r=30:d=1";
    for event in publish(&[pictures, &tone(48_000, 1.0), X264, AAC]) {
        transcoder.push(event, &mut |_| {}).unwrap();
    }
    for _ in 0..3 {
        let still = transcoder.still(640, 360).unwrap().unwrap();
        let (size, color) = look(&still.data);
        assert_eq!((still.width, still.height, size.as_str()), (480, 360, "480 360"));
        let off = color.iter().zip([0xC8, 0x32, 0x96]).map(|(is, was): (&u8, u8)| is.abs_diff(was)).max();
        assert!(off.unwrap() <= 6, "{color:?}");
        let tile = still.tile;
        assert_eq!((tile.width, tile.height), (120, 90));
        let (size, color) =
            look(&sprite_sheet(&[tile.clone(), tile.clone(), tile.clone(), tile], 2).unwrap());
        assert_eq!(size, "240 180");
        let off = color.iter().zip([0xC8, 0x32, 0x96]).map(|(is, was): (&u8, u8)| is.abs_diff(was)).max();
        assert!(off.unwrap() <= 6, "{color:?}");
    }
}
