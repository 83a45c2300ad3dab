//! What is backed up, as the library asks for it: one walk of the machine, in the order of names,
//! and the content of what is new or changed.
//!
//! The library leaves out what it cannot read and says so to a log that nobody reads. So nothing
//! that can fail here fails there unseen: each miss is noted before it is passed on.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustic_core::jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{
    ErrorKind, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticError, RusticResult,
};
use rustix::fs::makedev;
use stanch_machine::{FileKind, Machine, Miss, Stat};
use stanch_words::{Gap, GapKind, Value};

use crate::backup::{Entered, Sources};

/// What gaps of a backup are about.
pub(crate) const BACKUP: &str = "backup";

/// So many gaps are kept one by one; the rest is counted.
const TOLD: usize = 10_000;

/// A piece of a large file; each thread that reads holds one.
const PIECE: usize = 4 << 20;

/// So many entries of a folder are described at once.
const AT_ONCE: usize = 512;

/// What was seen, and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) gaps: Vec<Gap>,
    /// Gaps that are not told one by one.
    pub(crate) untold: u64,
    /// What was handed on, but folders.
    pub(crate) handed: u64,
    /// What was handed on and could not be read in the end.
    pub(crate) unread: u64,
}

/// Notes that the walk and the threads that read share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<Notes>>);

impl Shared {
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Notes) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn gap(&self, gap: Gap) {
        self.with(|notes| match notes.gaps.len() < TOLD {
            true => notes.gaps.push(gap),
            false => notes.untold = notes.untold.saturating_add(1),
        });
    }

    fn note(&self, kind: GapKind, detail: impl Into<String>, path: &Path) {
        self.gap(Gap::new(BACKUP, kind, detail).at(Value::from(path).to_string()));
    }

    fn unread(&self) {
        self.with(|notes| notes.unread = notes.unread.saturating_add(1));
    }
}

/// The source of a backup.
pub(crate) struct Source {
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) sources: Sources,
    /// The repository's own folder, by device and inode: it is not put into itself.
    pub(crate) own: Option<(u64, u64)>,
    pub(crate) shared: Shared,
}

impl ReadSource for Source {
    type Open = Opening;
    type Iter = Walk;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Walk {
        Walk {
            machine: Arc::clone(&self.machine),
            sources: self.sources.clone(),
            own: self.own,
            shared: self.shared.clone(),
            roots: self.sources.paths.clone().into_iter(),
            ancestors: Vec::new(),
            last: PathBuf::new(),
            stack: Vec::new(),
        }
    }
}

/// A folder that is gone through.
struct Frame {
    path: PathBuf,
    device: u64,
    names: std::vec::IntoIter<OsString>,
    ready: std::vec::IntoIter<(OsString, Result<Stat, Miss>)>,
}

/// The walk.
pub(crate) struct Walk {
    machine: Arc<dyn Machine>,
    sources: Sources,
    own: Option<(u64, u64)>,
    shared: Shared,
    roots: std::vec::IntoIter<PathBuf>,
    /// Folders above the next root, and the root, the last first.
    ancestors: Vec<(PathBuf, bool)>,
    last: PathBuf,
    stack: Vec<Frame>,
}

type Handed = ReadSourceEntry<Opening>;

impl Iterator for Walk {
    type Item = RusticResult<Handed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((path, stat)) = self.step() {
                match self.entry(path, stat) {
                    Some(entry) => return Some(Ok(entry)),
                    None => continue,
                }
            }
            if self.stack.is_empty() && self.ancestors.is_empty() {
                let root = self.roots.next()?;
                self.begin(&root);
            }
        }
    }
}

impl Walk {
    /// Makes ready the folders above a root that were not handed on with an earlier one.
    fn begin(&mut self, root: &Path) {
        for above in root.ancestors() {
            let is_known = above != root && self.last.starts_with(above);
            if !is_known && above != Path::new("/") {
                self.ancestors.push((above.to_owned(), above == root));
            }
        }
        if root == Path::new("/") {
            match self.machine.lstat(root) {
                Ok(stat) => self.enter(root, &stat),
                Err(miss) => self.shared.gap(miss.gap(BACKUP)),
            }
        }
        self.last = root.to_owned();
    }

