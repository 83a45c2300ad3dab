//! The walk: entries in the order of paths, a few of one directory at a time.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::{Entry, FileKind, Machine, Miss};
use stanch_words::{Gap, GapKind, Value};

use super::{Crossing, Item, NAME, Scope, is_below, order};
use crate::walk::Holds;

/// How many entries are looked at together at most.
const TOGETHER: usize = 64;
/// How deep directories are followed.
const DEPTH: usize = 2048;

/// Some entries of one directory that follow each other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Its place among all, from 0.
    pub(super) number: u64,
    /// The directory.
    pub(super) directory: PathBuf,
    /// The entries.
    pub(super) names: Vec<OsString>,
    /// What follows them and was not seen.
    pub(super) unseen: Option<Item>,
}

/// A directory on the way down.
#[derive(Debug)]
struct Level {
    directory: PathBuf,
    device: u64,
    entries: std::iter::Peekable<std::vec::IntoIter<Entry>>,
}

/// A walk under way.
pub(super) struct Walker<'a> {
    machine: &'a dyn Machine,
    scope: &'a Scope,
    /// Roots to come, the next last.
    roots: Vec<PathBuf>,
    levels: Vec<Level>,
    number: u64,
    /// Nothing up to this path is told again.
    after: Vec<u8>,
    pub(super) gaps: Vec<Gap>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(machine: &'a dyn Machine, scope: &'a Scope, after: Vec<u8>) -> Self {
        let roots = top_most(&scope.roots).into_iter().rev().collect();
        Self { machine, scope, roots, levels: Vec::new(), number: 0, after, gaps: Vec::new() }
    }

    /// Returns the next entries, or nothing at the end.
    pub(super) fn next(&mut self) -> Option<Batch> {
        loop {
            let batch = if self.levels.is_empty() { self.root()? } else { self.of_level() };
            if batch.names.is_empty() && batch.unseen.is_none() {
                continue;
            }
            let number = self.number;
            self.number = number.saturating_add(1);
            return Some(Batch { number, ..batch });
        }
    }

    /// Begins the next root; it is an entry of the directory above it.
    fn root(&mut self) -> Option<Batch> {
        let root = self.roots.pop()?;
        let (directory, name) = match (root.parent(), root.file_name()) {
            (Some(parent), Some(name)) => (parent.to_owned(), name.to_owned()),
            _ => (PathBuf::from("/"), ".".into()),
        };
        let mut batch = Batch { directory, ..Batch::default() };
        match self.machine.lstat(&root) {
            Ok(stat) => {
                if self.is_new(&root) {
                    batch.names.push(name);
                }
                if stat.kind() == FileKind::Directory {
                    batch.unseen = self.enter(root, stat.device, None);
                }
            }
            Err(miss) if miss.absent => {}
            Err(miss) => batch.unseen = Some(self.missed(&miss, Item::Unseen(bytes(&root)))),
        }
        Some(batch)
    }

    /// Takes entries off the deepest directory, up to one that is itself a directory.
    fn of_level(&mut self) -> Batch {
        let Some(level) = self.levels.last_mut() else { return Batch::default() };
        let mut batch = Batch { directory: level.directory.clone(), ..Batch::default() };
        let device = level.device;
        while batch.names.len() < TOGETHER {
            let Some(entry) = self.levels.last_mut().and_then(|level| level.entries.next()) else {
                self.levels.pop();
                break;
            };
            let path = batch.directory.join(&entry.name);
            if self.is_new(&path) {
                batch.names.push(entry.name);
            }
            if !matches!(entry.kind, FileKind::Directory | FileKind::Unknown) {
                continue;
            }
            let Ok(stat) = self.machine.lstat(&path) else { continue };
            if stat.kind() == FileKind::Directory {
                batch.unseen = self.enter(path, stat.device, Some(device));
                break;
            }
        }
        batch
    }

    /// Returns whether a path was not told before.
    fn is_new(&self, path: &Path) -> bool {
        self.after.is_empty() || order(path.as_os_str().as_bytes(), &self.after).is_gt()
    }

    /// Goes down into a directory, or says why not.
    fn enter(&mut self, path: PathBuf, device: u64, above: Option<u64>) -> Option<Item> {
        let name = path.as_os_str().as_bytes();
        let is_done = !self.is_new(&path) && !is_below(&self.after, name) && self.after != name;
        if is_done || self.scope.except.contains(&path) {
            return None;
        }
        match self.crosses(&path, device, above) {
            Some(true) => {}
            // What is not entered on purpose is not seen in vain: should it have been mounted over
            // files of a baseline, these are gone.
            Some(false) => return None,
            None => return Some(Item::UnseenBelow(name.to_vec())),
        }
        if self.levels.len() >= DEPTH {
            let gap = Gap::new(NAME, GapKind::Truncated, "too deep; what is below was not seen");
            self.gaps.push(gap.at(Value::from(path.as_path()).to_string()));
            return Some(Item::UnseenBelow(name.to_vec()));
        }
        match self.machine.list(&path) {
            Ok(listing) => {
                if listing.truncated {
                    let gap = Gap::new(NAME, GapKind::Truncated, "too many entries");
                    self.gaps.push(gap.at(Value::from(path.as_path()).to_string()));
                }
                let entries = listing.entries.into_iter().peekable();
                self.levels.push(Level { directory: path, device, entries });
                None
            }
            Err(miss) if miss.absent => None,
            Err(miss) => {
                let below = Item::UnseenBelow(name.to_vec());
                Some(self.missed(&miss, below)).filter(|_| self.is_new(&path))
            }
        }
    }

    /// Returns whether a directory on another file system is entered, and leaves a line if not;
    /// nothing if that could not be asked.
    fn crosses(&mut self, path: &Path, device: u64, above: Option<u64>) -> Option<bool> {
        if above == Some(device) {
            return Some(true);
        }
        let detail = match (self.machine.magic(path), self.scope.crossing) {
            (Ok(Some(magic)), crossing) => match (Holds::of(magic), crossing) {
                (Holds::NoStorage, _) => "made up by the kernel; not entered",
                (Holds::Remote, Crossing::Remote) => return Some(true),
                (Holds::Remote, _) if above.is_some() => {
                    "a file system of the network or of a program; not entered (`--network` enters it)"
                }
                (_, Crossing::None) if above.is_some() => {
                    "another file system; not entered, as was asked for"
                }
                _ => return Some(true),
            },
            (Ok(None), _) => return Some(true),
            (Err(miss), _) => {
                self.gaps.push(miss.gap(NAME));
                return None;
            }
        };
        let gap = Gap::new(NAME, GapKind::NotHere, detail);
        self.gaps.push(gap.at(Value::from(path).to_string()));
        Some(false)
    }

    fn missed(&mut self, miss: &Miss, item: Item) -> Item {
        self.gaps.push(miss.gap(NAME));
        item
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

/// Returns places in the order of paths, without those that lie below another.
fn top_most(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut all = roots.to_vec();
    all.sort_by(|a, b| order(a.as_os_str().as_bytes(), b.as_os_str().as_bytes()));
    let mut kept: Vec<PathBuf> = Vec::new();
    for root in all {
        if !kept.last().is_some_and(|last| root.starts_with(last)) {
            kept.push(root);
        }
    }
    kept
}
