//! Pages that are made, not written.

use super::{Offence, offence};
use crate::{House, handbook};

/// Compares the generated pages with what would be generated now.
pub fn handbook(house: &House) -> Vec<Offence> {
    let pages = match handbook::pages(house) {
        Ok(pages) => pages,
        Err(error) => return vec![offence("handbook", format!("{error:#}"))],
    };
    pages
        .into_iter()
        .filter(|(path, text)| house.text(path) != text)
        .map(|(path, _)| offence(path, "run `cargo xtask handbook`"))
        .collect()
}
