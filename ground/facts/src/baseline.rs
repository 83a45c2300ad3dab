//! A baseline of our own: how every file of some places was, to be compared with later.
//!
//! ```text
//!   walk (in the order of paths) ─► two threads look closely ─► back in order ─► rows ─┬► a file
//!   an older baseline's rows ─────────────────────────────────────────────────────────┴► differences
//! ```
//!
//! Both sides come in one order, so that a comparison is a merge and memory stays flat however many
//! files there are. What could not be seen stands in its place as [`Item::Unseen`]: a file that
//! nobody could look at is not one that was removed.
//!
//! Who keeps the file, signs it and asks for it is not told here: a baseline goes out through any
//! `Write` and comes back through any `Read` (design/0009-baseline.md).

mod against;
mod bytes;
mod collect;
mod compare;
mod explain;
pub mod format;
mod places;
mod row;
mod walk;

use std::path::PathBuf;

use stanch_machine::inspect::Content;
use stanch_machine::{Attribute, FileKind};

pub use against::{Against, Given};
pub use collect::{Collected, Owners, collect};
pub use compare::{Change, Compared, Difference, Field, compare};
pub use explain::{Because, Explained, Run, Told, explain};
pub use format::{Damage, Ended, Reader, WriteError, Writer};
pub use places::usual;

/// The name under which gaps are left.
pub const NAME: &str = "baseline";

/// A BLAKE3 or SHA-256 digest.
pub type Digest = [u8; 32];

/// Which digests of content are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Digests {
    /// BLAKE3 and SHA-256, in one pass.
    #[default]
    Both,
    /// BLAKE3: the quick one.
    Blake3,
    /// SHA-256: what others publish.
    Sha256,
}

impl Digests {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }

    /// Returns the one of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Both, Self::Blake3, Self::Sha256].into_iter().find(|one| one.name() == name)
    }

    /// Returns what suffices to compare with a baseline that has these.
    pub fn quickest(self) -> Self {
        if self == Self::Both { Self::Blake3 } else { self }
    }
}

/// Whether other file systems below a place are entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crossing {
    /// Those that store files on this machine are.
    #[default]
    Storage,
    /// Also those of the network and of programs, which may hang.
    Remote,
    /// None is.
    None,
}

impl Crossing {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Remote => "remote",
            Self::None => "none",
        }
    }

    /// Returns the one of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Storage, Self::Remote, Self::None].into_iter().find(|one| one.name() == name)
    }
}

/// What is looked at, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Places, in the order of paths, none below another.
    pub roots: Vec<PathBuf>,
    /// Directories that are not entered.
    pub except: Vec<PathBuf>,
    /// Which digests are taken.
    pub digests: Digests,
    /// Which file systems are entered.
    pub crossing: Crossing,
}

/// What a baseline says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The name of the machine.
    pub host: String,
    /// When it was begun, in seconds since 1970 UTC.
    pub time: i64,
    /// The version of the tool.
    pub tool: String,
    /// `live` or `image`.
    pub place: String,
    /// What was looked at.
    pub scope: Scope,
    /// The seal of the baseline that this one follows.
    pub follows: Option<Digest>,
}

/// One file as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its path, any bytes.
    pub path: Vec<u8>,
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
    /// Hard links.
    pub links: u64,
    /// The device that a special file stands for, major in the upper 32 bits.
    pub device: u64,
    /// When content changed, in nanoseconds since 1970.
    pub modified: i64,
    /// When the inode changed.
    pub changed: i64,
    /// When it was born, where the file system keeps that.
    pub born: Option<i64>,
    /// Inode flags (ioctl_iflags(2)), where the file system has them.
    pub flags: Option<u32>,
    /// Where a symlink points.
    pub target: Option<Vec<u8>>,
    /// Extended attributes in the order of names, with POSIX ACLs and capabilities.
    pub attributes: Vec<Attribute>,
    /// The package that owned it; empty if none did.
    pub package: Vec<u8>,
    /// What became of its content.
    pub content: Content,
    /// BLAKE3 of its content.
    pub blake3: Option<Digest>,
    /// SHA-256 of its content.
    pub sha256: Option<Digest>,
}

impl Row {
    /// Returns the kind of the file.
    pub fn kind(&self) -> FileKind {
        FileKind::from_mode(self.mode)
    }

    /// Returns its file capabilities as getcap(8) writes them; empty if it has none.
    pub fn capabilities(&self) -> String {
        let own = self.attributes.iter().find(|one| one.0 == compare::CAPABILITY);
        own.map_or_else(String::new, |one| crate::system_files::capabilities::text(&one.1))
    }
}

/// What stands at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A file.
    Row(Box<Row>),
    /// Something that could not be looked at, with all below it.
    Unseen(Vec<u8>),
    /// A directory, told before, whose entries could not be listed.
    UnseenBelow(Vec<u8>),
}

impl Item {
    /// Returns its path.
    pub fn path(&self) -> &[u8] {
        match self {
            Self::Row(row) => &row.path,
            Self::Unseen(path) | Self::UnseenBelow(path) => path,
        }
    }
}

/// Compares paths as a walk meets them: a directory, then all below it, then what follows by name.
/// No name contains `/`, which therefore counts as the lowest byte.
pub fn order(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    a.iter().map(rank).cmp(b.iter().map(rank))
}

/// Returns whether a path lies below a directory.
pub(crate) fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| directory == b"/" && !rest.is_empty() || rest.first() == Some(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_a_walk() {
        let walked: [&[u8]; 7] = [b"/", b"/a", b"/a/z", b"/a/z/\x01", b"/a\x01", b"/a!", b"/b"];
        for pair in walked.windows(2) {
            assert!(order(pair[0], pair[1]).is_lt(), "{pair:?}");
        }
        assert!(is_below(b"/a/z", b"/a") && is_below(b"/a", b"/") && !is_below(b"/a!", b"/a"));
        assert!(!is_below(b"/a", b"/a") && !is_below(b"/", b"/"));
    }
}
