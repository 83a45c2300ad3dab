//! A close look at entries of one directory: one open of each serves its description, its
//! attributes, its flags and its content.
//!
//! ```text
//!   statx(name) ─► regular, directory: open without following ─► flags, attributes, content ─► statx again
//!               └► symlink: its target; symlink and special file: attributes, never opened
//! ```

use std::ffi::OsStr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use stanch_words::GapKind;

use crate::open_file::InTree;
use crate::tree::{Tree, from_statx};
use crate::{FileKind, Machine, Miss, OpenFile, Stat};

/// An extended attribute: its name and its value.
pub type Attribute = (Vec<u8>, Vec<u8>);

/// The longest list of names and the longest value that Linux allows (xattr(7)).
const LONGEST: usize = 64 << 10;

/// What a close look at one entry tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// What it was like at first.
    pub stat: Stat,
    /// What became of its content.
    pub content: Content,
    /// Where it points, if it is a symlink.
    pub target: Option<Vec<u8>>,
    /// Its extended attributes in the order of names; POSIX ACLs and capabilities are among them.
    pub attributes: Vec<Attribute>,
    /// The inode flags, where the file system has them.
    pub flags: Option<u32>,
    /// What of it could not be seen.
    pub misses: Vec<Miss>,
}

/// What became of a file's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// It was not wanted, or there is none.
    #[default]
    NotRead,
    /// All of it was read, and nothing changed meanwhile.
    Whole,
    /// It changed while it was read.
    Changed,
    /// It could not be read, or not to its end.
    Missed,
}

impl Content {
    /// Returns what became of a file that was described before and after so many bytes were read.
    pub fn of(before: &Stat, read: u64, after: &Stat) -> Self {
        if read == before.size && is_same(before, after) { Self::Whole } else { Self::Changed }
    }
}

/// Who looks, at what a machine has.
pub trait Inspector<'m> {
    /// Returns whether the content of an entry is wanted; asked of regular files.
    fn wants(&mut self, stat: &Stat) -> bool;
    /// Takes the file whose content is wanted, to read it later: then it is told as not read. One
    /// that is given back is read now.
    fn keep(&mut self, file: Box<dyn OpenFile + 'm>) -> Option<Box<dyn OpenFile + 'm>> {
        Some(file)
    }
    /// Gives room for content that is read now.
    fn room(&mut self) -> &mut [u8] {
        &mut []
    }
    /// Takes the first bytes of the room.
    fn take(&mut self, _length: usize) {}
    /// Takes what was told of an entry, in the order that was asked for.
    fn told(&mut self, inspected: Result<Inspected, Miss>);
}

/// Looks with the other questions of a machine, one at a time.
pub(crate) fn one_by_one<'m, M: Machine + ?Sized>(
    machine: &'m M,
    directory: &Path,
    names: &[&OsStr],
    inspector: &mut dyn Inspector<'m>,
) {
    for name in names {
        let path = directory.join(name);
        let told = machine.lstat(&path).map(|stat| {
            let mut it = Inspected { stat, ..Inspected::default() };
            let mut misses = Vec::new();
            it.attributes = kept(machine.attributes(&path), &mut misses);
            it.flags = kept(machine.flags(&path), &mut misses);
            if stat.kind() == FileKind::Symlink {
                let target = machine.read_link(&path).map(|to| to.as_os_str().as_bytes().to_vec());
                it.target = kept(target.map(Some), &mut misses);
            }
            if stat.kind() == FileKind::Regular && inspector.wants(&stat) {
                it.content = content(machine, &path, &stat, inspector).unwrap_or_else(|miss| {
                    misses.push(miss);
                    Content::Missed
                });
            }
            it.misses = misses;
            it
        });
        inspector.told(told);
    }
}

