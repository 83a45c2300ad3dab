//! The one pass over a bundle.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{self, MemfdFlags, Mode, OFlags};
use stanch_words::{Gap, GapKind};

use super::tree::{Tree, What};
use super::{Bundle, bodyfile, velociraptor};
use crate::tar::{self, Found, Raw, Tar, skip};
use crate::{FileKind, Miss, Stat};

/// The table that the gaps of a bundle itself stand under.
const NAME: &str = "bundle";
/// The most members.
pub(super) const MEMBERS: usize = 4_000_000;
/// The most that all of them together may hold.
const BYTES: u64 = 1 << 40;
/// Up to so many bytes a packing may unfold as it likes …
const FREE: u64 = 4 << 30;
/// … and beyond them not by more than this. What deflate does to zeros is a thousandfold; a whole
/// machine's logs and tables are tenfold.
const FOLD: u64 = 200;
/// Where no directory takes a scratch file, so much goes into memory.
const IN_MEMORY: u64 = 1 << 30;
/// The most files of bodyfiles.
const DESCRIBED: usize = 2_000_000;
/// The longest path, and the longest target of a link (PATH_MAX).
const LONGEST: usize = 4096;
/// The most strange things that are told one by one.
const STRANGE: usize = 100;

pub(super) fn unpack(path: &Path, scratch: &[&Path]) -> Result<Bundle, Miss> {
    let miss = |errno| Miss::from_errno(errno, path);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = fs::open(path, flags, Mode::empty())
        .map_err(|errno| Miss { kind: GapKind::Failed, ..miss(errno) })?;
    let kind = FileKind::from_mode(fs::fstat(&file).map_err(miss)?.st_mode);
    if kind != FileKind::Regular {
        let detail = format!("not a regular file: {}", kind.name());
        return Err(Miss::new(GapKind::Failed, detail, path));
    }
    let (scratch, room) = scratch_file(scratch).map_err(miss)?;
    let mut unpacking = Unpacking {
        path,
        scratch,
        room,
        end: 0,
        tree: Tree::new(),
        records: BTreeMap::new(),
        bodyfiles: Vec::new(),
        members: BTreeMap::new(),
        now: None,
        newest: 0,
        strange: Vec::new(),
        more: 0,
    };
    let packed = std::cell::Cell::new(0_u64);
    let mut first = [0_u8; 4];
    let is_zip = rustix::io::pread(&file, &mut first, 0) == Ok(4) && first == *b"PK\x03\x04";
    if is_zip {
        velociraptor::unpack(&mut unpacking, &file);
        return unpacking.finish();
    }
    let mut source = BufReader::with_capacity(256 << 10, Counted { file, count: &packed });
    let magic = source.fill_buf().map_err(|error| broken(path, &error))?;
    let is_packed = magic.starts_with(&[0x1f, 0x8b]);
    let from: Box<dyn Read + '_> = match is_packed {
        true => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
        false => Box::new(source),
    };
    unpacking.members(&mut Capped { from, packed: &packed, unfolded: 0 });
    unpacking.finish()
}

fn broken(path: &Path, error: &io::Error) -> Miss {
    Miss::new(GapKind::Damaged, error.to_string(), path)
}

/// Makes a file without a name, and says how much may go into it: in memory not more than a machine
/// can do without.
fn scratch_file(directories: &[&Path]) -> Result<(OwnedFd, u64), rustix::io::Errno> {
    let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let made = directories.iter().find_map(|at| fs::open(*at, flags, mode).ok());
    // Not every file system makes such files (NFS, FAT, 9P, old overlays).
    let made = made.or_else(|| directories.iter().find_map(|at| named_and_removed(at)));
    match made {
        Some(made) => Ok((made, BYTES)),
        None => Ok((fs::memfd_create("bundle", MemfdFlags::CLOEXEC)?, IN_MEMORY)),
    }
}

