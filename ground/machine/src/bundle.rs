//! An evidence bundle seen as a machine: what was taken, as it was taken.
//!
//! ```text
//!   tar.gz ─► one pass ─► [root]/…        files of the machine, their content in a scratch file
//!                         live/NAME.jsonl  tables as they were read on the running machine
//!                         bodyfile/…       files whose content was not taken
//!   ZIP    ─► its list ─► uploads/auto/…   files, results/NAME.json rows: Velociraptor's layout
//! ```
//!
//! A name that would lead out, a link through which one would be written, and a packing that
//! unfolds without end are left out and told ([`Bundle::strange`]).

mod bodyfile;
mod tree;
mod unpack;
mod velociraptor;
mod zip;

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_words::{Gap, GapKind};

use crate::{Attribute, Contents, Entry, FileKind, Kernel, Listing, Machine, Miss, OpenFile, Stat};
use tree::{Node, Tree, What};

/// An evidence bundle (`--bundle FILE`).
#[derive(Debug)]
pub struct Bundle {
    tree: Tree,
    records: std::collections::BTreeMap<String, (u64, u64)>,
    scratch: OwnedFd,
    now: i64,
    strange: Vec<Gap>,
}

impl Bundle {
    /// Opens a bundle and unpacks it into a scratch file without a name, in the first of some
    /// directories that takes one, else in memory.
    ///
    /// # Errors
    /// A [`Miss`] if it cannot be read, or is no bundle at all. One that breaks off is opened as
    /// far as it goes.
    pub fn open(path: &Path, scratch: &[&Path]) -> Result<Self, Miss> {
        unpack::unpack(path, scratch)
    }

    /// Returns what was wrong with the bundle itself.
    pub fn strange(&self) -> &[Gap] {
        &self.strange
    }

    /// Returns whether it holds anything that a machine has.
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty() && self.records.is_empty()
    }

    fn node(&self, path: &Path, follow: bool) -> Result<&Node, Miss> {
        self.tree.find(path, follow).map_err(|lost| lost.at(path))
    }

    fn file(&self, path: &Path) -> Result<InBundle<'_>, Miss> {
        let node = self.node(path, true)?;
        match node.what {
            What::File { offset, length } => {
                let stat = node.stat;
                Ok(InBundle { scratch: &self.scratch, offset, length, stat, path: path.to_owned() })
            }
            What::NotTaken if node.stat.kind() == FileKind::Regular => {
                Err(Miss::new(GapKind::NotHere, "its content is not in the bundle", path))
            }
            _ => {
                let detail = format!("not a regular file: {}", node.stat.kind().name());
                Err(Miss::new(GapKind::Failed, detail, path))
            }
        }
    }
}

/// A file of a bundle.
struct InBundle<'a> {
    scratch: &'a OwnedFd,
    offset: u64,
    length: u64,
    stat: Stat,
    path: PathBuf,
}

impl OpenFile for InBundle<'_> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Miss> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let mut done = 0_usize;
        while let Some(room) = buffer.get_mut(done..most).filter(|room| !room.is_empty()) {
            let at = self.offset.saturating_add(offset).saturating_add(done as u64);
            match rustix::io::pread(self.scratch, room, at) {
                Ok(0) => break,
                Ok(read) => done = done.saturating_add(read),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(Miss::from_errno(errno, &self.path)),
            }
        }
        Ok(done)
    }

    fn stat(&self) -> Result<Stat, Miss> {
        Ok(self.stat)
    }
}

impl InBundle<'_> {
    fn pieces(&self, cap: u64, each: &mut dyn FnMut(&[u8])) -> Result<u64, Miss> {
        let mut room = vec![0_u8; 256 << 10];
        let mut total = 0_u64;
        while total < cap {
            let most = usize::try_from(cap.saturating_sub(total)).unwrap_or(usize::MAX);
            let most = most.min(room.len());
            let read = self.read_at(total, room.get_mut(..most).unwrap_or_default())?;
            if read == 0 {
                break;
            }
            each(room.get(..read).unwrap_or_default());
            total = total.saturating_add(read as u64);
        }
        Ok(total)
    }

    fn contents(&self, cap: u64) -> Result<Contents, Miss> {
        let mut bytes = Vec::new();
        self.pieces(cap, &mut |piece| bytes.extend_from_slice(piece))?;
        Ok(Contents { bytes, truncated: self.length > cap })
    }
}

impl Machine for Bundle {
    fn kind(&self) -> &'static str {
        "bundle"
    }

    fn read(&self, path: &Path, cap: u64) -> Result<Contents, Miss> {
        self.file(path)?.contents(cap)
    }

    fn read_pieces(&self, path: &Path, cap: u64, each: &mut dyn FnMut(&[u8])) -> Result<u64, Miss> {
        self.file(path)?.pieces(cap, each)
    }

    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        Ok(Box::new(self.file(path)?))
    }

    fn list(&self, path: &Path) -> Result<Listing, Miss> {
        let What::Directory(children) = &self.node(path, true)?.what else {
            let miss = Miss::new(GapKind::Failed, "not a directory", path);
            return Err(Miss { absent: true, ..miss });
        };
        let entries = children.iter().filter_map(|(name, at)| {
            let stat = self.tree.at(*at)?.stat;
            Some(Entry { name: name.clone(), kind: stat.kind(), inode: stat.inode })
        });
        Ok(Listing { entries: entries.collect(), ..Listing::default() })
    }

    fn stat(&self, path: &Path) -> Result<Stat, Miss> {
        self.node(path, true).map(|node| node.stat)
    }

    fn lstat(&self, path: &Path) -> Result<Stat, Miss> {
        self.node(path, false).map(|node| node.stat)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, Miss> {
        match &self.node(path, false)?.what {
            What::Link(target) => Ok(PathBuf::from(OsStr::from_bytes(target))),
            _ => Err(Miss::new(GapKind::Failed, "not a symlink", path)),
        }
    }

    fn attribute(&self, _path: &Path, _name: &str) -> Result<Option<Vec<u8>>, Miss> {
        Ok(None)
    }

    fn attributes(&self, _path: &Path) -> Result<Vec<Attribute>, Miss> {
        Ok(Vec::new())
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

    fn record(&self, name: &str, cap: u64) -> Option<Result<Contents, Miss>> {
        let &(offset, length) = self.records.get(name)?;
        let path = PathBuf::from(format!("live/{name}.jsonl"));
        let stat = Stat::default();
        Some(InBundle { scratch: &self.scratch, offset, length, stat, path }.contents(cap))
    }
}

#[cfg(test)]
mod tests;
