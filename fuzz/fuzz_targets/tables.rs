//! Every parser of the tables: the first byte picks one, the rest is its input. Login records,
//! crontabs, `/proc` files, package lists: `stanch_facts::parsers` is the list.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch_facts::parsers;
use stanch_words::Seen;

fuzz_target!(|bytes: &[u8]| {
    let Some((&pick, input)) = bytes.split_first() else { return };
    let parser = &parsers::ALL[usize::from(pick) % parsers::ALL.len()];
    let mut seen = Seen::default();
    (parser.parse)(input, &mut seen);
    let count = seen.rows.len() + seen.gaps.len();
    assert!(count <= 16 + 8 * input.len(), "{} makes {count} of {}", parser.name, input.len());
});
