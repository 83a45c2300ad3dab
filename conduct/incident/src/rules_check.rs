//! Whether rules of others load, of whatever kind they are.

use std::path::{Path, PathBuf};

use stanch_machine::Miss;
use stanch_rules::sigma::{Complaint, Loaded};
use stanch_words::GapKind;

use crate::{Starter, rule_files, sigma, yara};

/// What came of loading rules of others.
#[derive(Debug)]
pub struct Checked {
    /// Sigma rules, if there were any.
    pub sigma: Option<Loaded>,
    /// YARA rules, if there were any.
    pub yara: Option<stanch_rules::yara::Loaded>,
    /// What is wrong with some.
    pub complaints: Vec<Complaint>,
}

/// Loads all Sigma and YARA rules of a directory, or the one file.
///
/// # Errors
/// A [`Miss`] if the directory cannot be listed, or holds no rules.
pub fn check_rules(directory: &Path) -> Result<Checked, Miss> {
    let mut checked = Checked { sigma: None, yara: None, complaints: Vec::new() };
    let has = |endings: &[&str]| {
        // Only whether there are any: what cannot be read is told by who loads them.
        rule_files::read(directory, endings, 1).map(|found| !found.files.is_empty())
    };
    let is_pack = stanch_machine::Machine::read(&stanch_machine::Live::new(), directory, 16)
        .is_ok_and(|read| stanch_rules::Yara::is_pack(&read.bytes));
    let one = |endings: &[&str]| match directory.extension().and_then(|it| it.to_str()) {
        Some(ending) => endings.contains(&ending),
        None => false,
    };
    let is_directory = stanch_machine::Machine::stat(&stanch_machine::Live::new(), directory)?
        .kind()
        == stanch_machine::FileKind::Directory;
    let (yaml, rules) = (&["yml", "yaml"], &["yar", "yara", "rule"]);
    let is_yara = is_pack || if is_directory { has(rules)? } else { one(rules) };
    let is_sigma = if is_directory { has(yaml)? } else { !is_yara };
    if is_sigma {
        let (sigma, complaints) = sigma(directory)?;
        checked.sigma = Some(sigma.loaded());
        checked.complaints.extend(complaints);
    }
    if is_yara {
        let given: PathBuf = directory.to_owned();
        let loaded = yara(&[given], Starter::Without, None)?;
        checked.yara = Some(loaded.rules.loaded());
        checked.complaints.extend(loaded.complaints);
    }
    if !is_sigma && !is_yara {
        let detail = "there is no `.yml`, `.yaml`, `.yar` or `.yara` file in it";
        return Err(Miss::new(GapKind::NotHere, detail, directory));
    }
    Ok(checked)
}
