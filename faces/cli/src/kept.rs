//! Files of our own that a person asked for: packs of compiled rules.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat, renameat, unlinkat};

/// Writes a file whole or not at all: beside it first, then in its place. Nothing that lies there
/// is followed: another's symlink is replaced and not written through.
///
/// # Errors
/// Whatever kept it from being written.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let opened = openat(CWD, &beside, flags, mode).or_else(|_left_behind| {
        unlinkat(CWD, &beside, rustix::fs::AtFlags::empty())?;
        openat(CWD, &beside, flags, mode)
    })?;
    let mut left = bytes;
    while !left.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&opened, left))?;
        left = left.get(written..).unwrap_or_default();
    }
    rustix::fs::fsync(&opened)?;
    renameat(CWD, &beside, CWD, path)?;
    Ok(())
}

/// Makes a directory for such files, if it is not there.
///
/// # Errors
/// Whatever kept it from being made.
pub(crate) fn directory(path: &Path) -> io::Result<()> {
    for one in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
        match mkdirat(CWD, one, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(_) if one == Path::new("") || one == Path::new("/") => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
