//! Files put, changed and removed on the machine that we run on, by descriptor.

use std::ffi::OsStr;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path};

use rustix::fs::{
    self, AtFlags, FileType, Gid, IFlags, Mode, OFlags, RenameFlags, StatxFlags, Timespec,
    Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;
use stanch_words::GapKind;

use super::Hands;
use crate::filing::{APPEND, IMMUTABLE, SETTABLE};
use crate::tree::from_statx;
use crate::{Dress, FileKind, Filing, Known, Miss, NewFile, Over, Special, Stat, stall};

/// What keeps even root from changing an entry.
const LOCKS: u32 = IMMUTABLE | APPEND;

impl Filing for Hands<'_> {
    fn remove(&self, path: &Path, known: Known) -> Result<(), Miss> {
        let miss = |errno| Miss::from_errno(errno, path);
        let (folder, name) = folder_of(path)?;
        let stat = look(&folder, name).map_err(miss)?;
        is_meant(&stat, known, path)?;
        unlock(&folder, name, &stat).map_err(miss)?;
        let is_folder = stat.kind() == FileKind::Directory;
        let how = if is_folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        in_unlocked(&folder, || fs::unlinkat(&folder, name, how)).map_err(miss)?;
        sync(&folder).map_err(miss)
    }

    fn put(&self, path: &Path, new: &mut NewFile<'_>, over: Over) -> Result<(), Miss> {
        let miss = |errno| Miss::from_errno(errno, path);
        let (folder, name) = folder_of(path)?;
        let beside = name_beside(name);
        let made = in_unlocked(&folder, || {
            // One of ours that a crash left; nobody else names a file so.
            match fs::unlinkat(&folder, &beside, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            fs::openat(&folder, &beside, flags, Mode::RUSR | Mode::WUSR)
        });
        let file = made.map_err(miss)?;
        let without_locks = Dress { flags: new.dress.flags & !LOCKS, ..new.dress.clone() };
        let placed = write_all(&file, new, path)
            .and_then(|()| dress(&file, &without_locks).map_err(miss))
            .and_then(|()| fs::fsync(&file).map_err(miss))
            .and_then(|()| move_over(&folder, &beside, name, over, path));
        if let Err(why) = placed {
            let _best_effort =
                in_unlocked(&folder, || fs::unlinkat(&folder, &beside, AtFlags::empty()));
            return Err(why);
        }
        set_flags(&file, new.dress.flags).map_err(miss)?;
        sync(&folder).map_err(miss)
    }

    fn put_link(&self, path: &Path, target: &[u8], dress: &Dress) -> Result<(), Miss> {
        let miss = |errno| Miss::from_errno(errno, path);
        let (folder, name) = folder_of(path)?;
        in_unlocked(&folder, || {
            fs::symlinkat(OsStr::from_bytes(target), &folder, name)?;
            let (uid, gid) = (Uid::from_raw(dress.uid), Gid::from_raw(dress.gid));
            fs::chownat(&folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
            let Some((read, changed)) = dress.times else { return Ok(()) };
            fs::utimensat(&folder, name, &times(read, changed), AtFlags::SYMLINK_NOFOLLOW)
        })
        .map_err(miss)?;
        sync(&folder).map_err(miss)
    }

    fn put_special(&self, path: &Path, special: Special, dress: &Dress) -> Result<(), Miss> {
        let miss = |errno| Miss::from_errno(errno, path);
        let (folder, name) = folder_of(path)?;
        let kind = match special.kind {
            FileKind::Directory => FileType::Directory,
            FileKind::Fifo => FileType::Fifo,
            FileKind::Socket => FileType::Socket,
            FileKind::CharacterDevice => FileType::CharacterDevice,
            FileKind::BlockDevice => FileType::BlockDevice,
            FileKind::Regular | FileKind::Symlink | FileKind::Unknown => {
                return Err(miss(Errno::INVAL));
            }
        };
        // `Stat` packs the major number into the upper half.
        let half = |number: u64| u32::try_from(number & 0xffff_ffff).unwrap_or(0);
        let device = fs::makedev(half(special.device >> 32), half(special.device));
        // Until its owner is its own nobody may use it.
        let shut = Mode::empty();
        let made = in_unlocked(&folder, || match kind {
            FileType::Directory => fs::mkdirat(&folder, name, shut),
            kind => fs::mknodat(&folder, name, kind, shut, device),
        });
        let made = match made {
            // The one that was made when it was cut off.
            Err(Errno::EXIST) => look(&folder, name).and_then(|there| {
                let is_same = there.kind() == special.kind
                    && (special.device == there.special_device || !is_device(special.kind));
                if is_same { Ok(()) } else { Err(Errno::EXIST) }
            }),
            made => made,
        };
        made.and_then(|()| dress_special(&folder, name, kind, dress)).map_err(miss)?;
        sync(&folder).map_err(miss)
    }

    fn dress(&self, path: &Path, known: Known, wanted: &Dress) -> Result<(), Miss> {
        let miss = |errno| Miss::from_errno(errno, path);
        let (folder, name) = folder_of(path)?;
        is_meant(&look(&folder, name).map_err(miss)?, known, path)?;
        let file = open(&folder, name).map_err(miss)?;
        is_meant(&look_at(&file).map_err(miss)?, known, path)?;
        set_flags(&file, wanted.flags & !LOCKS)
            .and_then(|()| dress(&file, wanted))
            .and_then(|()| set_flags(&file, wanted.flags))
            .and_then(|()| fs::fsync(&file))
            .map_err(miss)
    }
}

fn is_device(kind: FileKind) -> bool {
    matches!(kind, FileKind::CharacterDevice | FileKind::BlockDevice)
}

/// Gives what holds no content all but its locks. It is never opened but as a folder: a device does
/// something when it is.
fn dress_special(
    folder: &OwnedFd,
    name: &OsStr,
    kind: FileType,
    wanted: &Dress,
) -> Result<(), Errno> {
    if kind == FileType::Directory {
        let file = open(folder, name)?;
        return dress(&file, wanted).and_then(|()| set_flags(&file, wanted.flags));
    }
    let held =
        fs::openat(folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    // The link of /proc stands for the very entry that is held.
    let place = format!("/proc/self/fd/{}", held.as_raw_fd());
    let (uid, gid) = (Uid::from_raw(wanted.uid), Gid::from_raw(wanted.gid));
    fs::chownat(fs::CWD, &*place, Some(uid), Some(gid), AtFlags::empty())?;
    fs::chmodat(fs::CWD, &*place, Mode::from_raw_mode(wanted.mode & 0o7777), AtFlags::empty())?;
    for (name, value) in &wanted.attributes {
        fs::setxattr(&*place, OsStr::from_bytes(name), value, XattrFlags::empty())?;
    }
    let Some((read, changed)) = wanted.times else { return Ok(()) };
    fs::utimensat(fs::CWD, &*place, &times(read, changed), AtFlags::empty())
}

/// Opens the folder of a path, step by step, so that no symlink leads elsewhere.
fn folder_of(path: &Path) -> Result<(OwnedFd, &OsStr), Miss> {
    let miss = |errno| Miss::from_errno(errno, path);
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(miss(Errno::ISDIR));
    };
    let mut folder = fs::open("/", flags, Mode::empty()).map_err(miss)?;
    for part in above.components() {
        folder = match part {
            Component::RootDir | Component::CurDir => continue,
            Component::Normal(part) => fs::openat(&folder, part, flags, Mode::empty()),
            Component::ParentDir | Component::Prefix(_) => Err(Errno::INVAL),
        }
        .map_err(|errno| match errno {
            // With O_DIRECTORY a symlink gives ENOTDIR (open(2)), which must not read as "gone".
            Errno::NOTDIR | Errno::LOOP => {
                Miss::new(GapKind::Changed, "a folder on the way is none, or a symlink", path)
            }
            errno => miss(errno),
        })?;
    }
    Ok((folder, name))
}

fn look(folder: &OwnedFd, name: &OsStr) -> Result<Stat, Errno> {
    let mask = StatxFlags::BASIC_STATS;
    fs::statx(folder, name, AtFlags::SYMLINK_NOFOLLOW, mask).map(from_statx)
}

fn look_at(file: &OwnedFd) -> Result<Stat, Errno> {
    fs::statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).map(from_statx)
}

fn is_meant(stat: &Stat, known: Known, path: &Path) -> Result<(), Miss> {
    if Known::of(stat) == known {
        return Ok(());
    }
    Err(Miss::new(GapKind::Changed, "another file lies there by now", path))
}

/// Opens a regular file or a folder that was looked at a moment ago; it is not waited for, should it be a pipe
/// by now.
fn open(folder: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    fs::openat(folder, name, flags, Mode::empty())
}

/// Takes the locks off an entry, if it has some.
fn unlock(folder: &OwnedFd, name: &OsStr, stat: &Stat) -> Result<(), Errno> {
    if !matches!(stat.kind(), FileKind::Regular | FileKind::Directory) {
        return Ok(());
    }
    let file = open(folder, name)?;
    let flags = flags(file.as_fd())?;
    if flags & LOCKS != 0 { set_flags(&file, flags & !LOCKS) } else { Ok(()) }
}

/// Does something in a folder whose own locks are off meanwhile.
fn in_unlocked<T>(folder: &OwnedFd, deed: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    // A descriptor that was opened with O_PATH takes no ioctl(2).
    let listed = fs::openat(folder, c".", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let before = flags(listed.as_fd())?;
    if before & LOCKS == 0 {
        return deed();
    }
    set_flags(&listed, before & !LOCKS)?;
    let done = deed();
    let back = set_flags(&listed, before);
    done.and_then(|it| back.map(|()| it))
}

/// Returns the flags that can be set; none where the file system has no flags.
fn flags(file: BorrowedFd<'_>) -> Result<u32, Errno> {
    match fs::ioctl_getflags(file) {
        Ok(flags) => Ok(flags.bits() & SETTABLE),
        Err(Errno::NOTTY | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => Ok(0),
        Err(errno) => Err(errno),
    }
}

fn set_flags(file: &OwnedFd, wanted: u32) -> Result<(), Errno> {
    let all = match fs::ioctl_getflags(file) {
        Ok(all) => all.bits(),
        Err(Errno::NOTTY | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) if wanted == 0 => {
            return Ok(());
        }
        Err(errno) => return Err(errno),
    };
    if all & SETTABLE == wanted {
        return Ok(());
    }
    fs::ioctl_setflags(file, IFlags::from_bits_retain(all & !SETTABLE | wanted))
}

/// Gives a file all but its locks: the owner first, since a new owner takes set-id bits and
/// capabilities off (chown(2)).
fn dress(file: &OwnedFd, wanted: &Dress) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(wanted.uid), Gid::from_raw(wanted.gid));
    fs::fchown(file, Some(uid), Some(gid))?;
    for name in names(file)? {
        if !wanted.attributes.iter().any(|(wanted, _)| *wanted == name) {
            fs::fremovexattr(file, OsStr::from_bytes(&name))?;
        }
    }
    fs::fchmod(file, Mode::from_raw_mode(wanted.mode & 0o7777))?;
    for (name, value) in &wanted.attributes {
        fs::fsetxattr(file, OsStr::from_bytes(name), value, XattrFlags::empty())?;
    }
    if let Some((read, changed)) = wanted.times {
        fs::futimens(file, &times(read, changed))?;
    }
    Ok(())
}

/// Returns the names of a file's extended attributes.
fn names(file: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    // The longest list that Linux allows (xattr(7)).
    let mut room = vec![0_u8; 64 << 10];
    let length = match fs::flistxattr(file, &mut room) {
        Err(Errno::OPNOTSUPP) => 0,
        length => length?,
    };
    let names = room.get(..length).unwrap_or_default().split(|&byte| byte == 0);
    Ok(names.filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect())
}

fn times(read: i64, changed: i64) -> Timestamps {
    let time = |nanoseconds: i64| Timespec {
        tv_sec: nanoseconds.div_euclid(1_000_000_000),
        tv_nsec: nanoseconds.rem_euclid(1_000_000_000),
    };
    Timestamps { last_access: time(read), last_modification: time(changed) }
}

fn write_all(file: &OwnedFd, new: &mut NewFile<'_>, path: &Path) -> Result<(), Miss> {
    let mut room = vec![0_u8; 256 << 10];
    loop {
        stall::tick();
        let read = match new.content.read(&mut room) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(|error| Miss::new(GapKind::Failed, error.to_string(), path))?,
        };
        let mut left = room.get(..read).unwrap_or_default();
        if left.is_empty() {
            return Ok(());
        }
        while !left.is_empty() {
            let done = match rustix::io::write(file, left) {
                Err(Errno::INTR) => continue,
                done => done.map_err(|errno| Miss::from_errno(errno, path))?,
            };
            left = left.get(done..).unwrap_or_default();
        }
    }
}

