//! Sigma rules that the analyst brings.

use std::path::Path;

use stanch_machine::Miss;
use stanch_rules::Sigma;
use stanch_rules::sigma::Complaint;
use stanch_words::GapKind;

use crate::rule_files;

/// The largest file of rules that is read; the loader refuses what is larger than a rule can be.
const LARGEST: u64 = 1 << 21;

/// Loads all Sigma rules (`.yml`, `.yaml`) of a directory, or of one file.
///
/// # Errors
/// A [`Miss`] if the directory cannot be listed, or holds no such file.
pub fn sigma(directory: &Path) -> Result<(Sigma, Vec<Complaint>), Miss> {
    let found = rule_files::read(directory, &["yml", "yaml"], LARGEST)?;
    if found.files.is_empty() && found.complaints.is_empty() {
        let detail = "there is no `.yml` or `.yaml` file in it";
        return Err(Miss::new(GapKind::NotHere, detail, directory));
    }
    let (sigma, complaints) = Sigma::load(found.files);
    let mut all = found.complaints;
    all.extend(complaints);
    Ok((sigma, all))
}
