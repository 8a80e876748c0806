//! AMF0 values, read within bounds and written (AMF 0 file format specification, 2007).
//!
//! The reader allocates for what is there, never for what a count declares. It stops with an error
//! at the first thing that it can't read, and [`read_values`] gives back what came before it: a
//! broken property in metadata must not cost an encoder its stream.

/// One AMF0 value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A string, long string or XML document.
    String(String),
    /// A string that isn't UTF-8.
    InvalidString,
    /// An object, typed object or ECMA array: its properties, in order.
    Object(Vec<(String, Value)>),
    /// A strict array.
    Array(Vec<Value>),
    /// A date: milliseconds since 1970, UTC.
    Date(f64),
    /// Null.
    Null,
    /// Undefined, unsupported, or a reference to an earlier object, which nobody sends in RTMP.
    Undefined,
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The value of an object's property.
    pub fn property(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(properties) => properties.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// What is wrong with an AMF0 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmfError {
    /// It ends in the middle of a value.
    #[error("it is truncated")]
    Truncated,
    /// A marker that doesn't occur in RTMP.
    #[error("it has a value of unknown type {0:#04x}")]
    UnknownMarker(u8),
    /// Objects nest deeper than the limit.
    #[error("it nests deeper than {0} levels")]
    TooDeep(usize),
    /// There are more values than the limit.
    #[error("it has more than {0} values")]
    TooManyValues(usize),
}

impl AmfError {
    /// Whether it is a limit that was met: nothing that an encoder does.
    pub fn is_limit(self) -> bool {
        matches!(self, Self::TooDeep(_) | Self::TooManyValues(_))
    }
}

/// The bounds of one message.
#[derive(Clone, Copy, Debug)]
pub struct AmfLimits {
    /// How deeply objects and arrays may nest.
    pub depth: usize,
    /// Values at all depths.
    pub values: usize,
}

/// Reads the values that a message consists of, up to its end or its first fault.
pub fn read_values(payload: &[u8], limits: AmfLimits) -> (Vec<Value>, Option<AmfError>) {
    let mut reader = Reader { rest: payload, limits, values: 0 };
    let mut values = Vec::new();
    while !reader.rest.is_empty() {
        match reader.value(0) {
            Ok(value) => values.push(value),
            Err(error) => return (values, Some(error)),
        }
    }
    (values, None)
}

mod marker {
    pub(super) const NUMBER: u8 = 0x00;
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const STRING: u8 = 0x02;
    pub(super) const OBJECT: u8 = 0x03;
    pub(super) const NULL: u8 = 0x05;
    pub(super) const UNDEFINED: u8 = 0x06;
    pub(super) const REFERENCE: u8 = 0x07;
    pub(super) const ECMA_ARRAY: u8 = 0x08;
    pub(super) const OBJECT_END: u8 = 0x09;
    pub(super) const STRICT_ARRAY: u8 = 0x0A;
    pub(super) const DATE: u8 = 0x0B;
    pub(super) const LONG_STRING: u8 = 0x0C;
    pub(super) const UNSUPPORTED: u8 = 0x0D;
    pub(super) const XML_DOCUMENT: u8 = 0x0F;
    pub(super) const TYPED_OBJECT: u8 = 0x10;
}