fn move_over(
    folder: &OwnedFd,
    beside: &OsStr,
    name: &OsStr,
    over: Over,
    path: &Path,
) -> Result<(), Miss> {
    let miss = |errno| Miss::from_errno(errno, path);
    match over {
        Over::Nothing => in_unlocked(folder, || {
            fs::renameat_with(folder, beside, folder, name, RenameFlags::NOREPLACE)
        })
        .map_err(miss),
        Over::Known(known) => {
            let stat = look(folder, name).map_err(miss)?;
            is_meant(&stat, known, path)?;
            unlock(folder, name, &stat).map_err(miss)?;
            in_unlocked(folder, || fs::renameat(folder, beside, folder, name)).map_err(miss)
        }
    }
}

/// Returns the name under which a file is made before it is moved to its own: hidden, so that
/// nothing that reads a whole folder takes it.
fn name_beside(name: &OsStr) -> std::ffi::OsString {
    let name = name.as_bytes();
    // 255 bytes are a name's longest (NAME_MAX).
    let part = name.get(..name.len().min(200)).unwrap_or_default();
    std::ffi::OsString::from_vec([b".stanch-new-", part].concat())
}

fn sync(folder: &OwnedFd) -> Result<(), Errno> {
    let listed = fs::openat(folder, c".", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    fs::fsync(listed)
}
