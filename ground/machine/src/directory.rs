//! A directory held open, so that many small files are read by short names.
//!
//! A descriptor of `/proc/PID` also stays with that one process: once it has ended, every read
//! through it fails, even if the kernel gives the number to another process.

use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;

use crate::entries;
use crate::tree::{Tree, from_statx};
use crate::{Listing, Machine, Miss, Stat};

/// A directory whose files are read by names relative to it.
pub trait Directory {
    /// Reads a file into a buffer, which is emptied first; returns whether there was more than
    /// the cap.
    fn read(&self, name: &str, cap: u64, bytes: &mut Vec<u8>) -> Result<bool, Miss>;

    /// Reads once at an offset, as far as the buffer goes; returns how many bytes there were.
    fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, Miss>;

    /// Returns where a symlink points, as written.
    fn read_link(&self, name: &str) -> Result<PathBuf, Miss>;

    /// Puts where a symlink points into a buffer, which is emptied first.
    fn link_into(&self, name: &str, target: &mut Vec<u8>) -> Result<(), Miss> {
        let link = self.read_link(name)?;
        target.clear();
        target.extend_from_slice(link.as_os_str().as_encoded_bytes());
        Ok(())
    }

    /// Describes a file, following symlinks (also the magic ones of procfs).
    fn stat(&self, name: &str) -> Result<Stat, Miss>;

    /// Lists a directory without `.` and `..`, in the order of names.
    fn list(&self, name: &str) -> Result<Listing, Miss>;
}

/// The way of a machine that has no descriptors: whole paths.
pub(crate) struct ByPath<'a, M: ?Sized> {
    pub(crate) machine: &'a M,
    pub(crate) path: PathBuf,
}

impl<M: Machine + ?Sized> Directory for ByPath<'_, M> {
    fn read(&self, name: &str, cap: u64, bytes: &mut Vec<u8>) -> Result<bool, Miss> {
        let contents = self.machine.read(&self.path.join(name), cap)?;
        *bytes = contents.bytes;
        Ok(contents.truncated)
    }

    fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, Miss> {
        let cap = offset.saturating_add(buffer.len() as u64);
        let contents = self.machine.read(&self.path.join(name), cap)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = contents.bytes.get(start..).unwrap_or_default();
        let most = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(most)
    }

    fn read_link(&self, name: &str) -> Result<PathBuf, Miss> {
        self.machine.read_link(&self.path.join(name))
    }

    fn stat(&self, name: &str) -> Result<Stat, Miss> {
        self.machine.stat(&self.path.join(name))
    }

    fn list(&self, name: &str) -> Result<Listing, Miss> {
        self.machine.list(&self.path.join(name))
    }
}

/// The live way: a descriptor.
pub(crate) struct ByDescriptor<'a> {
    tree: &'a Tree,
    directory: OwnedFd,
    path: PathBuf,
}

impl<'a> ByDescriptor<'a> {
    pub(crate) fn open(tree: &'a Tree, path: &Path) -> Result<Self, Miss> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let _guard = tree.guard(path)?;
        let directory =
            fs::open(path, flags, Mode::empty()).map_err(|errno| Miss::from_errno(errno, path))?;
        Ok(Self { tree, directory, path: path.to_owned() })
    }

    /// Opens a pseudo file; the access time of procfs and sysfs is nobody's evidence.
    fn with<T>(
        &self,
        name: &str,
        flags: OFlags,
        work: impl FnOnce(OwnedFd) -> Result<T, Errno>,
    ) -> Result<T, Miss> {
        let path = self.path.join(name);
        let _guard = self.tree.guard(&path)?;
        let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        fs::openat(&self.directory, name, flags, Mode::empty())
            .and_then(work)
            .map_err(|errno| Miss::from_errno(errno, &path))
    }
}

/// Files of `/proc/PID` that the kernel gives whole in one read (`single_open` and friends,
/// fs/proc/base.c): a short read is their end. The others are tables, given a page at a time.
fn is_given_whole(name: &str) -> bool {
    matches!(
        name.rsplit('/').next().unwrap_or(name),
        "stat"
            | "status"
            | "cmdline"
            | "comm"
            | "statm"
            | "io"
            | "loginuid"
            | "sessionid"
            | "cgroup"
    )
}

impl Directory for ByDescriptor<'_> {
    fn read(&self, name: &str, cap: u64, bytes: &mut Vec<u8>) -> Result<bool, Miss> {
        bytes.clear();
        bytes.reserve(4096);
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        let whole = is_given_whole(name);
        self.with(name, OFlags::RDONLY, |file| {
            loop {
                let room = bytes.capacity().saturating_sub(bytes.len());
                let read = match rustix::io::read(&file, rustix::buffer::spare_capacity(bytes)) {
                    Err(Errno::INTR) => continue,
                    Err(Errno::AGAIN) => return Ok(false),
                    other => other?,
                };
                if bytes.len() > cap {
                    bytes.truncate(cap);
                    return Ok(true);
                }
                if read == 0 || (whole && read < room) {
                    return Ok(false);
                }
                if bytes.capacity().saturating_sub(bytes.len()) < 4096 {
                    bytes.reserve(bytes.len().clamp(4096, 256 << 10));
                }
            }
        })
    }

    fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, Miss> {
        self.with(name, OFlags::RDONLY, |file| rustix::io::pread(&file, buffer, offset))
    }

    fn link_into(&self, name: &str, target: &mut Vec<u8>) -> Result<(), Miss> {
        target.clear();
        target.reserve(256);
        let room = target.capacity();
        let spare = rustix::buffer::spare_capacity(target);
        match fs::readlinkat_raw(&self.directory, name, spare) {
            Ok(length) if length < room => Ok(()),
            // As long as the room: perhaps longer.
            Ok(_) => {
                *target = self.read_link(name)?.into_os_string().into_vec();
                Ok(())
            }
            Err(errno) => Err(Miss::from_errno(errno, &self.path.join(name))),
        }
    }

    fn read_link(&self, name: &str) -> Result<PathBuf, Miss> {
        let target = fs::readlinkat(&self.directory, name, Vec::with_capacity(256))
            .map_err(|errno| Miss::from_errno(errno, &self.path.join(name)))?;
        Ok(PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes())))
    }

    fn stat(&self, name: &str) -> Result<Stat, Miss> {
        let path = self.path.join(name);
        let _guard = self.tree.guard(&path)?;
        let mask = StatxFlags::BASIC_STATS;
        fs::statx(self.directory.as_fd(), name, AtFlags::empty(), mask)
            .map(from_statx)
            .map_err(|errno| Miss::from_errno(errno, &path))
    }

    fn list(&self, name: &str) -> Result<Listing, Miss> {
        self.with(name, OFlags::RDONLY | OFlags::DIRECTORY, |directory| entries::list(&directory))
    }
}
