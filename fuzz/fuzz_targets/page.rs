//! Pages of content, and the cases in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stanch_facts::tables;
use stanch_rules::{Page, Sign, case};

fuzz_target!(|text: &str| {
    let Ok(page) = Page::parse("signs/files/a", text) else { return };
    let specs: Vec<_> = tables::ALL.iter().map(|table| table.spec).collect();
    let sign = Sign::new(page);
    for text in &sign.page.cases {
        // The rows only: a query of the fuzzer's own may run for ever.
        let _made = case::rows(specs.clone(), &text.body);
    }
});
