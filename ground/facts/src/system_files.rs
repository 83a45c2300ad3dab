//! The package databases as the baseline: every file in the places that packages fill, set beside
//! what its package shipped.
//!
//! ```text
//! walk the places ─▶ whose is it? ─┬▶ owned: is its digest the shipped one? mode, owner, rights?
//!                                  └▶ unowned: what is it, and what explains it?
//! paths listed but not met ─▶ missing
//! ```
//!
//! What explains an unowned file is always something that can be checked (bytecode of an owned
//! source with that source's time and size in it, a copy of a shipped file by its digest, a
//! manifest that lists its digest), never a name: an intruder can choose names.
//!
//! Source: deb-md5sums(5), dpkg-divert(1), dpkg-statoverride(1); rpm's docs/manual/tags.md.

pub(crate) mod capabilities;
mod compare;
mod explain;
mod manifests;
pub(crate) mod overrides;
#[cfg(test)]
mod tests;
pub(crate) mod walked;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use stanch_machine::Stat;
use stanch_words::Seen;

use crate::Host;
use crate::packages::shipped::Shipped;
use crate::packages::{self, Basis, Index, State};

/// How much is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Everything.
    #[default]
    Deep,
    /// What changed after its package came, then what intruders replace (programs, libraries, PAM,
    /// configuration, units), then the rest, as far as a gibibyte goes.
    Usual,
}

/// How many files of packages were compared with what was shipped. Given to the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Read and compared.
    pub files: usize,
    /// Not read: their inodes have not changed since their packages came, and the bound was met.
    pub left: usize,
}

/// What a file is, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A program, library or module in ELF.
    Elf,
    /// It begins with `#!`.
    Script,
    /// Source that an interpreter takes, by its name: `.py`, `.php`, `.js`, ….
    Code,
    /// Python's bytecode.
    Bytecode,
    /// A symlink.
    Link,
    /// A device, pipe or socket.
    Special,
    /// Anything else.
    Data,
    /// It was not read.
    Unread,
}

impl Kind {
    /// Returns its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Elf => "elf",
            Self::Script => "script",
            Self::Code => "code",
            Self::Bytecode => "bytecode",
            Self::Link => "link",
            Self::Special => "special",
            Self::Data => "data",
            Self::Unread => "",
        }
    }

    /// Returns the kind that the first bytes and the name tell of.
    pub(crate) fn of(head: &[u8], name: &OsStr) -> Self {
        let extension = Path::new(name).extension().map(OsStr::as_encoded_bytes);
        match head {
            [0x7f, b'E', b'L', b'F', ..] => Self::Elf,
            [b'#', b'!', ..] => Self::Script,
            // Python's magic number ends in a carriage return and a line feed.
            [_, _, b'\r', b'\n', ..] if extension == Some(b"pyc") => Self::Bytecode,
            _ if extension.is_some_and(|extension| CODE.contains(&extension)) => Self::Code,
            _ => Self::Data,
        }
    }
}

/// Names of files that an interpreter takes without being asked for by `#!`.
const CODE: [&[u8]; 24] = [
    b"py", b"pth", b"pyc", b"pl", b"pm", b"rb", b"php", b"phtml", b"phar", b"inc", b"js", b"mjs",
    b"cjs", b"jsp", b"lua", b"tcl", b"sh", b"bash", b"el", b"jar", b"class", b"node", b"ko",
    b"wasm",
];

/// What an unowned file is explained by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Explained {
    /// Nothing.
    #[default]
    No,
    /// A symlink that leads to an owned file.
    Link,
    /// Bytecode of an owned source.
    Bytecode,
    /// The same content as a shipped file, by its place in the index.
    Copy(u32),
    /// A manifest that lists this very content, by its name.
    Listed(&'static str),
    /// A manifest that lists another content for it: its name, the listed SHA-256, the found one.
    Otherwise(&'static str, Box<str>, Box<str>),
    /// A manifest that lists the folder, but no digests, by its name.
    Beside(&'static str),
    /// Something mounted over it.
    Mount,
    /// The same content as the module that dkms built.
    Dkms,
}

impl Explained {
    /// Returns its name in tables.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::No | Self::Otherwise(..) => "",
            Self::Link => "link",
            Self::Bytecode => "bytecode",
            Self::Copy(_) => "copy",
            Self::Listed(name) | Self::Beside(name) => name,
            Self::Mount => "mount",
            Self::Dkms => "dkms",
        }
    }
}

