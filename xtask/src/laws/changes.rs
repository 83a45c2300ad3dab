//! One file per change that a user sees.

use std::collections::BTreeSet;

use super::{Offence, offence};
use crate::House;

const KINDS: [&str; 5] = ["added", "changed", "fixed", "removed", "security"];

/// Finds files in `changes/` whose name or text has not the right shape.
pub fn shapes(house: &House) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut numbers = BTreeSet::new();
    let paths = house.files.keys().filter(|path| path.starts_with("changes/"));
    for path in paths.filter(|path| *path != "changes/README.md") {
        let name = path.trim_start_matches("changes/");
        let parts: Vec<&str> = name.split('.').collect();
        let shaped = match parts[..] {
            [slug, kind, "md"] => {
                let (number, words) = slug.split_once('-').unwrap_or((slug, ""));
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                if !numbers.insert(number.to_owned()) {
                    offences.push(offence(path, format!("the number {number} is taken")));
                }
                number.len() == 4
                    && number.chars().all(|c| c.is_ascii_digit())
                    && !words.is_empty()
                    && words.chars().all(plain)
                    && KINDS.contains(&kind)
            }
            _ => false,
        };
        if !shaped {
            let what = format!("expected `changes/NNNN-slug.KIND.md`, KIND one of {KINDS:?}");
            offences.push(offence(path, what));
        }
        let first = house.text(path).lines().next().unwrap_or("");
        if !first.ends_with('.') || first.starts_with('#') {
            offences.push(offence(path, "expected a first line that is a sentence"));
        }
    }
    offences
}
