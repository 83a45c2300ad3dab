//! A snapshot's manifest: one line for each thing in it, and the digest over all lines.
//!
//! The line of a file names the digests of its content (SHA-256 of each piece), so that the digest
//! in the ledger stands for every byte, name, owner, mode and time, whatever becomes of the
//! repository. A line is made of what the snapshot says, in the order of the walk: nothing is read
//! again for it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustic_core::IndexedTree;
use rustic_core::TreeId;
use rustic_core::repofile::{Node, NodeType};
use sha2::{Digest as _, Sha256};

use crate::repository::{Library, said};

/// How deep a tree may be: no path that a kernel takes is deeper.
const DEPTH: usize = 2048;

/// How many things a snapshot may hold: a tree that names itself many times over grows without end.
const MOST: u64 = 100_000_000;

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// SHA-256 over all lines.
    pub sha256: String,
    /// Regular files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symlinks, pipes, sockets and devices.
    pub others: u64,
    /// Bytes of regular files.
    pub bytes: u64,
}

impl Manifest {
    /// Returns how many things there are.
    pub fn things(&self) -> u64 {
        self.files.saturating_add(self.folders).saturating_add(self.others)
    }
}

/// Goes through all of a snapshot, a folder before what is in it. Errors name the folder that could
/// not be read; its contents are missing then.
pub(crate) fn walk<S: IndexedTree>(
    library: &Library<S>,
    root: TreeId,
    visit: &mut dyn FnMut(&Path, &Node),
    miss: &mut dyn FnMut(&Path, String),
) {
    let mut stack: Vec<(PathBuf, std::vec::IntoIter<Node>)> = Vec::new();
    let enter = |path: &Path, id: TreeId, miss: &mut dyn FnMut(&Path, String)| match library
        .get_tree(&id)
    {
        Ok(tree) => Some((path.to_owned(), tree.nodes.into_iter())),
        Err(error) => {
            miss(path, said(&error));
            None
        }
    };
    stack.extend(enter(Path::new("/"), root, miss));
    let mut met = 0_u64;
    while let Some((folder, nodes)) = stack.last_mut() {
        let Some(node) = nodes.next() else {
            stack.pop();
            continue;
        };
        met = met.saturating_add(1);
        let name = node.name();
        if !is_a_name(&name) {
            miss(folder, format!("`{}` is no name of a file", name.display()));
            continue;
        }
        let path = folder.join(&name);
        visit(&path, &node);
        let Some(id) = node.subtree.filter(|_| node.is_dir()) else { continue };
        if stack.len() >= DEPTH || met > MOST {
            miss(&path, "deeper or larger than any tree of files".to_owned());
            continue;
        }
        stack.extend(enter(&path, id, miss));
    }
}

/// Returns whether a name leads nowhere but into its folder.
fn is_a_name(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    !matches!(bytes, b"" | b"." | b"..") && !bytes.contains(&b'/') && !bytes.contains(&0)
}

/// Counts and digests what a walk meets.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    digest: Sha256,
    manifest: Manifest,
}

impl Counting {
    pub(crate) fn add(&mut self, path: &Path, node: &Node) {
        let manifest = &mut self.manifest;
        let count = match node.node_type {
            NodeType::File => &mut manifest.files,
            NodeType::Dir => &mut manifest.folders,
            _ => &mut manifest.others,
        };
        *count = count.saturating_add(1);
        if node.is_file() {
            manifest.bytes = manifest.bytes.saturating_add(node.meta.size);
        }
        self.digest.update(line(path, node));
    }

    pub(crate) fn manifest(self) -> Manifest {
        let sha256 = stanch_words::text::hex(&self.digest.finalize());
        Manifest { sha256, ..self.manifest }
    }
}

/// Returns the line of one thing: fields between NUL bytes, which no path holds.
fn line(path: &Path, node: &Node) -> Vec<u8> {
    let mut line = path.as_os_str().as_bytes().to_vec();
    let meta = &node.meta;
    let number = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    let time = meta.mtime.map_or_else(String::new, |time| time.as_nanosecond().to_string());
    let (mode, uid, gid) = (number(meta.mode), number(meta.uid), number(meta.gid));
    let kind = match &node.node_type {
        NodeType::File => "file",
        NodeType::Dir => "folder",
        NodeType::Symlink { .. } => "symlink",
        NodeType::Dev { .. } => "block",
        NodeType::Chardev { .. } => "character",
        NodeType::Fifo => "fifo",
        NodeType::Socket => "socket",
    };
    // A write to a vector cannot fail.
    drop(write!(line, "\0{kind}\0{mode}\0{uid}\0{gid}\0{time}\0{}", meta.size));
    match &node.node_type {
        NodeType::Symlink { .. } => {
            line.push(0);
            line.extend_from_slice(node.node_type.to_link().as_os_str().as_bytes());
        }
        NodeType::Dev { device } | NodeType::Chardev { device } => {
            drop(write!(line, "\0{device}"));
        }
        _ => {}
    }
    for id in node.content.iter().flatten() {
        drop(write!(line, "\0{}", id.to_hex().as_str()));
    }
    for attribute in &meta.extended_attributes {
        drop(write!(line, "\0{}=", attribute.name));
        line.extend_from_slice(attribute.value.as_deref().unwrap_or_default());
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustic_core::repofile::Metadata;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for bad in ["", ".", "..", "a/b", "/etc", "a\0"] {
            assert!(!is_a_name(OsStr::new(bad)), "{bad:?}");
        }
        for good in ["a", "...", " ", "a\nb", "\\"] {
            assert!(is_a_name(OsStr::new(good)), "{good:?}");
        }
        assert!(is_a_name(OsStr::from_bytes(b"\xff\xfe")));
    }

    #[test]
    fn every_field_of_a_line_changes_the_digest() {
        let meta = Metadata { mode: Some(0o644), size: 3, uid: Some(1), ..Metadata::default() };
        let node = Node::new_node(OsStr::new("a"), NodeType::File, meta);
        let digest = |node: &Node| {
            let mut counting = Counting::default();
            counting.add(Path::new("/a"), node);
            counting.manifest()
        };
        let first = digest(&node);
        assert_eq!((first.files, first.bytes, first.things()), (1, 3, 1));
        let changes: [fn(&mut Node); 5] = [
            |node| node.meta.mode = Some(0o4755),
            |node| node.meta.uid = Some(0),
            |node| node.meta.size = 4,
            |node| node.node_type = NodeType::Fifo,
            |node| node.content = Some(vec![rustic_core::DataId::default()]),
        ];
        for change in changes {
            let mut other = node.clone();
            change(&mut other);
            assert_ne!(digest(&other).sha256, first.sha256, "{other:?}");
        }
    }
}