    /// Returns the next thing of the machine, and enters it if it is a folder.
    fn step(&mut self) -> Option<(PathBuf, Stat)> {
        if let Some((path, is_root)) = self.ancestors.pop() {
            return match self.machine.lstat(&path) {
                Ok(stat) => {
                    if is_root && stat.kind() == FileKind::Directory {
                        self.enter(&path, &stat);
                    }
                    Some((path, stat))
                }
                Err(miss) => {
                    self.shared.gap(miss.gap(BACKUP));
                    None
                }
            };
        }
        loop {
            let frame = self.stack.last_mut()?;
            let Some((name, stat)) = frame.ready.next() else {
                let names: Vec<OsString> = frame.names.by_ref().take(AT_ONCE).collect();
                if names.is_empty() {
                    self.stack.pop();
                    continue;
                }
                let borrowed: Vec<&OsStr> = names.iter().map(OsString::as_os_str).collect();
                let stats = self.machine.lstat_each(&frame.path, &borrowed);
                let ready: Vec<_> = names.into_iter().zip(stats).collect();
                frame.ready = ready.into_iter();
                continue;
            };
            let (path, above) = (frame.path.join(name), frame.device);
            if (self.sources.excluded.0)(&path) {
                continue;
            }
            let stat = match stat {
                Ok(stat) => stat,
                // It went between the list and the look: then it is not there to be kept.
                Err(miss) if miss.absent => continue,
                Err(miss) => {
                    self.shared.gap(miss.gap(BACKUP));
                    continue;
                }
            };
            if stat.kind() == FileKind::Directory {
                if self.own == Some((stat.device, stat.inode)) {
                    self.shared.note(GapKind::NotHere, "the repository itself", &path);
                    continue;
                }
                if stat.device == above || self.is_storage(&path) {
                    self.enter(&path, &stat);
                }
            }
            return Some((path, stat));
        }
    }

    /// Returns whether files of this machine lie on a mounted file system; tells if not.
    fn is_storage(&self, path: &Path) -> bool {
        let magic = match self.machine.magic(path) {
            Ok(magic) => magic,
            Err(miss) => {
                self.shared.gap(miss.gap(BACKUP));
                return false;
            }
        };
        let why = match magic.map(|magic| (self.sources.entered.0)(magic)) {
            None | Some(Entered::Yes) => return true,
            Some(Entered::Kernel) => "made up by the kernel",
            Some(Entered::Remote) => "files of another machine; name the path to back it up",
        };
        self.shared.note(GapKind::NotHere, why, path);
        false
    }

    fn enter(&mut self, path: &Path, stat: &Stat) {
        let listing = match self.machine.list(path) {
            Ok(listing) => listing,
            Err(miss) => return self.shared.gap(miss.gap(BACKUP)),
        };
        if listing.truncated {
            let kind = GapKind::Truncated;
            self.shared.note(kind, "more entries than one folder is read", path);
        }
        let names: Vec<OsString> = listing.entries.into_iter().map(|entry| entry.name).collect();
        self.stack.push(Frame {
            path: path.to_owned(),
            device: stat.device,
            names: names.into_iter(),
            ready: Vec::new().into_iter(),
        });
    }

    fn entry(&self, path: PathBuf, stat: Stat) -> Option<Handed> {
        let node = self.node(&path, &stat)?;
        let is_file = node.is_file();
        if !node.is_dir() {
            self.shared.with(|notes| notes.handed = notes.handed.saturating_add(1));
        }
        let open = is_file.then(|| Opening {
            machine: Arc::clone(&self.machine),
            shared: self.shared.clone(),
            path: path.clone(),
            stat,
        });
        Some(ReadSourceEntry { path, node, open })
    }

