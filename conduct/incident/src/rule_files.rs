//! Files of rules that the analyst brings: read from the machine that we run on, whatever is
//! looked at.

use std::path::{Path, PathBuf};

use stanch_machine::reading::FileKind;
use stanch_machine::{Live, Machine, Miss};
use stanch_rules::sigma::{Complaint, Harm};
use stanch_words::{Both, Value};

/// How deep a directory of rules may be, and how many files it may have: SigmaHQ has 4 and 4,000.
const DEPTH: usize = 12;
const FILES: usize = 50_000;

/// Files of rules, each a path and its bytes, and what could not be read.
#[derive(Default)]
pub(crate) struct RuleFiles {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) complaints: Vec<Complaint>,
}

/// Reads all files with one of some endings below a directory, or the one file.
///
/// # Errors
/// A [`Miss`] if the directory cannot be listed.
pub(crate) fn read(directory: &Path, endings: &[&str], most: u64) -> Result<RuleFiles, Miss> {
    let machine = Live::new();
    let mut found = RuleFiles::default();
    let mut paths = Vec::new();
    match machine.stat(directory)?.kind() {
        FileKind::Directory => walk(&machine, directory, endings, 0, &mut paths, &mut found)?,
        _ => paths.push(directory.to_owned()),
    }
    for path in paths {
        match machine.read(&path, most) {
            Ok(read) => found.files.push((Value::from(path.as_path()).to_string(), read.bytes)),
            Err(miss) => found.complaints.push(unread(&miss)),
        }
    }
    Ok(found)
}

fn walk(
    machine: &Live,
    directory: &Path,
    endings: &[&str],
    depth: usize,
    paths: &mut Vec<PathBuf>,
    found: &mut RuleFiles,
) -> Result<(), Miss> {
    for entry in machine.list(directory)?.entries {
        let path = directory.join(&entry.name);
        let is_hidden = entry.name.to_string_lossy().starts_with('.');
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match entry.kind {
            FileKind::Directory if !is_hidden && depth < DEPTH => {
                let below = walk(machine, &path, endings, depth.saturating_add(1), paths, found);
                if let Err(miss) = below {
                    found.complaints.push(unread(&miss));
                }
            }
            FileKind::Directory => {}
            _ if endings.contains(&ending) && paths.len() < FILES => paths.push(path),
            _ => {}
        }
    }
    Ok(())
}

fn unread(miss: &Miss) -> Complaint {
    Complaint {
        file: miss.path.clone(),
        line: None,
        rule: None,
        harm: Harm::Lost,
        why: Both::new(
            format!("it could not be read: {}", miss.detail),
            format!("无法读取：{}", miss.detail),
        ),
        help: None,
    }
}
