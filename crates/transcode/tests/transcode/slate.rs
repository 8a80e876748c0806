//! The picture that is shown while nobody publishes.

use media::{Timestamp, Track};
use transcode::{Options, Slate, Transcoder};

use crate::output::Output;
use crate::source::{AAC, X264, pictures, publish, run_ffmpeg, tone};

/// A picture in one color, 4:3.
fn image(encoding: &str) -> Vec<u8> {
    run_ffmpeg(&["-f lavfi -i color=red:s=400x300 -frames:v 1", encoding, "-f image2pipe pipe:1"])
}

#[test]
fn it_is_shown_between_bars_until_there_is_a_publisher_again() {
    transcode::init();
    for encoding in ["-c:v png", "-c:v mjpeg -pix_fmt yuvj420p"] {
        let slate = Slate::decode(&image(encoding)).unwrap();
        let mut output = Output::default();
        let mut transcoder = Transcoder::new(Options::default()).unwrap();
        transcoder.show(&slate).unwrap();
        let clip = || publish(&[&pictures("640x360", "30", 2.0), &tone(48_000, 2.0), X264, AAC]);
        let mut sink = |event| output.events.push(event);
        clip().into_iter().for_each(|event| transcoder.push(event, &mut sink).unwrap());
        transcoder.show(&slate).unwrap();
        transcoder.fill_until(Timestamp::from_millis(4000), &mut sink).unwrap();
        transcoder.start_session(Timestamp::from_millis(4000));
        clip().into_iter().for_each(|event| transcoder.push(event, &mut sink).unwrap());
        output.close(transcoder);
        output.check();
        // Red in BT.601, which a picture of 360 rows is in: 81, 90 and 240.
        let red = |luma: f64| (luma - 81.0).abs() < 4.0;
        let shown = output.luma_at(Timestamp::from_millis(3000));
        assert!(red(shown.mean(84..556, 4..356)), "{}", shown.mean(84..556, 4..356));
        assert!((shown.mean(0..76, 0..360) - 16.0).abs() < 2.0, "bars");
        for millis in [1000, 5000] {
            assert!(!red(output.luma_at(Timestamp::from_millis(millis)).mean(84..556, 4..356)), "{millis}");
        }
        assert!(output.packets(Track::Video).len() >= 175);
    }
}

#[test]
fn what_cannot_be_shown_is_refused() {
    transcode::init();
    let refused = |file: &[u8]| Slate::decode(file).map(drop).unwrap_err().to_string();
    assert!(refused(b"GIF89a").contains("neither a PNG nor a JPEG"));
    assert!(refused(b"").contains("neither a PNG nor a JPEG"));
    for encoding in ["-c:v png", "-c:v mjpeg -pix_fmt yuvj420p"] {
        let image = image(encoding);
        assert!(refused(&image[..20]).contains("cannot be decoded"));
    }
}
