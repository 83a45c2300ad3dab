//! One thing, one name; and no shouting.

use super::{Offence, offence};
use crate::{House, markdown};

const GLOSSARY: &str = "GLOSSARY.md";

/// Returns the rejected synonyms, from the column "not" of the glossary.
fn rejected_words(house: &House) -> Vec<String> {
    markdown::table_after(house.text(GLOSSARY), "<!-- terms -->")
        .into_iter()
        .filter_map(|(_, cells)| cells.get(3).copied())
        .flat_map(|cell| cell.split(", "))
        .map(|word| word.trim().to_lowercase())
        .filter(|word| !word.is_empty() && word != "—")
        .collect()
}

/// Returns a line of source without string literals and code spans: names of the kernel's and of
/// other tools stand there.
fn own_words(line: &str, is_source: bool) -> String {
    let line = markdown::without_code(line);
    // A raw string, as samples of others' logs stand in, holds quotes itself.
    let line = line.split("r#\"").next().unwrap_or_default();
    if is_source {
        line.split('"').step_by(2).collect::<Vec<_>>().join(" ")
    } else {
        line.to_owned()
    }
}

/// Splits `camelCase`, `snake_case` and prose into lower-case words with one blank around each.
fn spaced(text: &str) -> String {
    let mut out = String::from(" ");
    let mut was_lower = false;
    for c in text.chars() {
        if c.is_uppercase() && was_lower {
            out.push(' ');
        }
        was_lower = c.is_lowercase();
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.push(' ');
    out
}

fn uses(text: &str, word: &str) -> bool {
    if word.is_ascii() {
        ["", "s", "es"].iter().any(|end| text.contains(&format!(" {word}{end} ")))
    } else {
        text.contains(word)
    }
}

/// Finds rejected synonyms in code and documents.
pub fn rejected(house: &House) -> Vec<Offence> {
    let words = rejected_words(house);
    let mut offences = Vec::new();
    if words.is_empty() {
        offences.push(offence(GLOSSARY, "no table after `<!-- terms -->`"));
    }
    let sources = house.with_extension("rs").map(|(path, text)| (path, text, true));
    let pages = house.with_extension("md").map(|(path, text)| (path, text, false));
    for (path, text, is_source) in sources.chain(pages).filter(|(path, ..)| *path != GLOSSARY) {
        for line in markdown::lines(text).filter(|line| is_source || !line.in_block) {
            let own = spaced(&own_words(line.text, is_source));
            for word in words.iter().filter(|word| uses(&own, word)) {
                let what = format!("`{word}` is a rejected synonym; see {GLOSSARY}");
                offences.push(offence(format!("{path}:{}", line.number), what));
            }
        }
    }
    offences
}

/// Finds exclamation marks in documents and pages. The table reference quotes values that have
/// them (`!` in shadow).
pub fn shouting(house: &House) -> Vec<Offence> {
    let mut offences = Vec::new();
    let written = house.with_extension("md");
    for (path, text) in written.filter(|(path, _)| !path.starts_with("handbook/reference/")) {
        for line in markdown::lines(text).filter(|line| !line.in_block) {
            let own = markdown::without_code(line.text).replace("![", "").replace("<!--", "");
            if own.contains(['!', '！']) {
                offences.push(offence(format!("{path}:{}", line.number), "an exclamation mark"));
            }
        }
    }
    offences
}
