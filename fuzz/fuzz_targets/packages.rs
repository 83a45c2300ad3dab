//! Every parser of package databases (dpkg, rpm), package files, keys and signatures: the first
//! byte picks one, the rest is its input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch_facts::parsers::packages;
use stanch_words::Seen;

fuzz_target!(|bytes: &[u8]| {
    let Some((&pick, input)) = bytes.split_first() else { return };
    let parser = &packages::ALL[usize::from(pick) % packages::ALL.len()];
    let mut seen = Seen::default();
    (parser.parse)(input, &mut seen);
    let count = seen.rows.len() + seen.gaps.len();
    assert!(count <= 16 + 8 * input.len(), "{} makes {count} of {}", parser.name, input.len());
});
