//! A machine in memory, for tests: a small tree of files and nothing else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_words::GapKind;

use crate::{Attribute, Contents, Entry, FileKind, Kernel, Listing, Machine, Miss, OpenFile, Stat};

/// A machine in memory.
///
/// ```
/// use stanch_machine::{Machine as _, Pretend};
/// let machine = Pretend::new().file("/etc/hosts", "127.0.0.1 localhost\n");
/// let seen = machine.read("/etc/hosts".as_ref(), 100).unwrap();
/// assert_eq!(seen.bytes, b"127.0.0.1 localhost\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pretend {
    nodes: BTreeMap<PathBuf, Node>,
    attributes: BTreeMap<(PathBuf, String), Vec<u8>>,
    now: i64,
}

#[derive(Clone, Debug)]
struct Node {
    stat: Stat,
    bytes: Vec<u8>,
    denied: bool,
}

impl Pretend {
    /// Returns an empty machine whose clock stands at 2026-03-01 00:00 UTC.
    pub fn new() -> Self {
        Self { now: 1_772_323_200, ..Self::default() }
    }

    /// Sets the clock, in seconds since 1970 UTC.
    #[must_use]
    pub fn at_time(mut self, now: i64) -> Self {
        self.now = now;
        self
    }

    /// Adds a regular file (mode 0644, root's) and the directories above it.
    #[must_use]
    pub fn file(self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Self {
        self.node(path.as_ref(), 0o100_644, bytes.as_ref())
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(self, path: impl AsRef<Path>) -> Self {
        self.node(path.as_ref(), 0o040_755, b"")
    }

    /// Adds a symlink.
    #[must_use]
    pub fn link(self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> Self {
        let target = target.as_ref().as_os_str().as_bytes().to_vec();
        self.node(path.as_ref(), 0o120_777, &target)
    }

    /// Changes what stat tells of a file that was added before.
    #[must_use]
    pub fn with(mut self, path: impl AsRef<Path>, change: impl FnOnce(&mut Stat)) -> Self {
        if let Some(node) = self.nodes.get_mut(path.as_ref()) {
            change(&mut node.stat);
        }
        self
    }

    /// Gives a file an extended attribute.
    #[must_use]
    pub fn with_attribute(mut self, path: impl AsRef<Path>, name: &str, value: &[u8]) -> Self {
        self.attributes.insert((path.as_ref().to_owned(), name.to_owned()), value.to_vec());
        self
    }

    /// Makes a file unreadable.
    #[must_use]
    pub fn denied(mut self, path: impl AsRef<Path>) -> Self {
        if let Some(node) = self.nodes.get_mut(path.as_ref()) {
            node.denied = true;
        }
        self
    }

    fn node(mut self, path: &Path, mode: u32, bytes: &[u8]) -> Self {
        for above in path.ancestors().skip(1) {
            if !self.nodes.contains_key(above) {
                let stat = Stat { mode: 0o040_755, links: 2, ..Stat::default() };
                self.nodes.insert(above.into(), Node { stat, bytes: Vec::new(), denied: false });
            }
        }
        let stat = Stat {
            mode,
            links: 1,
            size: bytes.len() as u64,
            inode: self.nodes.len() as u64 + 2,
            modified: self.now.saturating_mul(1_000_000_000),
            changed: self.now.saturating_mul(1_000_000_000),
            ..Stat::default()
        };
        self.nodes.insert(path.into(), Node { stat, bytes: bytes.to_vec(), denied: false });
        self
    }

    fn find(&self, path: &Path, follow_last: bool) -> Result<&Node, Miss> {
        let path = match (follow_last, path.parent(), path.file_name()) {
            (false, Some(parent), Some(name)) => self.resolve(parent)?.join(name),
            _ => self.resolve(path)?,
        };
        let node = self.nodes.get(&path).ok_or_else(|| absent(&path))?;
        if node.denied {
            return Err(Miss::new(GapKind::Denied, "permission denied", &path));
        }
        Ok(node)
    }
}

impl OpenFile for &Node {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Miss> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let most = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..most), rest.get(..most)) {
            to.copy_from_slice(from);
        }
        Ok(most)
    }

    fn stat(&self) -> Result<Stat, Miss> {
        Ok(self.stat)
    }
}

fn absent(path: &Path) -> Miss {
    Miss { absent: true, ..Miss::new(GapKind::Changed, "no such file or directory", path) }
}

impl Machine for Pretend {
    fn kind(&self) -> &'static str {
        "pretend"
    }

    fn read(&self, path: &Path, cap: u64) -> Result<Contents, Miss> {
        let node = self.find(path, true)?;
        if node.stat.kind() != FileKind::Regular {
            return Err(Miss::new(GapKind::Failed, "not a regular file", path));
        }
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        let bytes = node.bytes.iter().copied().take(cap).collect();
        Ok(Contents { bytes, truncated: node.bytes.len() > cap })
    }

    fn read_pieces(&self, path: &Path, cap: u64, each: &mut dyn FnMut(&[u8])) -> Result<u64, Miss> {
        let contents = self.read(path, cap)?;
        each(&contents.bytes);
        Ok(contents.bytes.len() as u64)
    }

    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        let node = self.find(path, true)?;
        if node.stat.kind() != FileKind::Regular {
            return Err(Miss::new(GapKind::Failed, "not a regular file", path));
        }
        Ok(Box::new(node))
    }

    fn list(&self, path: &Path) -> Result<Listing, Miss> {
        let path = self.resolve(path)?;
        if self.find(&path, true)?.stat.kind() != FileKind::Directory {
            return Err(Miss {
                absent: true,
                ..Miss::new(GapKind::Failed, "not a directory", &path)
            });
        }
        let entries = self
            .nodes
            .iter()
            .filter(|(child, _)| child.parent() == Some(&path))
            .map(|(child, node)| Entry {
                name: child.file_name().map_or_else(OsString::new, OsString::from),
                kind: node.stat.kind(),
                inode: node.stat.inode,
            })
            .collect();
        Ok(Listing { entries, ..Listing::default() })
    }

    fn stat(&self, path: &Path) -> Result<Stat, Miss> {
        self.find(path, true).map(|node| node.stat)
    }

    fn lstat(&self, path: &Path) -> Result<Stat, Miss> {
        self.find(path, false).map(|node| node.stat)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, Miss> {
        // Used by `resolve`, so it must not resolve the last part itself.
        let node = self.nodes.get(path).ok_or_else(|| absent(path))?;
        if node.stat.kind() != FileKind::Symlink {
            return Err(Miss::new(GapKind::Failed, "not a symlink", path));
        }
        Ok(PathBuf::from(std::ffi::OsStr::from_bytes(&node.bytes)))
    }

    fn attribute(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, Miss> {
        Ok(self.attributes.get(&(path.to_owned(), name.to_owned())).cloned())
    }

    fn attributes(&self, path: &Path) -> Result<Vec<Attribute>, Miss> {
        let of_path = self.attributes.iter().filter(|((at, _), _)| at == path);
        Ok(of_path.map(|((_, name), value)| (name.clone().into_bytes(), value.clone())).collect())
    }

    fn flags(&self, _path: &Path) -> Result<Option<u32>, Miss> {
        Ok(None)
    }

    fn kernel(&self) -> Option<&dyn Kernel> {
        None
    }

    fn now(&self) -> i64 {
        self.now
    }
}