    fn node(&self, path: &Path, stat: &Stat) -> Option<Node> {
        let kind = match stat.kind() {
            FileKind::Regular => NodeType::File,
            FileKind::Directory => NodeType::Dir,
            FileKind::Fifo => NodeType::Fifo,
            FileKind::Socket => NodeType::Socket,
            FileKind::BlockDevice => NodeType::Dev { device: packed(stat.special_device) },
            FileKind::CharacterDevice => NodeType::Chardev { device: packed(stat.special_device) },
            FileKind::Symlink => match self.machine.read_link(path) {
                Ok(target) => NodeType::from_link(&target),
                Err(miss) => {
                    self.shared.gap(miss.gap(BACKUP));
                    return None;
                }
            },
            FileKind::Unknown => {
                self.shared.note(GapKind::Failed, "of no known kind", path);
                return None;
            }
        };
        let is_file = kind == NodeType::File;
        let time = |nanoseconds: i64| Timestamp::from_nanosecond(nanoseconds.into()).ok();
        let meta = Metadata {
            mode: Some(to_go(stat.mode)),
            mtime: time(stat.modified),
            // A file that was only read since is no other file.
            atime: time(stat.modified),
            ctime: time(stat.changed),
            uid: Some(stat.uid),
            gid: Some(stat.gid),
            user: None,
            group: None,
            inode: stat.inode,
            device_id: packed(stat.device),
            size: if is_file { stat.size } else { 0 },
            links: if kind == NodeType::Dir { 0 } else { stat.links },
            extended_attributes: serde_json::from_value(self.attributes(path, stat))
                .unwrap_or_default(),
        };
        Some(Node::new_node(path.file_name()?, kind, meta))
    }

    /// Returns the attributes as restic writes them: the library's type of them has no name outside.
    fn attributes(&self, path: &Path, stat: &Stat) -> serde_json::Value {
        if !matches!(stat.kind(), FileKind::Regular | FileKind::Directory) {
            return serde_json::Value::Array(Vec::new());
        }
        let attributes = match self.machine.attributes(path) {
            Ok(attributes) => attributes,
            Err(miss) => {
                // A file system without attributes has none to keep.
                let has_none = matches!(miss.kind, GapKind::Refused | GapKind::NotHere);
                if !miss.absent && !has_none {
                    self.shared.gap(miss.gap(BACKUP));
                }
                Vec::new()
            }
        };
        attributes
            .into_iter()
            .map(|(name, value)| serde_json::json!({ "name": String::from_utf8_lossy(&name), "value": base64(&value) }))
            .collect()
    }
}

/// Writes bytes in base64 (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for three in bytes.chunks(3) {
        let at = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4_usize {
            let shift = 18_usize.saturating_sub(digit.saturating_mul(6));
            let index = usize::try_from(bits >> shift & 63).unwrap_or(0);
            let letter = DIGITS.get(index).filter(|_| digit <= three.len()).copied();
            out.push(char::from(letter.unwrap_or(b'=')));
        }
    }
    out
}

/// Packs a device number as the kernel's callers know it.
fn packed(device: u64) -> u64 {
    let halves = (device >> 32, device & 0xffff_ffff);
    let half = |half: u64| u32::try_from(half).unwrap_or(u32::MAX);
    makedev(half(halves.0), half(halves.1))
}

