//! AMF0: bounded, and what is read is written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtmp_ingest::amf0::{AmfLimits, read_values, write_values};

const LIMITS: AmfLimits = AmfLimits { depth: 16, values: 1024 };

fuzz_target!(|data: &[u8]| {
    let (values, _) = read_values(data, LIMITS);
    let written = write_values(&values);
    let (again, error) = read_values(&written, LIMITS);
    assert_eq!(error, None);
    // Bytes, not values: NaN isn't equal to itself.
    assert_eq!(write_values(&again), written);
});
