//! A baseline of any bytes: as a whole file, and its items without the links that guard them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch_facts::baseline::format;
use stanch_words::Seen;

fuzz_target!(|bytes: &[u8]| {
    let mut seen = Seen::default();
    if format::parse(bytes, &mut seen) == 0 && bytes.len() < format::FIRST_LINE.len() {
        assert_eq!(seen.gaps.len(), 1);
    }
    let items = format::parse_items(bytes, &mut seen);
    assert!(items as usize <= bytes.len());
});