/// Bits of Go's `os.FileMode`, in which restic keeps modes (Go's documentation of `io/fs`), beside
/// the bits of inode(7).
const GO: &[(u32, u32)] = &[(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];

/// Returns a mode of inode(7) in Go's bits.
pub(crate) fn to_go(mode: u32) -> u32 {
    let kind = match FileKind::from_mode(mode) {
        FileKind::Directory => 1 << 31,
        FileKind::Symlink => 1 << 27,
        FileKind::BlockDevice => 1 << 26,
        FileKind::Fifo => 1 << 25,
        FileKind::Socket => 1 << 24,
        FileKind::CharacterDevice => 1 << 26 | 1 << 21,
        FileKind::Regular | FileKind::Unknown => 0,
    };
    let special = GO.iter().filter(|(own, _)| mode & own != 0);
    special.fold(kind | (mode & 0o777), |all, (_, go)| all | go)
}

/// Returns the permission bits of inode(7) in a mode of Go's.
pub(crate) fn from_go(mode: u32) -> u32 {
    let special = GO.iter().filter(|(_, go)| mode & go != 0);
    special.fold(mode & 0o777, |all, (own, _)| all | own)
}

/// A file that may have to be read.
#[derive(Clone)]
pub(crate) struct Opening {
    machine: Arc<dyn Machine>,
    shared: Shared,
    path: PathBuf,
    stat: Stat,
}

impl ReadSourceOpen for Opening {
    type Reader = Reading;

    fn open(self) -> RusticResult<Reading> {
        let mut reading = Reading { of: self, at: 0, buffer: Vec::new(), given: 0, is_told: false };
        // A file that cannot be opened is told apart from one that breaks off.
        match reading.fill() {
            Ok(()) => Ok(reading),
            Err(error) => Err(RusticError::with_source(ErrorKind::InputOutput, "not read", error)),
        }
    }
}

/// A file that is read: exactly as many bytes as it had when it was described, so that the snapshot
/// says no other size than it holds.
pub(crate) struct Reading {
    of: Opening,
    at: u64,
    buffer: Vec<u8>,
    given: usize,
    /// Whether it was told that it changed.
    is_told: bool,
}

impl Reading {
    fn changed(&mut self, detail: &str) {
        if !self.is_told {
            self.is_told = true;
            self.of.shared.note(GapKind::Changed, detail, &self.of.path);
        }
    }

    fn lost(&self, gap: Gap) -> io::Error {
        let detail = gap.detail.clone();
        self.of.shared.gap(gap);
        self.of.shared.unread();
        io::Error::other(detail)
    }

    /// Reads the next piece. Large files are opened anew for each: a machine's open file cannot be
    /// taken along to where the library reads.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.given = 0;
        let left = self.of.stat.size.saturating_sub(self.at);
        if left == 0 {
            return Ok(());
        }
        let of = self.of.clone();
        let opened = of.machine.open(&of.path);
        let opened = opened.and_then(|file| Ok((file.stat()?, file)));
        let (now, file) = opened.map_err(|miss| self.lost(miss.gap(BACKUP)))?;
        if (now.device, now.inode) != (of.stat.device, of.stat.inode) {
            if self.at > 0 {
                let gap = Gap::new(BACKUP, GapKind::Changed, "replaced while it was read");
                return Err(self.lost(gap.at(Value::from(of.path.as_path()).to_string())));
            }
            self.changed("replaced while it was read");
        }
        let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        self.buffer.resize(wanted, 0);
        let mut had = 0;
        while let Some(rest) = self.buffer.get_mut(had..).filter(|rest| !rest.is_empty()) {
            let read = file.read_at(self.at.saturating_add(had as u64), rest);
            match read.map_err(|miss| miss.gap(BACKUP)) {
                Ok(0) => break,
                Ok(read) => had = had.saturating_add(read),
                Err(gap) => return Err(self.lost(gap)),
            }
        }
        if had < wanted {
            self.changed("became shorter while it was read; zeros stand for what was cut off");
        }
        self.at = self.at.saturating_add(wanted as u64);
        if self.at >= of.stat.size {
            let after = file.stat().map_err(|miss| self.lost(miss.gap(BACKUP)))?;
            let same = |a: &Stat, b: &Stat| {
                (a.size, a.modified, a.changed) == (b.size, b.modified, b.changed)
            };
            if !same(&after, &of.stat) {
                self.changed("changed while it was read");
            }
        }
        Ok(())
    }
}

impl Read for Reading {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.buffer.len() {
            self.fill()?;
        }
        let mut rest = self.buffer.get(self.given..).unwrap_or_default();
        let count = rest.read(to)?;
        self.given = self.given.saturating_add(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_go_to_restic_and_back() {
        for (mode, go) in [
            (0o100_644, 0o644),
            (0o104_755, 0o755 | 1 << 23),
            (0o042_770, 0o770 | 1 << 31 | 1 << 22),
            (0o041_777, 0o777 | 1 << 31 | 1 << 20),
            (0o020_620, 0o620 | 1 << 26 | 1 << 21),
            (0o060_660, 0o660 | 1 << 26),
            (0o010_600, 0o600 | 1 << 25),
            (0o140_755, 0o755 | 1 << 24),
            (0o120_777, 0o777 | 1 << 27),
        ] {
            assert_eq!(to_go(mode), go, "{mode:o}");
            assert_eq!(from_go(go), mode & 0o7777, "{mode:o}");
        }
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        let of = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, written) in of {
            assert_eq!(base64(plain.as_bytes()), written);
        }
    }
}
