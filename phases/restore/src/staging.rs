//! The staging folder: everything is made inside it, and nothing is ever reached through a symlink.
//!
//! Names come from a snapshot that an intruder may have written. Each folder on the way to a name is
//! opened by itself, without following a link, below the descriptor of the one above it.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Dev, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags,
};

use crate::RestoreError;

/// What belongs to a thing beside its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dress {
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) mode: Option<u32>,
    /// Seconds and nanoseconds.
    pub(crate) modified: Option<(i64, i64)>,
    pub(crate) attributes: Vec<(String, Vec<u8>)>,
}

/// A folder that was empty when we came.
#[derive(Debug)]
pub(crate) struct Staging {
    root: Arc<OwnedFd>,
    /// The folder that was used last: files of one folder come one after the other.
    last: Option<(PathBuf, Arc<OwnedFd>)>,
}

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Staging {
    /// Opens a folder that is empty, or makes it. Nobody else may look inside.
    pub(crate) fn new(path: &Path) -> Result<Self, RestoreError> {
        let failed = |error: io::Error| RestoreError::store(path, error);
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(failed)?,
        }
        let root = rustix::fs::open(path, FOLDER, Mode::empty());
        let root = root.map_err(|error| failed(error.into()))?;
        let mut entries = fs::read_dir(path).map_err(failed)?;
        if entries.next().is_some() {
            return Err(RestoreError::NotEmpty { path: path.to_owned() });
        }
        rustix::fs::fchmod(&root, Mode::RWXU).map_err(|error| failed(error.into()))?;
        Ok(Self { root: Arc::new(root), last: None })
    }

    /// Returns how many bytes are free where a folder is or will be.
    pub(crate) fn free(path: &Path) -> Result<u64, RestoreError> {
        let there = path.ancestors().find(|above| fs::symlink_metadata(above).is_ok());
        let there = there.filter(|there| !there.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let about = rustix::fs::statvfs(there);
        let about = about.map_err(|error| RestoreError::store(there, error))?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }

    /// Opens the folder that holds a path, and returns the name in it.
    fn holds<'p>(&mut self, path: &'p Path) -> io::Result<(Arc<OwnedFd>, &'p std::ffi::OsStr)> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let (above, name) = (path.parent().ok_or_else(invalid)?, path.file_name());
        let name = name.ok_or_else(invalid)?;
        if let Some((known, fd)) = &self.last
            && known == above
        {
            return Ok((Arc::clone(fd), name));
        }
        let mut fd = Arc::clone(&self.root);
        for part in above.components() {
            match part {
                Component::RootDir => {}
                Component::Normal(part) => {
                    fd = Arc::new(rustix::fs::openat(&fd, part, FOLDER, Mode::empty())?);
                }
                _ => return Err(invalid()),
            }
        }
        self.last = Some((above.to_owned(), Arc::clone(&fd)));
        Ok((fd, name))
    }

    pub(crate) fn folder(&mut self, path: &Path) -> io::Result<()> {
        let (fd, name) = self.holds(path)?;
        Ok(rustix::fs::mkdirat(fd, name, Mode::RWXU)?)
    }

    pub(crate) fn file(&mut self, path: &Path) -> io::Result<File> {
        let (fd, name) = self.holds(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(fd, name, flags, Mode::RUSR | Mode::WUSR)?))
    }

    /// Opens a file that was made, to read it.
    pub(crate) fn read(&mut self, path: &Path) -> io::Result<File> {
        let (fd, name) = self.holds(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(fd, name, flags, Mode::empty())?))
    }

    pub(crate) fn link(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        let (fd, name) = self.holds(path)?;
        Ok(rustix::fs::symlinkat(target, fd, name)?)
    }

    pub(crate) fn special(&mut self, path: &Path, kind: FileType, device: Dev) -> io::Result<()> {
        let (fd, name) = self.holds(path)?;
        Ok(rustix::fs::mknodat(fd, name, kind, Mode::RUSR | Mode::WUSR, device)?)
    }

    pub(crate) fn again(&mut self, first: &Path, path: &Path) -> io::Result<()> {
        let (from, old) = self.holds(first)?;
        let (to, name) = self.holds(path)?;
        Ok(rustix::fs::linkat(from, old, to, name, AtFlags::empty())?)
    }

    pub(crate) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let (fd, name) = self.holds(path)?;
        Ok(rustix::fs::unlinkat(fd, name, AtFlags::empty())?)
    }

    /// Dresses a folder that was made, when nothing more comes into it.
    pub(crate) fn dress_folder(&mut self, path: &Path, dress: &Dress) -> io::Result<()> {
        let (above, name) = self.holds(path)?;
        let folder = rustix::fs::openat(above, name, FOLDER, Mode::empty())?;
        dress_open(&folder, dress)
    }

    /// Dresses a symlink, pipe, socket or device: by its name, since none of them is opened.
    pub(crate) fn dress_special(
        &mut self,
        path: &Path,
        dress: &Dress,
        has_mode: bool,
    ) -> io::Result<()> {
        let (fd, name) = self.holds(path)?;
        if let Some((uid, gid)) = dress.owner {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            rustix::fs::chownat(&fd, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        // We made it a moment ago, in a folder that nobody else can enter.
        if let Some(mode) = dress.mode.filter(|_| has_mode) {
            rustix::fs::chmodat(&fd, name, Mode::from_raw_mode(mode), AtFlags::empty())?;
        }
        if let Some(times) = times(dress) {
            rustix::fs::utimensat(&fd, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    /// Sees to it that all of it is on the disk.
    pub(crate) fn settle(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(self.root.as_fd())?)
    }
}

/// Dresses what is open: the owner first, because that takes away set-user-id and capabilities.
pub(crate) fn dress_open(fd: impl std::os::fd::AsFd, dress: &Dress) -> io::Result<()> {
    if let Some((uid, gid)) = dress.owner {
        rustix::fs::fchown(&fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    if let Some(mode) = dress.mode {
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
    }
    for (name, value) in &dress.attributes {
        rustix::fs::fsetxattr(&fd, name.as_str(), value, XattrFlags::empty())?;
    }
    if let Some(times) = times(dress) {
        rustix::fs::futimens(&fd, &times)?;
    }
    Ok(())
}

fn times(dress: &Dress) -> Option<Timestamps> {
    let (tv_sec, tv_nsec) = dress.modified?;
    let time = Timespec { tv_sec, tv_nsec };
    Some(Timestamps { last_access: time, last_modification: time })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn no_name_leads_through_a_symlink_or_over_what_is_there() {
        let outside = std::env::temp_dir().join(format!("stanch-outside-{}", std::process::id()));
        let inside = outside.join("inside");
        fs::create_dir(&outside).unwrap();
        let mut staging = Staging::new(&inside).unwrap();
        // What a snapshot of an intruder would hold: a link, then a folder of the same name, and a
        // file in it.
        staging.link(Path::new("/a"), &outside).unwrap();
        assert!(staging.folder(Path::new("/a")).is_err());
        assert!(staging.file(Path::new("/a/escaped")).is_err());
        assert!(staging.file(Path::new("/a")).is_err());
        assert!(staging.file(Path::new("/../escaped")).is_err());
        assert!(staging.dress_folder(Path::new("/a"), &Dress::default()).is_err());
        assert!(staging.read(Path::new("/a")).is_err());
        assert!(staging.again(Path::new("/a/inside"), Path::new("/b")).is_err());
        staging.folder(Path::new("/b")).unwrap();
        staging.file(Path::new("/b/file")).unwrap().write_all(b"whole").unwrap();
        assert_eq!(fs::read(inside.join("b/file")).unwrap(), b"whole");
        let left: Vec<_> = fs::read_dir(&outside).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(matches!(Staging::new(&inside), Err(RestoreError::NotEmpty { .. })));
        fs::remove_dir_all(&outside).unwrap();
    }
}