fn content<'m, M: Machine + ?Sized>(
    machine: &'m M,
    path: &Path,
    stat: &Stat,
    inspector: &mut dyn Inspector<'m>,
) -> Result<Content, Miss> {
    if inspector.keep(machine.open(path)?).is_none() {
        return Ok(Content::NotRead);
    }
    let read = machine.read_pieces(path, u64::MAX, &mut |piece| pour(piece, inspector))?;
    Ok(machine.lstat(path).map_or(Content::Changed, |after| Content::of(stat, read, &after)))
}

fn kept<T: Default>(answer: Result<T, Miss>, misses: &mut Vec<Miss>) -> T {
    answer.unwrap_or_else(|miss| {
        misses.push(miss);
        T::default()
    })
}

/// Gives a piece to an inspector in pieces of the size of its room.
fn pour(mut piece: &[u8], inspector: &mut dyn Inspector<'_>) {
    while !piece.is_empty() {
        let room = inspector.room();
        let most = room.len().min(piece.len());
        let (now, rest) = piece.split_at(most);
        let Some(to) = room.get_mut(..most).filter(|to| !to.is_empty()) else { return };
        to.copy_from_slice(now);
        inspector.take(most);
        piece = rest;
    }
}

/// Returns whether nothing changed between two looks.
fn is_same(before: &Stat, after: &Stat) -> bool {
    let of =
        |stat: &Stat| (stat.device, stat.inode, stat.mode, stat.size, stat.modified, stat.changed);
    of(before) == of(after)
}

impl Tree {
    pub(crate) fn inspect<'m>(
        &'m self,
        directory: &Path,
        names: &[&OsStr],
        inspector: &mut dyn Inspector<'m>,
    ) {
        let opened = self.guard(directory).and_then(|_guard| {
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            self.open(directory, flags).map_err(|errno| Miss::from_errno(errno, directory))
        });
        match opened {
            Ok(opened) => {
                let mut path = directory.join("x");
                for name in names {
                    path.set_file_name(name);
                    let told = self.inspect_one(&opened, &path, name, inspector);
                    inspector.told(told);
                }
            }
            Err(miss) => names.iter().for_each(|_| inspector.told(Err(miss.clone()))),
        }
    }

    fn inspect_one<'m>(
        &'m self,
        directory: &OwnedFd,
        path: &Path,
        name: &OsStr,
        inspector: &mut dyn Inspector<'m>,
    ) -> Result<Inspected, Miss> {
        // A name is one part: nothing above the directory can be reached by it.
        if name.as_bytes().contains(&b'/') || name == ".." {
            return Err(Miss::new(GapKind::Failed, "not a name", path));
        }
        let _guard = self.guard(path)?;
        let told = fs::statx(directory, name, AtFlags::SYMLINK_NOFOLLOW, MASK);
        let stat = told.map(from_statx).map_err(|errno| Miss::from_errno(errno, path))?;
        let mut it = Inspected { stat, ..Inspected::default() };
        let missed = |errno| Miss::from_errno(errno, path);
        let result = match stat.kind() {
            FileKind::Regular => inspect_open(directory, name, OFlags::empty(), &mut it)
                .map_err(missed)
                .and_then(|file| self.content(file, path, inspector, &mut it)),
            FileKind::Directory => inspect_open(directory, name, OFlags::DIRECTORY, &mut it)
                .map(|_closed| ())
                .map_err(missed),
            kind => inspect_closed(directory, name, kind, &mut it).map_err(missed),
        };
        if let Err(miss) = result {
            if stat.kind() == FileKind::Regular {
                it.content = Content::Missed;
            }
            it.misses.push(miss);
        }
        Ok(it)
    }

    /// Has the content kept or read.
    fn content<'m>(
        &'m self,
        file: OwnedFd,
        path: &Path,
        inspector: &mut dyn Inspector<'m>,
        it: &mut Inspected,
    ) -> Result<(), Miss> {
        if !inspector.wants(&it.stat) {
            return Ok(());
        }
        let file = Box::new(InTree { tree: self, file, path: path.to_owned() });
        let Some(file) = inspector.keep(file) else { return Ok(()) };
        let (mut total, size) = (0_u64, it.stat.size);
        // As many bytes as the file had, and no more: one that grows would never end.
        while total < size {
            let left = usize::try_from(size.saturating_sub(total)).unwrap_or(usize::MAX);
            let room = inspector.room();
            let most = left.min(room.len());
            let length = file.read_at(total, room.get_mut(..most).unwrap_or_default())?;
            if length == 0 {
                break;
            }
            inspector.take(length);
            total = total.saturating_add(length as u64);
        }
        it.content = Content::of(&it.stat, total, &file.stat()?);
        Ok(())
    }

    pub(crate) fn attributes(&self, path: &Path) -> Result<Vec<Attribute>, Miss> {
        let _guard = self.guard(path)?;
        self.open(path, OFlags::PATH | OFlags::NOFOLLOW)
            .and_then(|fd| attributes_of_closed(&fd))
            .map_err(|errno| Miss::from_errno(errno, path))
    }

    /// Returns the kernel's magic number of the file system that a path lies on (statfs(2)).
    pub(crate) fn magic(&self, path: &Path) -> Result<i64, Miss> {
        let _guard = self.guard(path)?;
        let told = self.open(path, OFlags::PATH | OFlags::NOFOLLOW).and_then(fs::fstatfs);
        #[expect(clippy::useless_conversion, reason = "the field's width differs by architecture")]
        told.map(|s| i64::from(s.f_type)).map_err(|errno| Miss::from_errno(errno, path))
    }
}