/// Makes a file with a name that nobody has, and takes the name away.
fn named_and_removed(directory: &Path) -> Option<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let own = rustix::process::getpid().as_raw_nonzero();
    (0..100).find_map(|number| {
        let path = directory.join(format!(".stanch-{own}-{number}"));
        let made = fs::open(&path, flags, Mode::RUSR | Mode::WUSR).ok()?;
        fs::unlink(&path).ok()?;
        Some(made)
    })
}

/// Counts what is read of the packed file.
struct Counted<'a> {
    file: OwnedFd,
    count: &'a std::cell::Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = rustix::io::retry_on_intr(|| rustix::io::read(&self.file, &mut *room))?;
        self.count.set(self.count.get().saturating_add(read as u64));
        Ok(read)
    }
}

/// Ends where a packing unfolds to more than any honest one.
struct Capped<'a, T> {
    from: T,
    packed: &'a std::cell::Cell<u64>,
    unfolded: u64,
}

impl<T: Read> Read for Capped<'_, T> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(room)?;
        self.unfolded = self.unfolded.saturating_add(read as u64);
        let most = FREE.saturating_add(self.packed.get().saturating_mul(FOLD)).min(BYTES);
        if self.unfolded > most {
            return Err(io::Error::other("it unfolds to more than any evidence does"));
        }
        Ok(read)
    }
}

pub(super) struct Unpacking<'a> {
    path: &'a Path,
    scratch: OwnedFd,
    /// How much may go into it.
    room: u64,
    /// Where the scratch file ends.
    end: u64,
    tree: Tree,
    records: BTreeMap<String, (u64, u64)>,
    bodyfiles: Vec<(u64, u64)>,
    /// Where each member's content lies, for hard links.
    members: BTreeMap<Vec<u8>, (Stat, u64, u64)>,
    now: Option<i64>,
    newest: i64,
    strange: Vec<Gap>,
    more: usize,
}

