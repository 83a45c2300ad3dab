//! Every format of logs: the first byte picks one, the rest is its input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch_facts::{logs, parsers};
use stanch_words::Seen;

fuzz_target!(|bytes: &[u8]| {
    let Some((&pick, input)) = bytes.split_first() else { return };
    let format = logs::ALL[usize::from(pick) % logs::ALL.len()];
    let mut seen = Seen::default();
    parsers::logs::parse(format, input, &mut seen);
    let count = seen.rows.len() + seen.gaps.len();
    assert!(count <= 16 + 8 * input.len(), "{} makes {count} of {}", format.name, input.len());
});
