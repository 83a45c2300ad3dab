//! The files of a bundle: a tree in memory that no name leads out of.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use stanch_words::GapKind;

use crate::{FileKind, Miss, Stat};

/// The most symlinks that one look-up follows (path_resolution(7)).
const LINKS: u32 = 40;

/// The most files and directories: a few bytes of a packing can name thousands.
const NODES: usize = 8_000_000;

#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) stat: Stat,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Directory(BTreeMap<OsString, usize>),
    /// Its content lies in the scratch file.
    File {
        offset: u64,
        length: u64,
    },
    /// Where it leads, as written.
    Link(Vec<u8>),
    /// Only its description is known.
    NotTaken,
}

/// Why a look-up failed, before it has the path that was asked for.
pub(super) enum Lost {
    Absent,
    TooManyLinks,
}

impl Lost {
    pub(super) fn at(self, path: &Path) -> Miss {
        match self {
            Self::Absent => Miss {
                absent: true,
                ..Miss::new(GapKind::Changed, "no such file or directory", path)
            },
            Self::TooManyLinks => Miss::new(GapKind::Damaged, "too many symlinks", path),
        }
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { nodes: vec![directory()] }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn at(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    fn child(&self, at: usize, name: &OsStr) -> Option<usize> {
        match &self.nodes.get(at)?.what {
            What::Directory(children) => children.get(name).copied(),
            _ => None,
        }
    }

    /// Finds a node. Absolute symlinks start at the root of the bundle and `..` ends at it.
    pub(super) fn find(&self, path: &Path, follow: bool) -> Result<&Node, Lost> {
        let mut left: Vec<OsString> = parts(path);
        left.reverse();
        let mut stack = vec![0_usize];
        let mut links = 0_u32;
        while let Some(part) = left.pop() {
            if part == ".." {
                if stack.len() > 1 {
                    stack.pop();
                }
                continue;
            }
            let at = stack.last().copied().unwrap_or(0);
            let next = self.child(at, &part).ok_or(Lost::Absent)?;
            let is_last = left.is_empty();
            match self.nodes.get(next).map(|node| &node.what) {
                Some(What::Link(target)) if !is_last || follow => {
                    links = links.saturating_add(1);
                    if links > LINKS {
                        return Err(Lost::TooManyLinks);
                    }
                    if target.first() == Some(&b'/') {
                        stack.truncate(1);
                    }
                    let target = Path::new(OsStr::from_bytes(target));
                    left.extend(parts(target).into_iter().rev());
                }
                _ => stack.push(next),
            }
        }
        let at = stack.last().copied().unwrap_or(0);
        self.nodes.get(at).ok_or(Lost::Absent)
    }

    /// Puts a node at a path below the root, and directories above it where there are none.
    /// Returns in words why it is refused.
    pub(super) fn put(&mut self, path: &Path, stat: Stat, what: What) -> Result<(), &'static str> {
        if self.nodes.len() >= NODES {
            return Err("more files than are looked at");
        }
        let mut names = Vec::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => names.push(name),
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => return Err("its name leads out"),
            }
        }
        let Some(last) = names.pop() else {
            if let Some(root) = self.nodes.first_mut() {
                root.stat = stat;
            }
            return Ok(());
        };
        let mut at = 0_usize;
        for name in names {
            at = match self.child(at, name) {
                Some(next) => next,
                None => self.add(at, name, directory()),
            };
            if !matches!(self.nodes.get(at).map(|node| &node.what), Some(What::Directory(_))) {
                return Err("what should be a directory above it is none");
            }
        }
        let there = self.child(at, last);
        match there.and_then(|there| self.nodes.get_mut(there)) {
            // A directory that others made by lying in it gets its own description.
            Some(Node { stat: own, what: What::Directory(_) }) => {
                if stat.kind() != FileKind::Directory {
                    return Err("there is a directory of that name");
                }
                *own = stat;
            }
            Some(node) => *node = Node { stat, what },
            None => {
                self.add(at, last, Node { stat, what });
            }
        }
        Ok(())
    }

    /// Changes the description of a node that is there; returns whether it is.
    pub(super) fn describe(&mut self, path: &Path, change: impl FnOnce(&mut Stat)) -> bool {
        let mut at = 0_usize;
        for name in parts(path) {
            let Some(next) = self.child(at, &name) else { return false };
            at = next;
        }
        if let Some(node) = self.nodes.get_mut(at) {
            change(&mut node.stat);
        }
        true
    }

    fn add(&mut self, at: usize, name: &OsStr, node: Node) -> usize {
        let new = self.nodes.len();
        self.nodes.push(node);
        if let Some(Node { what: What::Directory(children), .. }) = self.nodes.get_mut(at) {
            children.insert(name.to_owned(), new);
        }
        new
    }
}

fn directory() -> Node {
    let stat = Stat { mode: 0o040_755, links: 2, ..Stat::default() };
    Node { stat, what: What::Directory(BTreeMap::new()) }
}

fn parts(path: &Path) -> Vec<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}
