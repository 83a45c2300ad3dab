//! The story that each crate opens with.

use super::{Offence, offence};
use crate::House;

/// The four paragraphs, by their first words.
const PARAGRAPHS: [&str; 4] =
    ["**What the responder is asking**", "**In and out**", "**Never**", "**Start reading**"];

/// Finds crates without a story: a library opens with the four paragraphs in this order, and every
/// program at least says what it is.
pub fn openings(house: &House) -> Vec<Offence> {
    let mut offences = Vec::new();
    for one in &house.crates {
        for root in &one.roots {
            let doc: Vec<&str> = house
                .text(root)
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .map(|line| line.trim_start_matches("//!").trim())
                .collect();
            let first = doc.first().copied().unwrap_or("");
            if first.len() < 20 || !first.contains(' ') {
                offences.push(offence(root, "expected a first line `//! …` that says what it is"));
            }
            if one.roots.len() > 1 && !root.ends_with("/lib.rs") {
                continue;
            }
            let at = |start: &str| doc.iter().position(|line| line.starts_with(start));
            let places: Vec<Option<usize>> = PARAGRAPHS.iter().map(|start| at(start)).collect();
            if places.contains(&None) || !places.is_sorted() {
                let what = format!("expected the four paragraphs {PARAGRAPHS:?}, in this order");
                offences.push(offence(root, what));
            }
        }
    }
    offences
}
