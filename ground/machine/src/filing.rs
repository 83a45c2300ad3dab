//! The trait for changing files. Only acts use it.
//!
//! No symlink is followed anywhere on the way to a file: what was a folder when the plan was made
//! may lead elsewhere by now. And nothing is done to a file that is not the very one that was
//! meant.

use std::io::Read;
use std::path::Path;

use crate::{Attribute, FileKind, Miss, Stat};

/// What puts files, changes and removes them.
pub trait Filing {
    /// Removes a name, if what lies there is that very file, symlink, empty folder or special file.
    /// Locks of it and of its folder (`chattr +i`, `+a`) are taken off first; those of the folder
    /// are put back.
    ///
    /// # Errors
    /// A [`Miss`]; nothing was removed.
    fn remove(&self, path: &Path, known: Known) -> Result<(), Miss>;

    /// Puts a file in a place, whole or not at all: it is made beside it, with all that belongs to
    /// it, and moved there when it is on the disk.
    ///
    /// # Errors
    /// A [`Miss`]; what lay there lies there still.
    fn put(&self, path: &Path, new: &mut NewFile<'_>, over: Over) -> Result<(), Miss>;

    /// Puts a symlink in a place where nothing lies.
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason.
    fn put_link(&self, path: &Path, target: &[u8], dress: &Dress) -> Result<(), Miss>;

    /// Makes a folder, a pipe, a socket or a device in a place where nothing lies, or the like of
    /// it that was made and not yet given its owner and mode.
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason; one of another kind is refused.
    fn put_special(&self, path: &Path, special: Special, dress: &Dress) -> Result<(), Miss>;

    /// Gives a regular file another owner, mode, attributes, times and flags, if it is that very
    /// file.
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason.
    fn dress(&self, path: &Path, known: Known, dress: &Dress) -> Result<(), Miss>;
}

/// What holds no content of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// Folder, pipe, socket or device.
    pub kind: FileKind,
    /// The device that it stands for, packed as in [`Stat`].
    pub device: u64,
}

/// Which file is meant, whatever its name leads to by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The device that it lies on, as in [`Stat`].
    pub device: u64,
    /// Its inode number.
    pub inode: u64,
}

impl Known {
    /// Returns which file a look told of.
    pub fn of(stat: &Stat) -> Self {
        Self { device: stat.device, inode: stat.inode }
    }
}

/// What may lie in the place of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Nothing.
    Nothing,
    /// This file, which is replaced.
    Known(Known),
}

/// A new file.
pub struct NewFile<'a> {
    /// What it holds.
    pub content: &'a mut dyn Read,
    /// All that belongs to it.
    pub dress: Dress,
}

/// What belongs to a file beside its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dress {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// All extended attributes, ACLs and capabilities among them.
    pub attributes: Vec<Attribute>,
    /// When it was last read and changed, in nanoseconds since 1970; none to leave the time of
    /// now.
    pub times: Option<(i64, i64)>,
    /// Those of its inode flags that are in [`SETTABLE`].
    pub flags: u32,
}

/// Nobody may change it (`FS_IMMUTABLE_FL`, linux/fs.h).
pub const IMMUTABLE: u32 = 0x10;
/// It may only grow (`FS_APPEND_FL`).
pub const APPEND: u32 = 0x20;
/// The inode flags that are given back: synchronous, immutable, append-only, no dump, no access
/// times. The others tell of the file system's own doing.
pub const SETTABLE: u32 = 0x8 | IMMUTABLE | APPEND | 0x40 | 0x80;