impl Unpacking<'_> {
    /// Returns the bundle's own path, as bytes.
    pub(super) fn own_path(&self) -> Vec<u8> {
        self.path.as_os_str().as_bytes().to_vec()
    }

    /// Returns to how much all members of an archive may unfold.
    pub(super) fn most_unfolded(&self, file: &OwnedFd) -> u64 {
        let size = fs::fstat(file).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
        FREE.saturating_add(size.saturating_mul(FOLD)).min(BYTES)
    }

    pub(super) fn strange(&mut self, kind: GapKind, name: &[u8], why: impl Into<String>) {
        if self.strange.len() >= STRANGE {
            self.more = self.more.saturating_add(1);
            return;
        }
        let name = stanch_words::text::from_bytes(name);
        self.strange.push(Gap::new(NAME, kind, why).at(name));
    }

    fn members(&mut self, source: &mut dyn Read) {
        let mut tar = Tar::default();
        for _ in 0..MEMBERS {
            match tar.next(source) {
                Ok(Found::Entry(raw)) => {
                    let name = raw.name.clone();
                    if let Err(error) = self.member(&raw, source) {
                        let why = format!("it breaks off here: {error}");
                        return self.strange(GapKind::Damaged, &name, why);
                    }
                }
                Ok(Found::Blank) => return,
                Ok(Found::End) => {
                    let path = self.path.as_os_str().as_bytes().to_vec();
                    return self.strange(GapKind::Truncated, &path, "it has no end");
                }
                Err(error) => {
                    let path = self.path.as_os_str().as_bytes().to_vec();
                    let why = format!("it breaks off: {error}");
                    return self.strange(GapKind::Damaged, &path, why);
                }
            }
        }
        let path = self.path.as_os_str().as_bytes().to_vec();
        self.strange(GapKind::Truncated, &path, format!("more than {MEMBERS} members"));
    }

    /// Takes a member, or passes over it.
    pub(super) fn member(&mut self, raw: &Raw, source: &mut dyn Read) -> io::Result<()> {
        let name = raw.name.strip_prefix(b"./").unwrap_or(&raw.name);
        let name = name.strip_suffix(b"/").unwrap_or(name);
        if let Some(path) = name.strip_prefix(b"[root]") {
            if path.is_empty() || path.starts_with(b"/") {
                return self.of_root(raw, path, source);
            }
        } else if let Some(table) = table_of(name)
            && is_file(raw.kind)
        {
            let place = self.keep(raw, source)?;
            self.records.insert(table, place);
            return Ok(());
        } else if let Some(artifact) = name.strip_prefix(b"results/")
            && let Some(artifact) = artifact.strip_suffix(b".json")
            && is_file(raw.kind)
        {
            let place = self.keep(raw, source)?;
            let artifact = String::from_utf8_lossy(&velociraptor::decoded(artifact)).into_owned();
            self.records.insert(format!("results/{artifact}"), place);
            return Ok(());
        } else if name == b"collection_context.json" {
            self.now = Some(raw.modified.div_euclid(1_000_000_000));
        } else if name.starts_with(b"bodyfile/") && is_file(raw.kind) {
            let place = self.keep(raw, source)?;
            self.bodyfiles.push(place);
            return Ok(());
        } else if name == b"meta/begin.json" {
            self.now = Some(raw.modified.div_euclid(1_000_000_000));
        } else if name.split(|&byte| byte == b'/').any(|part| part == b"..") {
            self.strange(GapKind::Damaged, name, "its name leads out");
        }
        skip(source, raw.size.saturating_add(raw.padding))
    }

    /// Takes a file of the machine in question.
    fn of_root(&mut self, raw: &Raw, path: &[u8], source: &mut dyn Read) -> io::Result<()> {
        if path.len() > LONGEST || raw.target.len() > LONGEST {
            let name = path.get(..LONGEST).unwrap_or(path);
            self.strange(GapKind::Damaged, name, "a name that is longer than any path");
            return skip(source, raw.size.saturating_add(raw.padding));
        }
        let mut stat = stat_of(raw);
        let what = match raw.kind {
            kind if is_file(kind) => {
                let (offset, length) = self.keep(raw, source)?;
                self.members.insert(raw.name.clone(), (stat, offset, length));
                What::File { offset, length }
            }
            b'1' => match self.members.get(&raw.target) {
                Some(&(of, offset, length)) => {
                    stat = of;
                    What::File { offset, length }
                }
                None => {
                    self.strange(GapKind::Damaged, &raw.name, "a link to nothing before it");
                    return skip(source, raw.size.saturating_add(raw.padding));
                }
            },
            b'2' => What::Link(raw.target.clone()),
            b'5' => What::Directory(BTreeMap::new()),
            _ => What::NotTaken,
        };
        if !is_file(raw.kind) {
            skip(source, raw.size.saturating_add(raw.padding))?;
        }
        self.newest = self.newest.max(stat.changed);
        if let Err(why) = self.tree.put(Path::new(OsStr::from_bytes(path)), stat, what) {
            self.strange(GapKind::Damaged, &raw.name, why);
        }
        Ok(())
    }

    /// Keeps a member's content; returns where it lies.
    fn keep(&mut self, raw: &Raw, source: &mut dyn Read) -> io::Result<(u64, u64)> {
        let start = self.end;
        if start.saturating_add(raw.size) > self.room {
            let why = "no directory takes so much, and memory must not (/var/tmp, /tmp)";
            return Err(io::Error::other(why));
        }
        tar::content(raw, source, &mut |mut bytes| {
            while !bytes.is_empty() {
                let written = rustix::io::pwrite(&self.scratch, bytes, self.end)?;
                self.end = self.end.saturating_add(written as u64);
                bytes = bytes.get(written..).unwrap_or_default();
            }
            Ok(())
        })?;
        Ok((start, raw.size))
    }

    fn finish(mut self) -> Result<Bundle, Miss> {
        self.describe().map_err(|error| broken(self.path, &error))?;
        if self.more > 0 {
            let path = self.path.as_os_str().as_bytes().to_vec();
            let why = format!("{} strange things more", self.more);
            self.strange.push(
                Gap::new(NAME, GapKind::Damaged, why).at(stanch_words::text::from_bytes(&path)),
            );
        }
        let bundle = Bundle {
            tree: self.tree,
            records: self.records,
            scratch: self.scratch,
            now: self.now.unwrap_or(self.newest.div_euclid(1_000_000_000)),
            strange: self.strange,
        };
        if bundle.is_empty() {
            let why = bundle
                .strange
                .first()
                .map_or("nothing of a machine is in it", |gap| gap.detail.as_str());
            return Err(Miss::new(GapKind::Damaged, why, self.path));
        }
        Ok(bundle)
    }

    /// Adds what bodyfiles tell of files, taken or not.
    fn describe(&mut self) -> io::Result<()> {
        let most = self.tree.len().saturating_add(DESCRIBED);
        for (offset, length) in std::mem::take(&mut self.bodyfiles) {
            let part =
                Part { scratch: &self.scratch, at: offset, end: offset.saturating_add(length) };
            let mut lines = BufReader::with_capacity(256 << 10, part);
            let mut line = Vec::new();
            let mut not_understood = 0_u64;
            loop {
                line.clear();
                // A name has at most 4096 bytes (PATH_MAX).
                if lines.by_ref().take(64 << 10).read_until(b'\n', &mut line)? == 0 {
                    break;
                }
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                let Some(told) = bodyfile::line(text) else {
                    not_understood = not_understood.saturating_add(1);
                    continue;
                };
                let full = self.tree.len() >= most;
                described(&mut self.tree, told, full);
            }
            if not_understood > 0 {
                let why = format!("lines of the bodyfile not understood: {not_understood}");
                self.strange.push(Gap::new(NAME, GapKind::Damaged, why));
            }
        }
        if self.tree.len() >= most {
            let why = format!("only the first {DESCRIBED} files of the bodyfile are known");
            self.strange.push(Gap::new(NAME, GapKind::Truncated, why));
        }
        Ok(())
    }
}

