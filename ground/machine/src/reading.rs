//! The trait for reading, and what comes back.

use std::path::{Path, PathBuf};

use stanch_words::{Gap, GapKind};

use crate::Kernel;
use crate::directory::{ByPath, Directory};
use crate::inspect::{self, Attribute, Inspector};

/// What can be read of a computer. Implementations are live, an image, or pretend.
pub trait Machine: Send + Sync {
    /// Returns a word for the kind of machine: `live`, `image`, `bundle` or `pretend`.
    fn kind(&self) -> &'static str;

    /// Reads a regular or pseudo file, at most `cap` bytes. Anything else (FIFO, device, socket,
    /// directory) is a miss: opening it could block or act.
    fn read(&self, path: &Path, cap: u64) -> Result<Contents, Miss>;

    /// Reads a file piece by piece, at most `cap` bytes, and returns how many there were.
    fn read_pieces(&self, path: &Path, cap: u64, each: &mut dyn FnMut(&[u8])) -> Result<u64, Miss>;

    /// Opens a regular file, to read pieces of it at any place: for files that are too large to be
    /// read whole, as journals and databases are.
    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn OpenFile + 'a>, Miss>;

    /// Does the same for a file that was described as a regular one: it need not be looked at
    /// again while it is still the same.
    fn open_described<'a>(
        &'a self,
        path: &Path,
        _stat: &Stat,
    ) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        self.open(path)
    }

    /// Reads a regular file past the page cache (`O_DIRECT`), at most `cap` bytes. A miss where the
    /// file system cannot.
    fn read_past_cache(&self, path: &Path, _cap: u64) -> Result<Contents, Miss> {
        Err(Miss::new(GapKind::NotHere, "no storage below to read from", path))
    }

    /// Opens a block device to read what lies on it as bytes. Nothing else is opened.
    fn open_device<'a>(&'a self, path: &Path) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        Err(Miss::new(GapKind::NotHere, "no storage below to read from", path))
    }

    /// Lists a directory without `.` and `..`, in the order of names.
    fn list(&self, path: &Path) -> Result<Listing, Miss>;

    /// Describes a file, following symlinks.
    fn stat(&self, path: &Path) -> Result<Stat, Miss>;

    /// Describes a file without following a last symlink.
    fn lstat(&self, path: &Path) -> Result<Stat, Miss>;

    /// Describes entries of one directory without following symlinks, in the order of names. One
    /// look-up of the directory serves all: half the time of [`Machine::lstat`] each.
    fn lstat_each(&self, directory: &Path, names: &[&std::ffi::OsStr]) -> Vec<Result<Stat, Miss>> {
        names.iter().map(|name| self.lstat(&directory.join(name))).collect()
    }

    /// Returns where a symlink points, as written.
    fn read_link(&self, path: &Path) -> Result<PathBuf, Miss>;

    /// Returns an extended attribute of a file itself (not of a symlink's target), if it has it.
    fn attribute(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, Miss>;

    /// Returns all extended attributes of a file itself, in the order of names.
    fn attributes(&self, path: &Path) -> Result<Vec<Attribute>, Miss>;

    /// Looks closely at entries of one directory without following symlinks: one open of each
    /// serves description, attributes, flags and content.
    fn inspect<'m>(
        &'m self,
        directory: &Path,
        names: &[&std::ffi::OsStr],
        inspector: &mut dyn Inspector<'m>,
    ) {
        inspect::one_by_one(self, directory, names, inspector);
    }

    /// Returns the kernel's magic number of the file system that a path lies on, if there is one.
    fn magic(&self, _path: &Path) -> Result<Option<i64>, Miss> {
        Ok(None)
    }

    /// Returns the inode flags (`FS_IOC_GETFLAGS`, ioctl_iflags(2)), where the file system has them.
    fn flags(&self, path: &Path) -> Result<Option<u32>, Miss>;

    /// Holds a directory open, to read many small files in it. Meant for `/proc` and `/sys`.
    fn directory<'a>(&'a self, path: &Path) -> Result<Box<dyn Directory + 'a>, Miss> {
        self.stat(path)?;
        Ok(Box::new(ByPath { machine: self, path: path.to_owned() }))
    }

    /// Returns rows of a table that were kept when this machine was running, as they were written
    /// (one JSON object a line), at most `cap` bytes. Only a bundle has them.
    fn record(&self, _table: &str, _cap: u64) -> Option<Result<Contents, Miss>> {
        None
    }

    /// Returns the running kernel, or none for an image.
    fn kernel(&self) -> Option<&dyn Kernel>;

    /// Returns the time now on the machine in question, in seconds since 1970 UTC; for an image,
    /// the newest time it can vouch for is not known, so the analyst's clock is given.
    fn now(&self) -> i64;

    /// Returns the path with every symlink followed inside this machine. At most 40 links, as
    /// the kernel allows (path_resolution(7)).
    fn resolve(&self, path: &Path) -> Result<PathBuf, Miss> {
        resolve_by_links(self, path)
    }
}

fn resolve_by_links<M: Machine + ?Sized>(machine: &M, path: &Path) -> Result<PathBuf, Miss> {
    use std::path::Component;
    let mut done = PathBuf::from("/");
    let mut left: Vec<std::ffi::OsString> = parts(path);
    left.reverse();
    let mut links = 0_u32;
    while let Some(part) = left.pop() {
        if part == ".." {
            done.pop();
            continue;
        }
        let next = done.join(&part);
        match machine.read_link(&next) {
            Ok(target) => {
                links = links.saturating_add(1);
                if links > 40 {
                    return Err(Miss::new(GapKind::Damaged, "too many symlinks", &next));
                }
                if target.components().next() == Some(Component::RootDir) {
                    done = PathBuf::from("/");
                }
                left.extend(parts(&target).into_iter().rev());
            }
            Err(miss) if miss.absent => return Err(miss),
            Err(_not_a_link) => done = next,
        }
    }
    Ok(done)
}

