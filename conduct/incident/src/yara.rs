//! YARA rules: our starter rules, and those that the analyst brings, compiled together.

use std::path::{Path, PathBuf};

use stanch_machine::{Live, Machine as _, Miss};
use stanch_rules::Yara;
use stanch_rules::sigma::Complaint;
use stanch_words::GapKind;

use crate::rule_files;

/// The largest file of rules that is read.
const LARGEST: u64 = 64 << 20;
/// The largest cache of compiled rules that is read.
const CACHE: u64 = 1 << 30;

/// Rules, and what is wrong with them.
#[derive(Debug)]
pub struct LoadedYara {
    /// The rules.
    pub rules: Yara,
    /// What is wrong with some; a cache does not tell again.
    pub complaints: Vec<Complaint>,
    /// The content of a cache file that should be written, if one was asked for and is not there.
    pub cache: Option<Vec<u8>>,
}

/// Whether the rules that came with this binary are loaded too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starter {
    /// They are.
    With,
    /// Only those that are given.
    Without,
}

/// Loads the YARA rules (`.yar`, `.yara`, `.rule`) of directories or files.
///
/// # Errors
/// A [`Miss`] if a directory cannot be listed, or holds no such file.
pub fn yara(
    directories: &[PathBuf],
    starter: Starter,
    cache: Option<&Path>,
) -> Result<LoadedYara, Miss> {
    let mut files = match starter {
        Starter::With => Yara::starter_files(),
        Starter::Without => Vec::new(),
    };
    let mut complaints = Vec::new();
    for directory in directories {
        let found = rule_files::read(directory, &["yar", "yara", "rule"], LARGEST)?;
        if found.files.is_empty() && found.complaints.is_empty() {
            let detail = "there is no `.yar` or `.yara` file in it";
            return Err(Miss::new(GapKind::NotHere, detail, directory));
        }
        files.extend(found.files);
        complaints.extend(found.complaints);
    }
    let Some(cache) = cache else {
        let (rules, more) = Yara::load(files);
        complaints.extend(more);
        return Ok(LoadedYara { rules, complaints, cache: None });
    };
    let key = Yara::key(&files);
    let kept = Live::new().read(cache, CACHE).ok();
    if let Some(rules) = kept.and_then(|kept| Yara::from_cache(&kept.bytes, &key).ok()) {
        return Ok(LoadedYara { rules, complaints, cache: None });
    }
    let (rules, more) = Yara::load(files);
    complaints.extend(more);
    let cache = rules.cache(&key).ok();
    Ok(LoadedYara { rules, complaints, cache })
}