const MASK: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

/// Opens what was a regular file or directory a moment ago, and asks what needs it open. It is not
/// waited for, should it be a pipe by now, and its access time stays.
fn inspect_open(
    directory: &OwnedFd,
    name: &OsStr,
    more: OFlags,
    it: &mut Inspected,
) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC
        | more;
    let file = match fs::openat(directory, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => fs::openat(directory, name, flags, Mode::empty())?,
        other => other?,
    };
    it.flags = match fs::ioctl_getflags(&file) {
        Ok(flags) => Some(flags.bits()),
        Err(Errno::NOTTY | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => None,
        Err(errno) => return Err(errno),
    };
    it.attributes = attributes(
        |room| fs::flistxattr(&file, room),
        |name, room| fs::fgetxattr(&file, name, room),
    )?;
    Ok(file)
}

/// Asks what can be asked of an entry that is never opened.
fn inspect_closed(
    directory: &OwnedFd,
    name: &OsStr,
    kind: FileKind,
    it: &mut Inspected,
) -> Result<(), Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = fs::openat(directory, name, flags, Mode::empty())?;
    if kind == FileKind::Symlink {
        it.target = Some(fs::readlinkat(&file, c"", Vec::with_capacity(128))?.into_bytes());
    }
    it.attributes = attributes_of_closed(&file)?;
    Ok(())
}

/// Asks by way of /proc, whose link stands for the very entry: flistxattr(2) refuses a descriptor
/// that was opened with `O_PATH`, and a path could lead elsewhere by now.
fn attributes_of_closed(file: &OwnedFd) -> Result<Vec<Attribute>, Errno> {
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    attributes(|room| fs::listxattr(&path, room), |name, room| fs::getxattr(&path, name, room))
}

