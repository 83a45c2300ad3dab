//! The reader's way through directories: each file once, nothing that may hang or that is no
//! storage, one directory's entries at a time.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use stanch_machine::{FileKind, Stat};
use stanch_words::{Gap, GapKind, Seen, Value};

use super::piece::Piece;
use super::{Remote, Scan};
use crate::walk::Holds;

/// How deep directories are followed: more than PATH_MAX allows names of one letter.
const DEPTH: usize = 2048;
/// How many hard links are remembered.
const LINKS: usize = 1 << 20;

/// What was met already.
#[derive(Default)]
struct Met {
    /// Files with several names, by device and inode.
    files: HashSet<(u64, u64)>,
    /// Roots, so that one below another is not walked twice.
    directories: HashSet<(u64, u64)>,
}

pub(super) fn walk(
    scan: &Scan<'_>,
    roots: &[PathBuf],
    sender: &SyncSender<Piece>,
    seen: &mut Seen,
) {
    let mut met = Met::default();
    let machine = scan.host.machine();
    let is_asked = !scan.scope.roots.is_empty();
    for root in roots {
        let found = machine.resolve(root).and_then(|path| Ok((machine.lstat(&path)?, path)));
        match found {
            Ok((stat, path)) if stat.kind() == FileKind::Directory => {
                // A root that is asked for by name is entered, whatever it lies on.
                if is_asked || enters(scan, &path, seen) {
                    directory(scan, &path, &stat, &mut met, sender, seen);
                }
            }
            Ok((stat, path)) if stat.kind() == FileKind::Regular => {
                scan.file(&path, &stat, sender, seen);
            }
            Ok((stat, path)) => {
                let detail = format!("not a regular file: {}", stat.kind().name());
                let gap = Gap::new(scan.table, GapKind::Failed, detail);
                seen.gap(gap.at(Value::from(path.as_path()).to_string()));
            }
            Err(miss) if miss.absent && is_asked => {
                let gap =
                    Gap::new(scan.table, GapKind::Failed, "there is no such file or directory");
                seen.gap(gap.at(Value::from(root.as_path()).to_string()));
            }
            Err(miss) => crate::host::note(scan.table, &miss, seen),
        }
    }
}

fn directory(
    scan: &Scan<'_>,
    root: &Path,
    stat: &Stat,
    met: &mut Met,
    sender: &SyncSender<Piece>,
    seen: &mut Seen,
) {
    if !met.directories.insert((stat.device, stat.inode)) {
        return;
    }
    let mut stack = vec![(root.to_owned(), 1_usize, stat.device)];
    while let Some((path, depth, device)) = stack.pop() {
        let entries = scan.host.list(scan.table, &path, seen);
        let wanted =
            |kind| matches!(kind, FileKind::Directory | FileKind::Regular | FileKind::Unknown);
        let names: Vec<&std::ffi::OsStr> = entries
            .iter()
            .filter(|entry| wanted(entry.kind))
            .map(|entry| entry.name.as_os_str())
            .collect();
        let stats = scan.host.machine().lstat_each(&path, &names);
        for (name, stat) in names.into_iter().zip(stats) {
            if scan.is_over() {
                let left = Value::from(path.as_path()).to_string();
                let detail = "the time for reading content was over; what follows was not judged";
                return seen.gap(Gap::new(scan.table, GapKind::TimedOut, detail).at(left));
            }
            let stat = match stat {
                Ok(stat) => stat,
                Err(miss) => {
                    crate::host::note(scan.table, &miss, seen);
                    continue;
                }
            };
            let below = path.join(name);
            match stat.kind() {
                FileKind::Directory if depth < DEPTH => {
                    let same = stat.device == device || enters(scan, &below, seen);
                    let key = (stat.device, stat.inode);
                    if same && !met.directories.contains(&key) {
                        stack.push((below, depth.saturating_add(1), stat.device));
                    }
                }
                FileKind::Regular => {
                    let key = (stat.device, stat.inode);
                    let known = stat.links > 1
                        && (met.files.contains(&key)
                            || (met.files.len() < LINKS && !met.files.insert(key)));
                    if !known {
                        scan.file(&below, &stat, sender, seen);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Returns whether a file system is storage of this machine, and leaves a gap where it may hang.
fn enters(scan: &Scan<'_>, path: &Path, seen: &mut Seen) -> bool {
    let Some(kernel) = scan.host.machine().kernel() else { return true };
    let magic = match kernel.file_system(path) {
        Ok(system) => system.magic,
        Err(miss) => {
            crate::host::note(scan.table, &miss, seen);
            return false;
        }
    };
    match Holds::of(magic) {
        Holds::Storage => true,
        Holds::NoStorage => false,
        Holds::Remote if scan.scope.remote == Remote::Entered => true,
        Holds::Remote => {
            let detail =
                "a file system of the network or of a program, left out (`--network` enters it)";
            let gap = Gap::new(scan.table, GapKind::NotHere, detail);
            seen.gap(gap.at(Value::from(path).to_string()));
            false
        }
    }
}
