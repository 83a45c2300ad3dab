//! How long a file may be.

use super::{Offence, offence};
use crate::House;

const LONG: usize = 500;
const TOO_LONG: usize = 800;

fn longer_than(house: &House, most: usize) -> impl Iterator<Item = (&str, usize)> {
    house
        .with_extension("rs")
        .filter(|(_, text)| !text.lines().any(|line| line.starts_with("// list:")))
        .map(|(path, text)| (path, text.lines().count()))
        .filter(move |(_, lines)| *lines > most)
}

/// Finds files that are too long. A generated or pure list is marked `// list:`.
pub fn too_long(house: &House) -> Vec<Offence> {
    longer_than(house, TOO_LONG)
        .map(|(path, lines)| offence(path, format!("{lines} lines, expected at most {TOO_LONG}")))
        .collect()
}

/// Returns a note for each file that is getting long.
pub fn long(house: &House) -> Vec<String> {
    longer_than(house, LONG)
        .map(|(path, lines)| format!("{path} has {lines} lines; {LONG} is where to split"))
        .collect()
}
