//! Writes the seeds of all targets to `fuzz/corpus/`, from the fixtures of the tests and the pages
//! of content: `cargo run --bin seeds` in `fuzz/`.

use std::fs;
use std::io::Result;
use std::path::Path;

// Where the counting of ways that `cargo fuzz` compiles in has its other half.
use libfuzzer_sys as _;
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
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ground/facts/fixtures");
    for packed in [
        "archive/probe_1.0_all.deb",
        "lines-alone.lz4",
        "lines-linked.lz4",
        "rpmdb.sqlite.xz",
        "../src/decompress/lines.xz",
    ] {
        write(&corpus.join("archives"), packed, &fs::read(fixtures.join(packed))?)?;
    }
    // The kinds of `content`: a program of this machine, and the pages of the tests.
    write(&corpus.join("content"), "elf", &[b"\0", &*fs::read("/bin/true")?].concat())?;
    for (kind, pages) in [(2_u8, "perl"), (2, "python"), (3, "php-pages"), (4, "jsp"), (5, "asp")] {
        let text =
            fs::read_to_string(fixtures.join("web_shells").join(pages).with_extension("txt"))?;
        for (number, page) in text.split("\n==== ").enumerate() {
            // They lie there turned by thirteen letters, so that no scanner takes them for real.
            let page = page.split_once('\n').map_or("", |(_, page)| page);
            let page: String = page.chars().map(turned).collect();
            let seed = [&[kind], page.as_bytes()].concat();
            write(&corpus.join("content"), &format!("{pages}-{number}"), &seed)?;
        }
    }
    let golden = include_bytes!("../../../ground/ledger/tests/golden/v1.jsonl");
    write(&corpus.join("ledger"), "v1", golden)
}

/// ROT13.
fn turned(letter: char) -> char {
    let turn = |first: u8| char::from((letter as u8 - first + 13) % 26 + first);
    match letter {
        'a'..='z' => turn(b'a'),
        'A'..='Z' => turn(b'A'),
        other => other,
    }
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(name.replace(['/', ' '], "-")), bytes)
}
