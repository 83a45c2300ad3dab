//! Links and paths in documents.

use super::{Offence, offence};
use crate::{House, markdown};

/// The first parts of paths that are checked when a document names them as code.
const STOREYS: [&str; 10] = [
    "ground/",
    "phases/",
    "conduct/",
    "faces/",
    "content/",
    "handbook/",
    "design/",
    "changes/",
    "xtask/",
    "range/",
];

/// Documents whose named paths must exist. A line that says `comes with` speaks of the future.
const DOCUMENTS: [&str; 7] = [
    "ARCHITECTURE.md",
    "STYLE.md",
    "CONTRIBUTING.md",
    "THREATS.md",
    "SECURITY.md",
    "README.md",
    "README.zh-CN.md",
];

/// Returns where a link target leads, from the root of the tree.
fn resolve(from: &str, target: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Finds links, and paths named in documents, that lead nowhere.
pub fn targets(house: &House) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, text) in house.with_extension("md") {
        let is_document = DOCUMENTS.contains(&path) || path.starts_with("design/");
        for line in markdown::lines(text).filter(|line| !line.in_block) {
            let place = format!("{path}:{}", line.number);
            for target in markdown::link_targets(line.text) {
                let target = target.split('#').next().unwrap_or("");
                if target.contains(':') || house.has(&resolve(path, target)) {
                    continue;
                }
                offences.push(offence(place.clone(), format!("`{target}` leads nowhere")));
            }
            if !is_document || line.text.contains("comes with") {
                continue;
            }
            for span in markdown::code_spans(line.text) {
                let is_path = STOREYS.iter().any(|storey| span.starts_with(storey))
                    && !span.contains([' ', '<', '{', '*', '…', '(', ':'])
                    && !["NNNN", "CATEGORY", "TOPIC"].iter().any(|place| span.contains(place));
                if is_path && !house.has(span) {
                    offences.push(offence(place.clone(), format!("there is no `{span}`")));
                }
            }
        }
    }
    offences
}

/// Compares the test command of both READMEs with what CI runs.
pub fn test_command(house: &House) -> Vec<Offence> {
    let command = "cargo test --workspace --locked";
    ["README.md", "README.zh-CN.md", ".ci/run"]
        .into_iter()
        .filter(|path| !house.text(path).contains(command))
        .map(|path| offence(path, format!("expected `{command}`")))
        .collect()
}
