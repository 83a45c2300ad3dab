//! A ledger of any bytes: it holds or it does not, and every byte is accounted for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch_ledger::chain;

fuzz_target!(|bytes: &[u8]| {
    let mut entries = 0;
    if let Ok(checked) = chain::check(&mut &bytes[..], &mut |_entry| entries += 1) {
        assert_eq!(checked.head.n, entries);
        assert_eq!(checked.bytes as usize + checked.torn.len(), bytes.len());
    }
});
