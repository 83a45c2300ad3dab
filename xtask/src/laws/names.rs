//! Names that say nothing.

use super::{Offence, offence};
use crate::House;

const EMPTY: [&str; 9] =
    ["util", "utils", "common", "helper", "helpers", "misc", "manager", "core", "lib2"];

/// Finds crates, modules and files whose name says nothing.
pub fn named_for_nothing(house: &House) -> Vec<Offence> {
    let empty = |part: &str| {
        let stem = part.split('.').next().unwrap_or(part);
        EMPTY.contains(&stem.trim_start_matches("stanch-"))
    };
    let mut offences: Vec<Offence> = house
        .files
        .keys()
        .filter(|path| path.split('/').any(empty))
        .map(|path| offence(path, "name it for what it is, not for what it is like"))
        .collect();
    for one in house.crates.iter().filter(|one| empty(&one.package)) {
        offences.push(offence(&one.folder, format!("`{}` says nothing", one.package)));
    }
    for (path, text) in house.with_extension("rs") {
        for (number, line) in (1..).zip(text.lines()) {
            let name = line.trim().strip_suffix(" {").and_then(|line| line.split_once("mod "));
            if name.is_some_and(|(_, name)| empty(name)) {
                offences.push(offence(format!("{path}:{number}"), "a module named for nothing"));
            }
        }
    }
    offences
}