fn attributes(
    list: impl Fn(&mut [u8]) -> Result<usize, Errno>,
    value: impl Fn(&OsStr, &mut [u8]) -> Result<usize, Errno>,
) -> Result<Vec<Attribute>, Errno> {
    let mut small = [0_u8; 1024];
    let mut large = Vec::new();
    let names = match list(&mut small) {
        Ok(length) => small.get(..length).unwrap_or_default(),
        // Without /proc nothing can be asked of what is not opened; it is the responder's, not the
        // suspect machine's.
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOENT) => return Ok(Vec::new()),
        Err(Errno::RANGE) => {
            large.resize(LONGEST, 0);
            let length = list(&mut large)?;
            large.get(..length).unwrap_or_default()
        }
        Err(errno) => return Err(errno),
    };
    let mut found = Vec::new();
    let mut room = Vec::new();
    for name in names.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        room.resize(LONGEST, 0);
        match value(OsStr::from_bytes(name), &mut room) {
            Ok(length) => {
                found.push((name.to_vec(), room.get(..length).unwrap_or_default().to_vec()));
            }
            // It was taken away since it was listed.
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
mod tests {
    use super::*;
    use crate::{Image, Live, Pretend};

    #[derive(Default)]
    struct Looker {
        room: Vec<u8>,
        bytes: Vec<u8>,
        told: Vec<String>,
    }

    impl Inspector<'_> for Looker {
        fn wants(&mut self, stat: &Stat) -> bool {
            stat.size < 100
        }
        fn room(&mut self) -> &mut [u8] {
            self.room.resize(4, 0);
            &mut self.room
        }
        fn take(&mut self, length: usize) {
            self.bytes.extend_from_slice(&self.room[..length]);
        }
        fn told(&mut self, inspected: Result<Inspected, Miss>) {
            let bytes = std::mem::take(&mut self.bytes);
            self.told.push(inspected.map_or_else(
                |miss| miss.detail.to_lowercase(),
                |it| {
                    let target = it.target.map(|to| String::from_utf8(to).unwrap());
                    let names: Vec<_> = it
                        .attributes
                        .iter()
                        .filter(|one| one.0.starts_with(b"user."))
                        .map(|(name, value)| [name.clone(), value.clone()].concat())
                        .collect();
                    format!(
                        "{} {:?} {} {target:?} {}",
                        it.stat.kind().name(),
                        it.content,
                        String::from_utf8_lossy(&bytes),
                        String::from_utf8_lossy(&names.concat()),
                    )
                },
            ));
        }
    }

    fn look(machine: &dyn Machine, directory: &Path) -> Vec<String> {
        let names = ["file", "link", "gone", "large", "deeper"].map(OsStr::new);
        let mut looker = Looker::default();
        machine.inspect(directory, &names, &mut looker);
        looker.told
    }

    #[test]
    fn every_machine_tells_all_of_an_entry_and_follows_nothing() {
        let folder = std::env::temp_dir().join(format!("stanch-inspect-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("at/deeper")).unwrap();
        std::fs::write(folder.join("at/file"), "0123456789").unwrap();
        std::fs::write(folder.join("at/large"), [7; 100]).unwrap();
        let _before = std::fs::remove_file(folder.join("at/link"));
        std::os::unix::fs::symlink("/etc/shadow", folder.join("at/link")).unwrap();
        let set = fs::XattrFlags::empty();
        let has = fs::setxattr(folder.join("at/file"), "user.a", b"b", set).is_ok();
        let expected = [
            &format!("regular Whole 0123456789 None {}", if has { "user.ab" } else { "" }),
            "symlink NotRead  Some(\"/etc/shadow\") ",
            "no such file or directory",
            "regular NotRead  None ",
            "directory NotRead  None ",
        ];
        let told = look(&Live::new(), &folder.join("at"));
        let told: Vec<String> = told.iter().map(|line| line.replace(" (os error 2)", "")).collect();
        assert_eq!(told, expected);
        let told = look(&Image::open(&folder).unwrap(), Path::new("/at"));
        let told: Vec<String> = told.iter().map(|line| line.replace(" (os error 2)", "")).collect();
        assert_eq!(told, expected);
        let mut pretend = Pretend::new()
            .file("/at/file", "0123456789")
            .file("/at/large", [7; 100])
            .link("/at/link", "/etc/shadow")
            .directory("/at/deeper");
        if has {
            pretend = pretend.with_attribute("/at/file", "user.a", b"b");
        }
        assert_eq!(look(&pretend, Path::new("/at")), expected);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_name_that_leads_out_is_refused() {
        let mut looker = Looker::default();
        let names = ["..", "a/b"].map(OsStr::new);
        Live::new().inspect(Path::new("/etc"), &names, &mut looker);
        assert_eq!(looker.told, ["not a name", "not a name"]);
    }
}
