//! Frames by which switches tell of themselves: any bytes are read without a fall, and what is told
//! is no longer than the frame could hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch_contain::outside::neighbours;

fuzz_target!(|bytes: &[u8]| {
    if let Some(told) = neighbours::parse(bytes) {
        assert!(!told.port.is_empty());
        // A byte that is no text takes four letters.
        assert!(told.port.len() <= bytes.len() * 4);
    }
});