struct Reader<'a> {
    rest: &'a [u8],
    limits: AmfLimits,
    values: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, AmfError> {
        self.values += 1;
        if self.values > self.limits.values {
            return Err(AmfError::TooManyValues(self.limits.values));
        }
        if depth > self.limits.depth {
            return Err(AmfError::TooDeep(self.limits.depth));
        }
        Ok(match self.u8()? {
            marker::NUMBER => Value::Number(self.f64()?),
            marker::BOOLEAN => Value::Boolean(self.u8()? != 0),
            marker::STRING => self.short_string()?,
            marker::LONG_STRING | marker::XML_DOCUMENT => self.long_string()?,
            marker::OBJECT => self.properties(depth)?,
            marker::TYPED_OBJECT => {
                self.short_string()?;
                self.properties(depth)?
            }
            marker::ECMA_ARRAY => {
                self.u32()?; // the count is a hint that many encoders get wrong
                self.properties(depth)?
            }
            marker::STRICT_ARRAY => {
                let count = self.u32()?;
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Value::Array(values)
            }
            marker::DATE => {
                let date = Value::Date(self.f64()?);
                self.take(2)?; // a time zone, which is reserved
                date
            }
            marker::NULL => Value::Null,
            marker::UNDEFINED | marker::UNSUPPORTED => Value::Undefined,
            marker::REFERENCE => {
                self.take(2)?;
                Value::Undefined
            }
            unknown => return Err(AmfError::UnknownMarker(unknown)),
        })
    }

    fn properties(&mut self, depth: usize) -> Result<Value, AmfError> {
        let mut properties = Vec::new();
        // Some encoders leave out the end marker of a message's last object.
        while !self.rest.is_empty() {
            if self.rest.starts_with(&[0, 0, marker::OBJECT_END]) {
                self.take(3)?;
                break;
            }
            let length = self.u16()?;
            let name = String::from_utf8_lossy(self.take(length.into())?).into_owned();
            properties.push((name, self.value(depth + 1)?));
        }
        Ok(Value::Object(properties))
    }

    fn short_string(&mut self) -> Result<Value, AmfError> {
        let length = self.u16()?;
        Ok(string(self.take(length.into())?))
    }

    fn long_string(&mut self) -> Result<Value, AmfError> {
        let length = self.u32()?;
        Ok(string(self.take(length as usize)?))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], AmfError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(AmfError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], AmfError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(AmfError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, AmfError> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, AmfError> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, AmfError> {
        self.array().map(u32::from_be_bytes)
    }

    fn f64(&mut self) -> Result<f64, AmfError> {
        self.array().map(f64::from_be_bytes)
    }
}

fn string(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => Value::InvalidString,
    }
}

