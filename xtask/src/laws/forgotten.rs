//! Files that nothing includes.

use std::collections::BTreeSet;

use super::{Offence, offence};
use crate::House;

/// Returns the modules that a file declares: `mod name;`, and the lines of a list macro
/// (`tables! { one two }`, `messages! { one: "a" | "b"; }`), which declares a module a line.
fn declared(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut in_list = false;
    for line in text.lines() {
        if in_list {
            let word = line.trim();
            let word = word.split_once(": ").map_or(word, |(name, _)| name);
            if word == "}" {
                in_list = false;
            } else if word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                names.push(word);
            }
        } else if line.ends_with("! {")
            && !line.starts_with([' ', '\t'])
            && !line.starts_with("macro_rules")
        {
            in_list = true;
        } else if let Some((_, name)) = line.split_once("mod ")
            && let Some(name) = name.strip_suffix(';')
            && !line.trim_start().starts_with("//")
        {
            names.push(name);
        }
    }
    names
}

fn reach(house: &House, file: &str, is_root: bool, reached: &mut BTreeSet<String>) {
    if !house.files.contains_key(file) || !reached.insert(file.to_owned()) {
        return;
    }
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let folder =
        if is_root { file.rsplit_once('/').map_or("", |(folder, _)| folder) } else { stem };
    for name in declared(house.text(file)) {
        reach(house, &format!("{folder}/{name}.rs"), false, reached);
    }
}

/// Finds source files that are no module.
pub fn modules(house: &House) -> Vec<Offence> {
    let mut reached = BTreeSet::new();
    let mut offences = Vec::new();
    for one in &house.crates {
        for root in &one.roots {
            reach(house, root, true, &mut reached);
        }
        let source = format!("{}/src/", one.folder);
        for (path, _) in house.with_extension("rs") {
            if path.starts_with(&source) && !reached.contains(path) {
                let what = format!("no `mod` line reaches it from {:?}", one.roots);
                offences.push(offence(path, what));
            }
        }
    }
    offences
}

/// Finds design notes that are not listed, and numbers that occur twice.
pub fn design_notes(house: &House) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut numbers = BTreeSet::new();
    for path in house.files.keys().filter(|path| path.starts_with("design/")) {
        let name = path.trim_start_matches("design/");
        let number = name.split('-').next().unwrap_or("");
        if number.len() != 4 || number.parse::<u32>().is_err() || !name.ends_with(".md") {
            offences.push(offence(path, "expected a name like `design/0001-the-house.md`"));
        } else if !numbers.insert(number) {
            offences.push(offence(path, format!("the number {number} is taken")));
        }
        if !house.text("ARCHITECTURE.md").contains(&format!("]({path})")) {
            offences.push(offence(path, format!("expected a link `]({path})` in ARCHITECTURE.md")));
        }
    }
    offences
}

/// Finds tables with a parser that the list for hostile input does not name.
pub fn parsers(house: &House) -> Vec<Offence> {
    let list = "ground/facts/src/parsers.rs";
    let text = house.text(list);
    house
        .with_extension("rs")
        .filter_map(|(path, source)| {
            let name = path.strip_prefix("ground/facts/src/tables/")?.strip_suffix(".rs")?;
            let parses = source.contains("pub fn parse(");
            (parses && !text.contains(&format!("{name}::parse"))).then_some(name)
        })
        .map(|name| offence(list, format!("`{name}::parse` is not listed")))
        .collect()
}
