//! The pages that came with this binary.

use crate::artifact::Artifact;
use crate::{Page, PageError, Sign};

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Returns every page's path below `content/` (without `.md`) and text.
pub fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGES.iter().copied()
}

/// Returns the signs that are in use, in the order of their paths.
///
/// # Errors
/// Every page that was refused; the law tests keep that from reaching a release.
pub fn signs() -> Result<Vec<Sign>, Vec<PageError>> {
    let mut signs = Vec::new();
    let mut errors = Vec::new();
    for (path, text) in texts().filter(|(path, _)| path.starts_with("signs/")) {
        match Page::parse(path, text) {
            Ok(page) if page.front.retired.is_none() => signs.push(Sign::new(page)),
            Ok(_retired) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(signs) } else { Err(errors) }
}

/// Returns what can be taken from a machine, in the order in which it vanishes.
///
/// # Errors
/// Every page that was refused; a test keeps that from reaching a release.
pub fn artifacts() -> Result<Vec<Artifact>, Vec<PageError>> {
    let mut artifacts = Vec::new();
    let mut errors = Vec::new();
    for (path, text) in ARTIFACTS {
        match Artifact::parse(path, text) {
            Ok(artifact) => artifacts.push(artifact),
            Err(error) => errors.push(error),
        }
    }
    artifacts.sort_by(|a, b| (a.order, &a.id).cmp(&(b.order, &b.id)));
    if errors.is_empty() { Ok(artifacts) } else { Err(errors) }
}
