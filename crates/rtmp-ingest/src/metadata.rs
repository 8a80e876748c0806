//! `onMetaData` to hints.

use crate::amf0::Value;
use crate::publish::Metadata;

/// The longest text that is kept of what an encoder says of itself.
const MAX_TEXT: usize = 128;

/// The metadata in a data message, with or without `@setDataFrame` before it.
pub(crate) fn read(values: &[Value]) -> Option<Metadata> {
    let values = match values {
        [Value::String(name), rest @ ..] if name == "@setDataFrame" => rest,
        values => values,
    };
    match values {
        [Value::String(name), object @ Value::Object(_), ..] if name == "onMetaData" => {
            Some(from_object(object))
        }
        _ => None,
    }
}

fn from_object(object: &Value) -> Metadata {
    let number = |name: &str| {
        let number = object.property(name)?.as_number()?;
        (number.is_finite() && number > 0.0).then_some(number)
    };
    let integer = |name: &str| number(name).filter(|n| *n <= f64::from(u32::MAX)).map(|n| n as u32);
    let stereo = match object.property("stereo") {
        Some(Value::Boolean(stereo)) => Some(if *stereo { 2 } else { 1 }),
        _ => None,
    };
    Metadata {
        encoder: object.property("encoder").and_then(Value::as_str).and_then(printable),
        width: integer("width"),
        height: integer("height"),
        frame_rate: number("framerate").or_else(|| number("fps")),
        video_bitrate: number("videodatarate"),
        audio_bitrate: number("audiodatarate"),
        audio_sample_rate: integer("audiosamplerate"),
        audio_channels: integer("audiochannels").and_then(|n| u8::try_from(n).ok()).or(stereo),
    }
}

/// Text from a stranger that may go into a log: cut, and without control characters.
pub(crate) fn printable(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Value {
        Value::Object(vec![
            ("width".into(), Value::Number(1280.0)),
            ("height".into(), Value::Number(f64::NAN)),
            ("framerate".into(), Value::Number(29.97)),
            ("videodatarate".into(), Value::Number(-1.0)),
            ("audiosamplerate".into(), Value::String("48000".into())),
            ("stereo".into(), Value::Boolean(true)),
            ("encoder".into(), Value::String("Lavf\n60".into())),
        ])
    }

    #[test]
    fn with_and_without_set_data_frame() {
        let name = |text: &str| Value::String(text.into());
        let bare = read(&[name("onMetaData"), object()]);
        assert_eq!(read(&[name("@setDataFrame"), name("onMetaData"), object()]), bare);
        let expected = Metadata {
            encoder: Some("Lavf60".into()),
            width: Some(1280),
            frame_rate: Some(29.97),
            audio_channels: Some(2),
            ..Default::default()
        };
        assert_eq!(bare, Some(expected));
    }

    #[test]
    fn anything_else_is_none() {
        let name = |text: &str| Value::String(text.into());
        for values in [
            vec![],
            vec![name("@setDataFrame")],
            vec![name("onMetaData")],
            vec![name("onCuePoint"), object()],
        ] {
            assert_eq!(read(&values), None);
        }
    }
}