/// What a file's state rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RestsOn {
    /// Nothing: there is nothing to compare with, or it could not be read.
    #[default]
    Nothing,
    /// Nothing: it was left to a deeper look.
    NotRead,
    /// It was not read; its inode has not changed since its package came.
    InodeTime,
    /// dpkg's list of digests, which root can write.
    Md5sums,
    /// The digests of configuration files in dpkg's status, which root can write.
    Status,
    /// rpm's header in the database, which root can write.
    Header,
    /// A manifest of another package manager, which whoever installs with it can write.
    Manifest(&'static str),
    /// A package file that the responder brought.
    Package,
    /// A package file that an archive signed for.
    Archive,
}

impl RestsOn {
    /// Returns what a package file proves; none if the machine's own lists are all there is.
    fn of(basis: Basis) -> Option<Self> {
        match basis {
            Basis::Machine => None,
            Basis::Brought => Some(Self::Package),
            Basis::Archive => Some(Self::Archive),
        }
    }

    /// Returns its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::NotRead => "not read",
            Self::InodeTime => "inode time",
            Self::Md5sums => "md5sums",
            Self::Status => "status",
            Self::Header => "header",
            Self::Manifest(name) => name,
            Self::Package => "package",
            Self::Archive => "archive",
        }
    }
}

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    /// The package's number.
    pub(crate) package: usize,
    /// The number of the listed path.
    pub(crate) place: Option<u32>,
    /// Whether it is a configuration file.
    pub(crate) config: bool,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// The number of its directory.
    pub(crate) directory: usize,
    pub(crate) name: Box<OsStr>,
    /// What it is like; none if it is missing, or a symlink.
    pub(crate) stat: Option<Stat>,
    pub(crate) owned: Option<Owned>,
    pub(crate) state: State,
    pub(crate) kind: Kind,
    pub(crate) explained: Explained,
    pub(crate) rests_on: RestsOn,
    /// Shipped digest and found one, hexadecimal, where they differ or there is no shipped one.
    pub(crate) digests: Option<(Box<str>, Box<str>)>,
    /// Capabilities, as text; empty if it has none.
    pub(crate) capabilities: Box<str>,
}

/// All files, and what their rows need.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) directories: Vec<PathBuf>,
    pub(crate) files: Vec<File>,
    /// The topmost directory that no package owns above each directory, if any, and how many files
    /// lie below it.
    pub(crate) trees: std::collections::HashMap<usize, (PathBuf, u32)>,
    /// When each package's files came, in seconds since 1970 UTC, by its number.
    pub(crate) since: Vec<Option<i64>>,
    pub(crate) overrides: overrides::Overrides,
}

impl Survey {
    /// Looks at all places. `contents` says whether files are read, too.
    pub(crate) fn take(host: &Host, table: &'static str, contents: bool, seen: &mut Seen) -> Self {
        let index = packages::index(host);
        index.leave_gaps(table, seen);
        let mut survey = Self::default();
        if !index.is_readable() {
            return survey;
        }
        survey.overrides = overrides::read(host, table, seen);
        walked::walk(host, &index, table, &mut survey, seen);
        survey.since = walked::times(host, &index);
        let shipped = Shipped::read(host, &index, table, seen);
        if contents {
            let depth = host.made::<Depth>().map_or(Depth::Deep, |depth| *depth);
            compare::owned(host, &index, &shipped, table, depth, &mut survey, seen);
            explain::unowned(host, &index, &shipped, table, &mut survey, seen);
            capabilities::read(host, &mut survey, seen);
        }
        survey
    }

    /// Returns a file's path.
    pub(crate) fn path(&self, file: &File) -> PathBuf {
        self.directories.get(file.directory).map_or_else(PathBuf::new, |d| d.join(&*file.name))
    }
}

/// Returns the owner of a path as a survey keeps it.
pub(crate) fn owned_by(index: &Index, path: &Path) -> Option<Owned> {
    index.owner(path).map(|owner| Owned {
        package: owner.number,
        place: owner.place,
        config: owner.config,
    })
}
