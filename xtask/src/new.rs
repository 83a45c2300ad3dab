//! Skeletons. What they leave empty fails a law until it is filled in.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::{House, say};

/// Writes the page of a new sign.
///
/// # Errors
/// If the id has not the right shape, or the page is there.
pub fn sign(house: &House, id: &str) -> Result<ExitCode> {
    let (topic, name) = id.split_once('.').context("a sign is called TOPIC.WHAT-IS-SEEN")?;
    let topics = ["performance", "traffic", "logs", "files", "processes"];
    ensure!(topics.contains(&topic), "the topic is one of {topics:?}");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(!name.is_empty() && name.chars().all(plain), "`{name}` is not lower-case-with-dashes");
    let path = format!("content/signs/{topic}/{name}.md");
    ensure!(!house.has(&path), "{path} is there");
    house.write(&path, &sign_text(id))?;
    say(&format!("{path}: fill it in, then `cargo xtask pack --fix`"));
    Ok(ExitCode::SUCCESS)
}

/// Returns a page without prose and cases.
pub fn sign_text(id: &str) -> String {
    let mut text = format!(
        "+++\nid = \"{id}\"\ntitle = {{ en = \"\", zh = \"\" }}\nlevel = \"\"\nconfidence = 0.0\n\
         class = \"\"\ncatalogue = []\nattack = []\nsubject = {{ kind = \"process\", pid = \"pid\", \
         start = \"start_ticks\", path = \"path\" }}\nseen = {{ en = \"\", zh = \"\" }}\n\
         evidence = {{ source = \"/proc/{{pid}}\", excerpt = \"{{path}}\" }}\nnext = []\n\
         sql = \"\"\"\nSELECT p.pid, p.path, p.start_ticks\nFROM processes p\nWHERE 0\n\"\"\"\n+++\n"
    );
    for (en, zh) in stanch_rules::page::HEADINGS {
        text.push_str(&format!("## {en}\n\n## {zh}\n\n"));
    }
    text.push_str("## Cases\n");
    text
}

/// Writes the file of a new table and its line in the list.
///
/// # Errors
/// If the name has not the right shape, or the table is there.
pub fn table(house: &House, name: &str) -> Result<ExitCode> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    ensure!(!name.is_empty() && name.chars().all(plain), "`{name}` is not lower_case");
    let path = format!("ground/facts/src/tables/{name}.rs");
    ensure!(!house.has(&path), "{path} is there");
    let list = "ground/facts/src/tables.rs";
    let text = with_table(house.text(list), name).context("no list `tables! {` in tables.rs")?;
    house.write(&path, &table_text(name))?;
    house.write(list, &text)?;
    say(&format!(
        "{path}: fill it in; its Chinese goes into faces/view/src/texts/zh (`cargo test -p \
         stanch-view` says what is missing); then `cargo xtask handbook`"
    ));
    Ok(ExitCode::SUCCESS)
}

/// Returns the list with a table put in, in alphabetical order.
pub fn with_table(list: &str, name: &str) -> Option<String> {
    let (head, rest) = list.split_once("\ntables! {\n")?;
    let (names, tail) = rest.split_once("\n}")?;
    let mut names: Vec<&str> = names.lines().map(str::trim).chain([name]).collect();
    names.sort_unstable();
    names.dedup();
    let names = names.join("\n    ");
    Some(format!("{head}\ntables! {{\n    {names}\n}}{tail}"))
}

/// Returns a table without sentences.
pub fn table_text(name: &str) -> String {
    format!(
        "//! Story: what an intruder does here, and where this is read from.\n//!\n//! Source: \n\n\
         use std::path::Path;\n\nuse stanch_machine::limits;\nuse stanch_words::{{Ask, Seen, table_spec}};\n\n\
         use crate::Host;\n\ntable_spec! {{\n    /// \n    pub static SPEC, col = \"{name}\": Files, \"\";\n    \
         path Text Plain \"\";\n}}\n\n/// Reads the file.\n\
         pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {{\n    \
         if let Some(bytes) = host.read(SPEC.name, Path::new(\"/etc/{name}\"), limits::CONFIG_FILE, seen) {{\n        \
         parse(&bytes, seen);\n    }}\n}}\n\n/// Parses it.\npub fn parse(bytes: &[u8], seen: &mut Seen) {{\n    \
         for line in bytes.split(|&b| b == b'\\n').filter(|line| !line.is_empty()) {{\n        \
         let mut row = SPEC.row();\n        row.put(col::path, line);\n        seen.push(row);\n    }}\n}}\n"
    )
}
