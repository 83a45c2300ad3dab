//! A directory tree read through descriptors: the live root, or an image's.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use stanch_words::GapKind;

use crate::hanging::Place;
use crate::stall::{self, Stalls};
use crate::{Contents, FileKind, Listing, Miss, Stat, entries};

/// How paths are looked up.
#[derive(Debug)]
enum Root {
    /// The kernel's own root: paths as they are.
    Own,
    /// A directory that no path leads out of.
    Directory(OwnedFd),
}

/// A directory tree.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Root,
    pub(crate) stalls: Stalls,
}

impl Tree {
    pub(crate) fn own() -> Self {
        Self { root: Root::Own, stalls: Stalls::default() }
    }

    pub(crate) fn at(path: &Path) -> Result<Self, Miss> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = fs::open(path, flags, Mode::empty()).map_err(|e| Miss::from_errno(e, path))?;
        Ok(Self { root: Root::Directory(root), stalls: Stalls::default() })
    }

    pub(crate) fn open(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut flags = flags | OFlags::CLOEXEC;
        if !flags.contains(OFlags::PATH) {
            // openat2(2) refuses these together with O_PATH (EINVAL), which open(2) ignores.
            flags |= OFlags::NOCTTY | OFlags::NONBLOCK;
        }
        match &self.root {
            Root::Own => fs::open(path, flags, Mode::empty()),
            Root::Directory(root) => open_inside(root.as_fd(), path, flags),
        }
    }

    /// Opens without touching the access time where the kernel lets us: only the owner and root
    /// may use `O_NOATIME` (open(2)).
    pub(crate) fn open_quietly(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        match self.open(path, flags | OFlags::NOATIME) {
            Err(Errno::PERM) => self.open(path, flags),
            other => other,
        }
    }

    /// Begins an operation that follows a last symlink.
    pub(crate) fn guard(&self, path: &Path) -> Result<stall::Guard, Miss> {
        self.begin(path, true)
    }

    fn begin(&self, path: &Path, follow: bool) -> Result<stall::Guard, Miss> {
        if self.stalls.has(path) {
            return Err(Miss::new(GapKind::TimedOut, "did not answer before; left out", path));
        }
        let guard = stall::begin(path);
        // An image's paths are not those of our mount list.
        let met = matches!(self.root, Root::Own).then(|| self.stalls.met(path, follow)).flatten();
        met.map_or(Ok(guard), |place| Err(left_out(path, &place)))
    }

    /// Opens a file for reading if it is a regular one.
    pub(crate) fn open_regular(&self, path: &Path) -> Result<OwnedFd, Miss> {
        // A look before the open: opening a device or FIFO can act or block. /proc and /sys hold
        // only pseudo files, where the extra call would double the cost.
        if !(matches!(self.root, Root::Own) && is_pseudo(path)) {
            let probe = self.open(path, OFlags::PATH).map_err(|e| Miss::from_errno(e, path))?;
            let mode = fs::fstat(&probe).map_err(|e| Miss::from_errno(e, path))?.st_mode;
            let kind = FileKind::from_mode(mode);
            if kind != FileKind::Regular {
                let detail = format!("not a regular file: {}", kind.name());
                return Err(Miss::new(GapKind::Failed, detail, path));
            }
        }
        self.open_quietly(path, OFlags::RDONLY).map_err(|e| Miss::from_errno(e, path))
    }

    pub(crate) fn read(&self, path: &Path, cap: u64) -> Result<Contents, Miss> {
        let mut bytes = Vec::new();
        let _guard = self.guard(path)?;
        let file = self.open_regular(path)?;
        let truncated = read_capped(file.as_fd(), cap, &mut bytes)
            .map_err(|errno| Miss::from_errno(errno, path))?;
        Ok(Contents { bytes, truncated })
    }

    pub(crate) fn read_pieces(
        &self,
        path: &Path,
        cap: u64,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<u64, Miss> {
        let _guard = self.guard(path)?;
        let file = self.open_regular(path)?;
        let mut buffer = vec![0_u8; 256 << 10];
        let mut total = 0_u64;
        while total < cap {
            stall::tick();
            let most = usize::try_from(cap.saturating_sub(total)).unwrap_or(usize::MAX);
            let most = most.min(buffer.len());
            let piece = buffer.get_mut(..most).unwrap_or_default();
            let read = match rustix::io::read(&file, piece) {
                Err(Errno::INTR) => continue,
                other => other.map_err(|errno| Miss::from_errno(errno, path))?,
            };
            if read == 0 {
                break;
            }
            each(buffer.get(..read).unwrap_or_default());
            total = total.saturating_add(read as u64);
        }
        Ok(total)
    }

    pub(crate) fn list(&self, path: &Path) -> Result<Listing, Miss> {
        let _guard = self.guard(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let directory = self.open_quietly(path, flags).map_err(|e| Miss::from_errno(e, path))?;
        entries::list(&directory).map_err(|errno| Miss::from_errno(errno, path))
    }

    pub(crate) fn stat(&self, path: &Path, follow: bool) -> Result<Stat, Miss> {
        let _guard = self.begin(path, follow)?;
        let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        let result = match &self.root {
            Root::Own => fs::statx(fs::CWD, path, flags, mask),
            Root::Directory(_) => {
                let nofollow = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
                self.open(path, OFlags::PATH | nofollow)
                    .and_then(|fd| fs::statx(&fd, c"", AtFlags::EMPTY_PATH, mask))
            }
        };
        result.map(from_statx).map_err(|errno| Miss::from_errno(errno, path))
    }

    pub(crate) fn stat_each(
        &self,
        directory: &Path,
        names: &[&std::ffi::OsStr],
    ) -> Vec<Result<Stat, Miss>> {
        let opened = self.guard(directory).and_then(|_guard| {
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            self.open(directory, flags).map_err(|errno| Miss::from_errno(errno, directory))
        });
        let opened = match opened {
            Ok(opened) => opened,
            Err(miss) => return names.iter().map(|_| Err(miss.clone())).collect(),
        };
        let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let one = |name: &&std::ffi::OsStr| {
            // A name is one part: nothing above the directory can be reached by it.
            if name.as_bytes().contains(&b'/') || *name == ".." {
                let path = directory.join(name);
                return Err(Miss::new(GapKind::Failed, "not a name", &path));
            }
            let result = fs::statx(&opened, *name, AtFlags::SYMLINK_NOFOLLOW, mask);
            result.map(from_statx).map_err(|e| Miss::from_errno(e, &directory.join(name)))
        };
        let mut found = Vec::with_capacity(names.len());
        let mut path = PathBuf::new();
        for some in names.chunks(256) {
            let mut guard = match self.guard(directory) {
                Ok(guard) => guard,
                Err(miss) => {
                    found.extend(some.iter().map(|_| Err(miss.clone())));
                    continue;
                }
            };
            // Any entry may be a mount that hangs, and costs no more than itself.
            for name in some {
                path.clear();
                path.extend([directory, Path::new(name)]);
                guard.moves_on(&path);
                let hung = self.stalls.has_name(name).then(|| self.begin(&path, false));
                let may = hung.map_or(Ok(()), |begun| begun.map(drop));
                found.push(may.and_then(|()| one(name)));
            }
        }
        found
    }

    pub(crate) fn read_link(&self, path: &Path) -> Result<PathBuf, Miss> {
        let _guard = self.begin(path, false)?;
        let buffer = Vec::with_capacity(128);
        let result = match &self.root {
            Root::Own => fs::readlinkat(fs::CWD, path, buffer),
            Root::Directory(_) => self
                .open(path, OFlags::PATH | OFlags::NOFOLLOW)
                .and_then(|fd| fs::readlinkat(&fd, c"", buffer)),
        };
        let target = result.map_err(|errno| Miss {
            // "Not a symlink" must not read as "not there": readlink("") on an O_PATH descriptor
            // of another kind of file gives ENOENT.
            absent: errno == Errno::NOENT && matches!(self.root, Root::Own),
            ..Miss::from_errno(errno, path)
        })?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    pub(crate) fn attribute(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, Miss> {
        let _guard = self.guard(path)?;
        let mut value = vec![0_u8; 64 << 10];
        let result = match &self.root {
            Root::Own => fs::lgetxattr(path, name, &mut value[..]),
            Root::Directory(_) => {
                // fgetxattr(2) does not take O_PATH descriptors; a regular file is opened.
                let Ok(file) = self.open_regular(path) else { return Ok(None) };
                fs::fgetxattr(&file, name, &mut value[..])
            }
        };
        match result {
            Ok(size) => {
                value.truncate(size);
                Ok(Some(value))
            }
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
            Err(errno) => Err(Miss::from_errno(errno, path)),
        }
    }

    pub(crate) fn flags(&self, path: &Path) -> Result<Option<u32>, Miss> {
        // Opening a device or FIFO can act or block, and they have no such flags.
        if !matches!(self.stat(path, false)?.kind(), FileKind::Regular | FileKind::Directory) {
            return Ok(None);
        }
        let _guard = self.guard(path)?;
        let file = self.open_quietly(path, OFlags::RDONLY | OFlags::NOFOLLOW);
        let file = file.map_err(|errno| Miss::from_errno(errno, path))?;
        match fs::ioctl_getflags(&file) {
            Ok(flags) => Ok(Some(flags.bits())),
            Err(Errno::NOTTY | Errno::OPNOTSUPP | Errno::INVAL) => Ok(None),
            Err(errno) => Err(Miss::from_errno(errno, path)),
        }
    }
}

/// Returns the miss for what lies on something that does not answer: the same for all of one mount
/// and for all of one process, so that they leave one gap in a table and not thousands.
fn left_out(path: &Path, place: &Place) -> Miss {
    let mut parts = path.iter();
    let of_process = parts.by_ref().nth(1).filter(|first| *first == "proc").zip(parts.next());
    let (what, at) = match (place, of_process) {
        (Place::Memory(at), _) => ("its memory may not answer; left out".to_owned(), at.clone()),
        (Place::EveryMemory, _) => ("may not answer; left out".to_owned(), path.to_owned()),
        (Place::Mount(mount), Some((_, pid))) => {
            let mount = stanch_words::text::from_bytes(mount.as_os_str().as_bytes());
            let what = format!("leads to `{mount}`, which may not answer; left out");
            (what, Path::new("/proc").join(pid))
        }
        (Place::Mount(at), None) => {
            ("may not answer; all that lies on it is left out".to_owned(), at.clone())
        }
    };
    Miss::new(GapKind::TimedOut, what, &at)
}

/// Returns whether a path names a pseudo file of the kernel. The magic links of a process (its
/// root, its descriptors) lead out of procfs to files of any kind.
fn is_pseudo(path: &Path) -> bool {
    const LEAD_OUT: [&str; 6] = ["root", "cwd", "exe", "fd", "map_files", ".."];
    let leads_out = || path.iter().any(|part| LEAD_OUT.iter().any(|name| part == *name));
    path.starts_with("/sys") && !path.iter().any(|part| part == "..")
        || path.starts_with("/proc") && !leads_out()
}

/// Opens a path that stays inside a directory: absolute symlinks start at it and `..` ends at it.
fn open_inside(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let relative = path.strip_prefix("/").unwrap_or(path);
    let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    // Magic links (/proc/PID/exe inside an image's own mounted /proc) would lead out.
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match fs::openat2(root, relative, flags, Mode::empty(), resolve) {
        // Kernels before 5.6 (CentOS 7, Debian 10) have no openat2(2); seccomp may say EPERM.
        Err(Errno::NOSYS | Errno::PERM) => walk_inside(root, relative, flags),
        other => other,
    }
}

/// The same in steps, for kernels without openat2(2).
fn walk_inside(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut stack: Vec<OwnedFd> = Vec::new();
    let mut left = vec![path.as_os_str().to_owned()];
    let mut links = 0_u32;
    let mut parts: Vec<OsString> = Vec::new();
    loop {
        while let Some(text) = left.pop() {
            let split = text.as_bytes().split(|&b| b == b'/').filter(|part| !part.is_empty());
            parts.extend(split.rev().map(|part| OsString::from_vec(part.to_vec())));
        }
        let at = stack.last().map_or(root, AsFd::as_fd);
        let Some(part) = parts.pop() else {
            return fs::openat(at, c".", flags | OFlags::CLOEXEC, Mode::empty());
        };
        if part == "." {
            continue;
        }
        if part == ".." {
            stack.pop();
            continue;
        }
        let next = fs::openat(at, &part, step, Mode::empty())?;
        let kind = FileKind::from_mode(fs::fstat(&next)?.st_mode);
        let last = parts.is_empty();
        if kind == FileKind::Symlink && !(last && flags.contains(OFlags::NOFOLLOW)) {
            links = links.saturating_add(1);
            if links > 40 {
                return Err(Errno::LOOP);
            }
            let target = fs::readlinkat(&next, c"", Vec::new())?.into_bytes();
            if target.first() == Some(&b'/') {
                stack.clear();
            }
            left.push(OsString::from_vec(target));
        } else if last && kind != FileKind::Directory {
            if flags.contains(OFlags::PATH) {
                return Ok(next);
            }
            return fs::openat(at, &part, flags | OFlags::NOFOLLOW, Mode::empty());
        } else {
            stack.push(next);
        }
    }
}

/// Reads until the end or the cap; returns whether there was more.
pub(crate) fn read_capped(
    file: BorrowedFd<'_>,
    cap: u64,
    bytes: &mut Vec<u8>,
) -> Result<bool, Errno> {
    // Most pseudo files fit one small buffer: one read for the bytes, one for the end.
    let mut buffer = [0_u8; 4096];
    let mut large: Vec<u8> = Vec::new();
    loop {
        let room = if bytes.len() < 16 << 10 {
            &mut buffer[..]
        } else {
            stall::tick();
            large.resize(256 << 10, 0);
            &mut large[..]
        };
        let read = match rustix::io::read(file, &mut *room) {
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => return Ok(false),
            other => other?,
        };
        if read == 0 {
            return Ok(false);
        }
        bytes.extend_from_slice(room.get(..read).unwrap_or_default());
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        if bytes.len() > cap {
            bytes.truncate(cap);
            return Ok(true);
        }
    }
}

pub(crate) fn from_statx(s: fs::Statx) -> Stat {
    let nanoseconds = |t: fs::StatxTimestamp| {
        t.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(t.tv_nsec))
    };
    let device = |major: u32, minor: u32| u64::from(major) << 32 | u64::from(minor);
    Stat {
        mode: u32::from(s.stx_mode),
        uid: s.stx_uid,
        gid: s.stx_gid,
        size: s.stx_size,
        inode: s.stx_ino,
        device: device(s.stx_dev_major, s.stx_dev_minor),
        special_device: device(s.stx_rdev_major, s.stx_rdev_minor),
        links: u64::from(s.stx_nlink),
        blocks: s.stx_blocks,
        block_size: u64::from(s.stx_blksize),
        accessed: nanoseconds(s.stx_atime),
        modified: nanoseconds(s.stx_mtime),
        changed: nanoseconds(s.stx_ctime),
        immutable: s.stx_attributes.contains(StatxAttributes::IMMUTABLE),
        append_only: s.stx_attributes.contains(StatxAttributes::APPEND),
        born: (s.stx_mask & StatxFlags::BTIME.bits() != 0).then(|| nanoseconds(s.stx_btime)),
    }
}
