//! Pages of content as files. What they say is held by the laws in `phases/detect/tests`.

use std::collections::{BTreeMap, BTreeSet};

use stanch_rules::content;

use super::{Offence, offence};
use crate::{House, pack};

/// Returns the pages in the tree: path below `content/` without `.md`, and text.
pub(crate) fn pages(house: &House) -> impl Iterator<Item = (&str, &str)> {
    house.with_extension("md").filter_map(|(path, text)| {
        Some((path.strip_prefix("content/")?.strip_suffix(".md")?, text))
    })
}

/// Compares the pages in the tree with those in the binary.
pub fn packed(house: &House) -> Vec<Offence> {
    let packed: BTreeMap<&str, &str> = content::texts().collect();
    pages(house)
        .filter(|(path, text)| packed.get(path) != Some(text))
        .map(|(path, _)| offence(format!("content/{path}.md"), "not packed as it stands"))
        .collect()
}

/// Finds pages that `pack --fix` would put in order.
pub fn order(house: &House) -> Vec<Offence> {
    pages(house)
        .filter(|(_, text)| pack::in_order(text) != *text)
        .map(|(path, _)| offence(format!("content/{path}.md"), "run `cargo xtask pack --fix`"))
        .collect()
}

/// Compares the ids of the pages with those that were ever given.
pub fn ids(house: &House) -> Vec<Offence> {
    let locked: Vec<&str> = house
        .text(pack::IDS)
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let known: BTreeSet<&str> = locked.iter().copied().collect();
    let present: BTreeSet<String> = pages(house).map(|(path, _)| pack::id_of(path)).collect();
    let vanished = known.iter().filter(|id| !present.contains(**id)).map(|id| {
        let what = format!("`{id}` has no page; keep the page and say `retired = \"why\"`");
        offence(pack::IDS, what)
    });
    let new = present.iter().filter(|id| !known.contains(id.as_str()));
    let new = new.map(|id| offence(pack::IDS, format!("`{id}` is new: `cargo xtask pack --fix`")));
    let mut offences: Vec<Offence> = vanished.chain(new).collect();
    if !locked.is_sorted() {
        offences.push(offence(pack::IDS, "not in order"));
    }
    offences
}
