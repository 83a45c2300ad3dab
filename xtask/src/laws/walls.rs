//! Walls inside a crate: lints, bans and unsafe code.

use super::{Offence, offence};
use crate::{House, markdown};

const MAP: &str = "ARCHITECTURE.md";

/// A group of bans, by the beginning of their paths.
const GROUPS: [(&str, &[&str]); 4] = [
    ("files", &["std::fs::", "std::path::"]),
    ("processes", &["std::process::"]),
    ("environment", &["std::env::"]),
    ("clock", &["std::time::"]),
];

/// Returns the paths that a clippy.toml bans.
fn banned(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("{ path = \"")?.split_once('"'))
        .map(|(path, _)| path)
}

/// Compares each crate's clippy.toml with what it may lift.
pub fn lifted(house: &House) -> Vec<Offence> {
    let rows = markdown::table_after(house.text(MAP), "<!-- walls -->");
    let mut offences = Vec::new();
    let own: Vec<&crate::Crate> = house
        .crates
        .iter()
        .filter(|one| house.has(&format!("{}/clippy.toml", one.folder)))
        .collect();
    for one in &own {
        let file = format!("{}/clippy.toml", one.folder);
        let row = rows.iter().find(|(_, cells)| cells.first() == Some(&one.name()));
        let may: Vec<&str> = match row {
            Some((_, cells)) => cells.get(1).map_or("", |cell| cell).split(", ").collect(),
            None => Vec::new(),
        };
        let keeps: Vec<&str> = banned(house.text(&file)).collect();
        for path in banned(house.text("clippy.toml")).filter(|path| !keeps.contains(path)) {
            let group =
                GROUPS.iter().find(|(_, starts)| starts.iter().any(|s| path.starts_with(s)));
            let group = group.map_or("no group", |(name, _)| name);
            if !may.contains(&group) {
                let what = format!("lifts the ban on `{path}` ({group}); it may lift {may:?}");
                offences.push(offence(file.clone(), what));
            }
        }
    }
    for (line, cells) in &rows {
        if !own.iter().any(|one| cells.first() == Some(&one.name())) {
            let what = format!("`{}` has no clippy.toml: take it out", cells.join(" "));
            offences.push(offence(format!("{MAP}:{line}"), what));
        }
    }
    offences
}

/// Finds crates without the lints of the workspace.
pub fn lints(house: &House) -> Vec<Offence> {
    let manifests = house.crates.iter().map(|one| format!("{}/Cargo.toml", one.folder));
    manifests
        .filter(|path| !house.text(path).contains("[lints]\nworkspace = true\n"))
        .map(|path| offence(path, "expected `[lints]` with `workspace = true`"))
        .collect()
}

/// Finds files with unsafe code that are not listed.
pub fn unsafe_code(house: &House) -> Vec<Offence> {
    // Written in two parts, so that this file does not name it.
    let marks = [concat!("un", "safe {"), concat!("un", "safe impl"), concat!("un", "safe fn")];
    let rows = markdown::table_after(house.text(MAP), "<!-- unsafe -->");
    let listed: Vec<&str> = rows.iter().filter_map(|(_, cells)| cells.first().copied()).collect();
    let mut offences = Vec::new();
    let found: Vec<&str> = house
        .with_extension("rs")
        .filter(|(_, text)| marks.iter().any(|mark| text.contains(mark)))
        .map(|(path, _)| path)
        .collect();
    for path in found.iter().filter(|path| !listed.contains(path)) {
        offences.push(offence(*path, format!("unsafe code; expected only in {listed:?}")));
    }
    for path in listed.iter().filter(|path| !found.contains(path)) {
        offences.push(offence(MAP, format!("`{path}` has no unsafe code: take it out")));
    }
    offences
}
