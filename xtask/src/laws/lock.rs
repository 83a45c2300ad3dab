//! Dependencies: how many, and why each.

use std::collections::BTreeSet;

use super::{Offence, offence};
use crate::House;

/// The file with the number that a person raises on purpose.
const LIMIT: &str = "xtask/crates.limit";

/// Compares the number of crates in Cargo.lock with what a person allowed.
pub fn crates(house: &House) -> Vec<Offence> {
    let count = house.text("Cargo.lock").lines().filter(|line| *line == "[[package]]").count();
    let Ok(limit) = house.text(LIMIT).trim().parse::<usize>() else {
        return vec![offence(LIMIT, "expected one number")];
    };
    if count > limit {
        let what = format!("{count} crates, expected at most {limit}; raise {LIMIT} on purpose");
        return vec![offence("Cargo.lock", what)];
    }
    Vec::new()
}

/// Finds direct dependencies without a line `# NAME: why` in deny.toml, and lines without one.
pub fn reasons(house: &House) -> Vec<Offence> {
    let ours: BTreeSet<&str> = house.crates.iter().map(|one| one.package.as_str()).collect();
    let used: BTreeSet<&str> = house
        .crates
        .iter()
        .flat_map(|one| &one.dependencies)
        .map(|dependency| dependency.package.as_str())
        .filter(|package| !ours.contains(package))
        .collect();
    let told: BTreeSet<&str> = house
        .text("deny.toml")
        .lines()
        .filter_map(|line| line.strip_prefix("# ")?.split_once(": "))
        .map(|(name, _)| name)
        .filter(|name| !name.contains(' '))
        .collect();
    let missing = used.difference(&told);
    let missing = missing.map(|name| offence("deny.toml", format!("expected `# {name}: why`")));
    let stale = told.difference(&used);
    let stale = stale.map(|name| offence("deny.toml", format!("nobody uses `{name}`")));
    missing.chain(stale).collect()
}
