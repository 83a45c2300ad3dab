//! Sigma rules that the analyst brings: read from the machine that we run on, whatever is looked
//! at.

use std::path::{Path, PathBuf};

use stanch_machine::reading::FileKind;
use stanch_machine::{Live, Machine, Miss};
use stanch_rules::Sigma;
use stanch_rules::sigma::{Complaint, Harm};
use stanch_words::{Both, GapKind, Value};

/// The largest file of rules that is read; the loader refuses what is larger than a rule can be.
const LARGEST: u64 = 1 << 21;
/// How deep a directory of rules may be, and how many files it may have: SigmaHQ has 4 and 4,000.
const DEPTH: usize = 12;
const FILES: usize = 50_000;

/// Loads all Sigma rules (`.yml`, `.yaml`) of a directory, or of one file.
///
/// # Errors
/// A [`Miss`] if the directory cannot be listed, or holds no such file.
pub fn sigma(directory: &Path) -> Result<(Sigma, Vec<Complaint>), Miss> {
    let machine = Live::new();
    let mut found = Found::default();
    match machine.stat(directory)?.kind() {
        FileKind::Directory => found.walk(&machine, directory, 0)?,
        _ => found.paths.push(directory.to_owned()),
    }
    if found.paths.is_empty() && found.complaints.is_empty() {
        let detail = "there is no `.yml` or `.yaml` file in it";
        return Err(Miss::new(GapKind::NotHere, detail, directory));
    }
    let mut files = Vec::new();
    for path in found.paths {
        match machine.read(&path, LARGEST) {
            Ok(read) => files.push((Value::from(path.as_path()).to_string(), read.bytes)),
            Err(miss) => found.complaints.push(unread(&miss)),
        }
    }
    let (sigma, complaints) = Sigma::load(files);
    found.complaints.extend(complaints);
    Ok((sigma, found.complaints))
}

#[derive(Default)]
struct Found {
    paths: Vec<PathBuf>,
    complaints: Vec<Complaint>,
}

impl Found {
    fn walk(&mut self, machine: &Live, directory: &Path, depth: usize) -> Result<(), Miss> {
        let listing = machine.list(directory)?;
        for entry in listing.entries {
            let path = directory.join(&entry.name);
            let is_hidden = entry.name.to_string_lossy().starts_with('.');
            let is_rules =
                path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
            match entry.kind {
                FileKind::Directory if !is_hidden && depth < DEPTH => {
                    if let Err(miss) = self.walk(machine, &path, depth.saturating_add(1)) {
                        self.complaints.push(unread(&miss));
                    }
                }
                FileKind::Directory => {}
                _ if is_rules && self.paths.len() < FILES => self.paths.push(path),
                _ => {}
            }
        }
        Ok(())
    }
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
