//! Writes the seeds of all targets to `fuzz/corpus/`, from the fixtures of the tests and the pages
//! of content: `cargo run --bin seeds` in `fuzz/`.

use std::fs;
use std::io::Result;
use std::path::Path;

use stanch_contain::outside::neighbours;
use stanch_facts::{logs, parsers};
use stanch_rules::content;

fn main() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (number, parser) in (0_u8..).zip(parsers::ALL) {
        let seed = [&[number], parser.seed].concat();
        write(&corpus.join("tables"), parser.name, &seed)?;
    }
    for (number, parser) in (0_u8..).zip(parsers::packages::ALL) {
        let seed = [&[number], parser.seed].concat();
        write(&corpus.join("packages"), parser.name, &seed)?;
    }
    for (number, format) in (0_u8..).zip(logs::ALL) {
        if let Some(sample) = parsers::logs::sample(format) {
            let seed = [&[number], sample.bytes].concat();
            write(&corpus.join("logs"), format.name, &seed)?;
        }
    }
    for (path, text) in content::texts() {
        write(&corpus.join("page"), path, text.as_bytes())?;
        if let Some(sql) = text.split("\"\"\"").nth(1) {
            write(&corpus.join("query"), path, sql.as_bytes())?;
        }
    }
    if let Some(items) = parsers::ALL.iter().find(|parser| parser.name == "baseline items") {
        write(&corpus.join("baseline"), "items", items.seed)?;
    }
    for (name, seed) in neighbours::SEEDS {
        write(&corpus.join("neighbours"), name, seed)?;
    }
    let golden = include_bytes!("../../../ground/ledger/tests/golden/v1.jsonl");
    write(&corpus.join("ledger"), "v1", golden)
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(name.replace(['/', ' '], "-")), bytes)
}