fn parts(path: &Path) -> Vec<std::ffi::OsString> {
    use std::path::Component;
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

/// A regular file held open. It stays the same file, whatever is moved over its path.
pub trait OpenFile {
    /// Reads at an offset until the buffer is full or the file ends; returns how many bytes there
    /// were.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Miss>;

    /// Describes the open file.
    fn stat(&self) -> Result<Stat, Miss>;

    /// Returns where data begins at or after an offset, or nothing if only a hole or the end
    /// follows. Where holes are not known, all is data.
    fn next_data(&self, offset: u64) -> Result<Option<u64>, Miss> {
        Ok((offset < self.stat()?.size).then_some(offset))
    }
}

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The bytes, up to the cap.
    pub bytes: Vec<u8>,
    /// Whether there was more than the cap.
    pub truncated: bool,
}

/// A directory's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The entries, in the order of names.
    pub entries: Vec<Entry>,
    /// Whether there were more than the cap.
    pub truncated: bool,
    /// How the kernel's answer differs from what a kernel writes: somebody took names out of it.
    pub tampered: Option<String>,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name, any bytes.
    pub name: std::ffi::OsString,
    /// The kind that the directory told, without a look at the file.
    pub kind: FileKind,
    /// The inode number that the directory told.
    pub inode: u64,
}

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// The directory did not tell.
    Unknown,
}

impl FileKind {
    /// Returns the kind in a mode's format bits (inode(7)).
    pub fn from_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o100_000 => Self::Regular,
            0o040_000 => Self::Directory,
            0o120_000 => Self::Symlink,
            0o010_000 => Self::Fifo,
            0o140_000 => Self::Socket,
            0o020_000 => Self::CharacterDevice,
            0o060_000 => Self::BlockDevice,
            _ => Self::Unknown,
        }
    }

    /// Returns osquery's name of the kind (`file.type`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::CharacterDevice => "character",
            Self::BlockDevice => "block",
            Self::Unknown => "unknown",
        }
    }
}

/// What statx(2) tells of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Kind and permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Inode number.
    pub inode: u64,
    /// Device number (major in the upper 32 bits, minor in the lower).
    pub device: u64,
    /// The device this special file stands for, packed likewise.
    pub special_device: u64,
    /// Hard links.
    pub links: u64,
    /// 512-byte blocks.
    pub blocks: u64,
    /// Preferred block size.
    pub block_size: u64,
    /// Times in nanoseconds since 1970.
    pub accessed: i64,
    /// Content changed.
    pub modified: i64,
    /// Inode changed.
    pub changed: i64,
    /// Birth, where the file system keeps it.
    pub born: Option<i64>,
    /// Whether nobody may change it (`chattr +i`), as far as the file system tells with the rest.
    pub immutable: bool,
    /// Whether it may only grow (`chattr +a`), likewise.
    pub append_only: bool,
}

impl Stat {
    /// Returns the kind of the file.
    pub fn kind(&self) -> FileKind {
        FileKind::from_mode(self.mode)
    }
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reading `{path}`: {detail}")]
pub struct Miss {
    /// The kind of gap it makes.
    pub kind: GapKind,
    /// The system's own words.
    pub detail: String,
    /// Where.
    pub path: String,
    /// Whether there simply is no such thing (`ENOENT`, `ESRCH`, `ENOTDIR`): usually no gap.
    pub absent: bool,
}

impl Miss {
    /// Returns a miss of a kind.
    pub fn new(kind: GapKind, detail: impl Into<String>, path: &Path) -> Self {
        use std::os::unix::ffi::OsStrExt as _;
        Self {
            kind,
            detail: detail.into(),
            path: stanch_words::text::from_bytes(path.as_os_str().as_bytes()),
            absent: false,
        }
    }

    /// Returns the miss that an error of the system makes.
    pub fn from_errno(errno: rustix::io::Errno, path: &Path) -> Self {
        use rustix::io::Errno;
        let absent = matches!(errno, Errno::NOENT | Errno::SRCH | Errno::NOTDIR | Errno::NXIO);
        let kind = match errno {
            Errno::ACCESS | Errno::PERM if crate::sys::is_root() => GapKind::Refused,
            Errno::ACCESS | Errno::PERM => GapKind::Denied,
            Errno::NOENT | Errno::SRCH | Errno::NOTDIR | Errno::NXIO => GapKind::Changed,
            Errno::LOOP => GapKind::Damaged,
            Errno::NOSYS | Errno::OPNOTSUPP | Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT => {
                GapKind::Refused
            }
            Errno::TIMEDOUT | Errno::STALE | Errno::NOTCONN => GapKind::TimedOut,
            _ => GapKind::Failed,
        };
        let detail = std::io::Error::from(errno).to_string();
        Self { absent, ..Self::new(kind, detail, path) }
    }

    /// Returns the gap that this miss leaves in a table.
    pub fn gap(&self, table: &str) -> Gap {
        Gap::new(table, self.kind, self.detail.clone()).at(self.path.clone())
    }
}
