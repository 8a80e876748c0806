//! Whole sessions behind the handshake, mutated by their messages as well as by their bytes.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|data: &[u8]| {
    let handshake = fuzz::handshake();
    let whole = fuzz::drive(&[&handshake, data], usize::MAX);
    assert!(fuzz::drive(&[&handshake, data], 1 + data.len() % 509) == whole);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mutated = if seed % 4 == 0 { None } else { fuzz::mutate::session(&data[..size], max_size, seed) };
    match mutated {
        None => fuzzer_mutate(data, size, max_size),
        Some(session) => {
            data[..session.len()].copy_from_slice(&session);
            session.len()
        }
    }
});
