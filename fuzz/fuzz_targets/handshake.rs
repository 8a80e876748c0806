//! Anything at all on the port: the handshake and what other protocols begin with.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let whole = fuzz::drive(&[data], usize::MAX);
    assert!(fuzz::drive(&[data], 1 + data.len() % 61) == whole);
});
