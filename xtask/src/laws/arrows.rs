//! Arrows between crates: the crate table of ARCHITECTURE.md is the law.

use std::collections::BTreeMap;

use super::{Offence, offence};
use crate::{House, markdown};

const MAP: &str = "ARCHITECTURE.md";

struct Row<'a> {
    line: usize,
    home: &'a str,
    may_use: Vec<&'a str>,
    /// Whether it comes with a later issue.
    later: bool,
}

/// Reads the crate table: crate, home, may use, what it is.
fn table(house: &House) -> Vec<(&str, Row<'_>)> {
    markdown::table_after(house.text(MAP), "<!-- crates -->")
        .into_iter()
        .filter_map(|(line, cells)| {
            let [name, home, may_use, rest @ ..] = &cells[..] else { return None };
            let uses = may_use.split(',').map(str::trim).filter(|name| *name != "—");
            let later = rest.iter().any(|cell| cell.contains("comes with"));
            Some((*name, Row { line, home, may_use: uses.collect(), later }))
        })
        .collect()
}

/// Compares the workspace with the crate table.
pub fn crates(house: &House) -> Vec<Offence> {
    let table = table(house);
    let mut offences = Vec::new();
    let rows: BTreeMap<&str, &Row<'_>> = table.iter().map(|(name, row)| (*name, row)).collect();
    let packages: BTreeMap<&str, &str> =
        house.crates.iter().map(|c| (c.package.as_str(), c.name())).collect();
    for one in &house.crates {
        let manifest = format!("{}/Cargo.toml", one.folder);
        let Some(row) = rows.get(one.name()) else {
            let what = format!("`{}` has no row in the crate table of {MAP}", one.name());
            offences.push(offence(manifest, what));
            continue;
        };
        if row.home != one.folder || row.later {
            let what = format!("`{}` is there, at `{}`", one.name(), one.folder);
            offences.push(offence(format!("{MAP}:{}", row.line), what));
        }
        for dependency in &one.dependencies {
            let Some(used) = packages.get(dependency.package.as_str()) else { continue };
            // A test may make the pretended machine that what it uses looks at.
            let in_a_test = dependency.for_tests && *used == "machine";
            if *used != "words" && !row.may_use.contains(used) && !in_a_test {
                let what = forbidden(one.folder.as_str(), used, row, rows.get(used).copied());
                offences.push(offence(manifest.clone(), what));
            }
        }
    }
    offences.extend(upward(&table));
    for (name, row) in table.iter().filter(|(_, row)| !row.later) {
        if !house.crates.iter().any(|c| c.name() == *name) {
            let what = format!("there is no crate `{name}`; say with which issue it comes");
            offences.push(offence(format!("{MAP}:{}", row.line), what));
        }
    }
    offences
}

fn forbidden(folder: &str, used: &str, row: &Row<'_>, other: Option<&Row<'_>>) -> String {
    let home = other.map_or(used, |row| row.home);
    let storey = |home: &str| home.split('/').next().unwrap_or("").to_owned();
    let why = match (storey(folder).as_str(), storey(home).as_str()) {
        ("phases", "phases") => "what one phase learns reaches another only through the ledger",
        ("ground", "phases" | "conduct" | "faces") => "ground knows no storey above it",
        ("phases", "conduct" | "faces") => "a phase is ordered about and orders nobody",
        (_, "faces") => "a face decides nothing that others could build on",
        ("faces", _) => "faces reach the ground through `incident` and `view` alone",
        _ => "the crate table has no such arrow",
    };
    let may = if row.may_use.is_empty() { "words".to_owned() } else { row.may_use.join(", ") };
    format!("`{folder}` may not use `{home}`: {why} (it may use: {may})")
}

/// The table stands in the order of its arrows, so that nothing runs back up.
fn upward(table: &[(&str, Row<'_>)]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (at, (name, row)) in table.iter().enumerate() {
        let above: Vec<&str> = table.iter().take(at).map(|(name, _)| *name).collect();
        for used in row.may_use.iter().filter(|used| !above.contains(used)) {
            let what = format!("`{name}` uses `{used}`, which has no row above it");
            offences.push(offence(format!("{MAP}:{}", row.line), what));
        }
    }
    if table.is_empty() {
        offences.push(offence(MAP, "no crate table after `<!-- crates -->`"));
    }
    offences
}

/// Compares who names the crates of others that only some of ours may name.
pub fn outside(house: &House) -> Vec<Offence> {
    let rows = markdown::table_after(house.text(MAP), "<!-- outside crates -->");
    let mut offences = Vec::new();
    if rows.is_empty() {
        offences.push(offence(MAP, "no table after `<!-- outside crates -->`"));
    }
    for (line, cells) in rows {
        let [package, ours, ..] = cells[..] else { continue };
        let ours: Vec<&str> = ours.split(',').map(str::trim).collect();
        let users = house.crates.iter().filter(|one| {
            one.dependencies.iter().any(|used| !used.for_tests && used.package == package)
        });
        let users: Vec<&str> = users.map(crate::Crate::name).collect();
        for user in users.iter().filter(|user| !ours.contains(user)) {
            let what = format!("`{user}` may not name `{package}`; only {} may", ours.join(", "));
            offences.push(offence(format!("{MAP}:{line}"), what));
        }
        for none in ours.iter().filter(|one| !users.contains(one)) {
            let what = format!("`{none}` does not use `{package}` (any more): take it out");
            offences.push(offence(format!("{MAP}:{line}"), what));
        }
    }
    offences
}