/// Completes the description of a file that was taken, or adds one that was not.
fn described(tree: &mut Tree, line: bodyfile::Told, full: bool) {
    let (path, told) = (&line.path, line.stat);
    let is_there = tree.describe(path, |own| {
        own.inode = told.inode;
        own.born = told.born;
        if own.changed == 0 {
            // A directory that lies above others and was not itself a member.
            let kept = *own;
            *own = Stat { links: kept.links, ..told };
        }
    });
    if is_there || full {
        return;
    }
    let what = match told.kind() {
        FileKind::Directory => What::Directory(BTreeMap::new()),
        _ => line.target.map_or(What::NotTaken, What::Link),
    };
    // What lies below something that is no directory is told by no honest bodyfile.
    let _left_out = tree.put(path, told, what);
}

/// A part of the scratch file.
struct Part<'a> {
    scratch: &'a OwnedFd,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = left.min(room.len());
        let room = room.get_mut(..most).unwrap_or_default();
        let read = rustix::io::pread(self.scratch, room, self.at)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

fn is_file(kind: u8) -> bool {
    matches!(kind, b'0' | 0 | b'7')
}

fn table_of(name: &[u8]) -> Option<String> {
    let table = name.strip_prefix(b"live/")?.strip_suffix(b".jsonl")?;
    let is_plain = table.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_');
    is_plain.then(|| String::from_utf8_lossy(table).into_owned())
}

fn stat_of(raw: &Raw) -> Stat {
    let kind = match raw.kind {
        b'2' => 0o120_000,
        b'3' => 0o020_000,
        b'4' => 0o060_000,
        b'5' => 0o040_000,
        b'6' => 0o010_000,
        _ => 0o100_000,
    };
    let size = if raw.kind == b'2' { raw.target.len() as u64 } else { raw.size };
    Stat {
        mode: kind | raw.mode,
        uid: raw.owner.0,
        gid: raw.owner.1,
        size,
        links: 1,
        blocks: size.div_ceil(512),
        block_size: 4096,
        accessed: raw.accessed.unwrap_or(raw.modified),
        modified: raw.modified,
        changed: raw.changed.unwrap_or(raw.modified),
        ..Stat::default()
    }
}

/// A packing that never ends.
#[cfg(test)]
pub(super) fn endless(packed: &std::cell::Cell<u64>) -> impl Read + '_ {
    Capped { from: io::repeat(0), packed, unfolded: 0 }
}