/// Writes values as a message's payload. Strings beyond 65,535 bytes become long strings.
pub fn write_values(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        write_value(value, &mut out);
    }
    out
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(marker::NUMBER);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Boolean(boolean) => out.extend_from_slice(&[marker::BOOLEAN, u8::from(*boolean)]),
        Value::String(text) => match u16::try_from(text.len()) {
            Ok(length) => {
                out.push(marker::STRING);
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Err(_) => {
                out.push(marker::LONG_STRING);
                out.extend_from_slice(&(text.len() as u32).to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        },
        Value::Object(properties) => {
            out.push(marker::OBJECT);
            for (name, value) in properties {
                // A name has no long form; ours are all short, and what we echo was read as short.
                let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(&name.as_bytes()[..length.into()]);
                write_value(value, out);
            }
            out.extend_from_slice(&[0, 0, marker::OBJECT_END]);
        }
        Value::Array(values) => {
            out.push(marker::STRICT_ARRAY);
            out.extend_from_slice(&(values.len() as u32).to_be_bytes());
            for value in values {
                write_value(value, out);
            }
        }
        Value::Date(millis) => {
            out.push(marker::DATE);
            out.extend_from_slice(&millis.to_be_bytes());
            out.extend_from_slice(&[0, 0]);
        }
        Value::Null => out.push(marker::NULL),
        Value::Undefined | Value::InvalidString => out.push(marker::UNDEFINED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rml_rtmp::rml_amf0;

    const LIMITS: AmfLimits = AmfLimits { depth: 16, values: 1024 };

    fn read_one(payload: &[u8]) -> Value {
        let (mut values, error) = read_values(payload, LIMITS);
        assert_eq!((values.len(), error), (1, None));
        values.remove(0)
    }

    #[test]
    fn a_date_a_long_string_and_a_typed_object_are_read() {
        let mut payload = vec![marker::ECMA_ARRAY, 0, 0, 0, 99];
        payload.extend_from_slice(b"\0\x04date\x0B");
        payload.extend_from_slice(&1e12f64.to_be_bytes());
        payload.extend_from_slice(
            b"\0\0\0\x04long\x0C\0\0\0\x02ab\0\x05typed\x10\0\x01T\0\x01x\x05\0\0\x09\0\0\x09",
        );
        let value = read_one(&payload);
        assert_eq!(value.property("date"), Some(&Value::Date(1e12)));
        assert_eq!(value.property("long").and_then(Value::as_str), Some("ab"));
        assert_eq!(value.property("typed").and_then(|v| v.property("x")), Some(&Value::Null));
    }

    #[test]
    fn undefined_unsupported_and_references_have_no_value() {
        for payload in [&[marker::UNDEFINED][..], &[marker::UNSUPPORTED], &[marker::REFERENCE, 0, 1]] {
            assert_eq!(read_one(payload), Value::Undefined);
        }
    }

    #[test]
    fn a_missing_end_marker_at_the_end_is_forgiven() {
        let value = read_one(b"\x03\0\x01a\x01\x01");
        assert_eq!(value.property("a"), Some(&Value::Boolean(true)));
    }

    #[test]
    fn a_string_of_other_encodings_is_marked() {
        assert_eq!(read_one(b"\x02\0\x02\xff\xfe"), Value::InvalidString);
    }

    #[test]
    fn what_precedes_a_fault_is_kept() {
        let (values, error) = read_values(b"\x02\0\x01a\x00\0\0", LIMITS);
        assert_eq!(values, [Value::String("a".into())]);
        assert_eq!(error, Some(AmfError::Truncated));
        let (values, error) = read_values(b"\x05\x11\x04", LIMITS);
        assert_eq!((values, error), (vec![Value::Null], Some(AmfError::UnknownMarker(0x11))));
    }

    #[test]
    fn seventy_thousand_levels_of_nesting_are_refused() {
        let payload = b"\x0A\0\0\0\x01".repeat(70_000);
        assert_eq!(read_values(&payload, LIMITS).1, Some(AmfError::TooDeep(16)));
        let payload = b"\x03\0\0".repeat(70_000);
        assert_eq!(read_values(&payload, LIMITS).1, Some(AmfError::TooDeep(16)));
    }

    #[test]
    fn a_flood_of_values_is_refused() {
        let nulls = vec![marker::NULL; 1 << 20];
        let (values, error) = read_values(&nulls, LIMITS);
        assert_eq!((values.len(), error), (1024, Some(AmfError::TooManyValues(1024))));
    }

    #[test]
    fn a_count_of_four_billion_allocates_nothing() {
        let (values, error) = read_values(b"\x0A\xff\xff\xff\xff\x05", LIMITS);
        assert_eq!((values.len(), error), (0, Some(AmfError::Truncated)));
    }

    #[test]
    fn another_implementation_reads_what_is_written() {
        let value = Value::Object(vec![
            ("level".into(), Value::String("status".into())),
            ("id".into(), Value::Number(1.0)),
            ("list".into(), Value::Array(vec![Value::Null, Value::Boolean(true)])),
        ]);
        let written = write_values(&[value]);
        let read = rml_amf0::deserialize(&mut std::io::Cursor::new(written)).unwrap();
        let rml_amf0::Amf0Value::Object(properties) = &read[0] else { panic!("{read:?}") };
        assert_eq!(properties["level"], rml_amf0::Amf0Value::Utf8String("status".into()));
        assert_eq!(properties["id"], rml_amf0::Amf0Value::Number(1.0));
        let list = vec![rml_amf0::Amf0Value::Null, rml_amf0::Amf0Value::Boolean(true)];
        assert_eq!(properties["list"], rml_amf0::Amf0Value::StrictArray(list));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (-1e9..1e9f64).prop_map(Value::Number),
            any::<bool>().prop_map(Value::Boolean),
            ".{0,12}".prop_map(Value::String),
            (0.0..1e13f64).prop_map(Value::Date),
            Just(Value::Null),
            Just(Value::Undefined),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(("[a-z]{1,6}", inner.clone()), 0..6).prop_map(Value::Object),
                prop::collection::vec(inner, 0..6).prop_map(Value::Array),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(values in prop::collection::vec(any_value(), 0..6)) {
            prop_assert_eq!(read_values(&write_values(&values), LIMITS), (values, None));
        }

        #[test]
        fn no_bytes_panic(payload in prop::collection::vec(any::<u8>(), 0..400)) {
            let (values, _) = read_values(&payload, LIMITS);
            prop_assert!(values.len() <= LIMITS.values);
        }
    }
}
