//! What a file's content gives away: ELF headers, pictures, scripts, pages. The first byte picks the
//! kind that the rest is taken for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch_facts::content::{self, Kind};

fuzz_target!(|bytes: &[u8]| {
    let Some((&pick, input)) = bytes.split_first() else { return };
    let kinds = [Kind::Elf, Kind::Image, Kind::Script, Kind::Php, Kind::Jsp, Kind::Asp];
    let kind = kinds[usize::from(pick) % kinds.len()];
    for oddity in content::oddities(input, kind, "x") {
        assert!((0..=100).contains(&oddity.score), "{oddity:?}");
    }
    let _any = content::kind(input, "x");
});
