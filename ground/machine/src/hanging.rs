//! What hangs together: once one path did not answer, what else will not.
//!
//! ```text
//!   /mnt/data/a/b  no answer ─► lies on the mount /mnt/data (nfs4) ─► all of /mnt/data, and every
//!                               /proc/PID/{exe,cwd,root,fd,…} that leads there, is left out
//!   /proc/9/cmdline no answer ─► whatever needs the memory of process 9 is left out
//! ```
//!
//! Only a file system that waits for another computer or a program hangs as a whole. On a local
//! disk a slow path says nothing of the others, and stays alone.
//!
//! Source: proc_pid_mountinfo(5), proc_pid_exe(5); fs/proc/base.c and task_mmu.c (what takes a
//! process's memory lock or reads its pages).

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{self, Mode, OFlags};

/// Something that does not answer as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A mount, by its mount point.
    Mount(PathBuf),
    /// The memory of a process, by its directory in /proc (ours or the fresh one).
    Memory(PathBuf),
    /// The memory of any process.
    EveryMemory,
}

/// Returns whether a file system of a kind can wait for another computer or a program.
pub fn may_hang(kind: &[u8]) -> bool {
    const REMOTE: &[&[u8]] = &[
        b"9p",
        b"afs",
        b"autofs",
        b"beegfs",
        b"ceph",
        b"cifs",
        b"coda",
        b"davfs",
        b"glusterfs",
        b"lustre",
        b"ncpfs",
        b"nfs",
        b"nfs4",
        b"orangefs",
        b"pvfs2",
        b"smb3",
        b"smbfs",
        b"virtiofs",
        b"vboxsf",
    ];
    kind.starts_with(b"fuse") || REMOTE.contains(&kind)
}

/// Returns the place that a path which did not answer lies on. Nothing is asked here that could
/// hang: our own mount list, symlinks of local file systems, and where a process's links lead.
pub(crate) fn place_of(path: &Path) -> Option<Place> {
    if let Some(directory) = needs_memory(path) {
        return Some(Place::Memory(directory));
    }
    reached(path, true, &mounts_that_may()).map(Place::Mount)
}

/// Returns every place that may hang.
pub(crate) fn suspects() -> Vec<Place> {
    let mut places: Vec<Place> = mounts_that_may().into_iter().map(Place::Mount).collect();
    places.push(Place::EveryMemory);
    places
}

fn mounts_that_may() -> Vec<PathBuf> {
    mounts().into_iter().filter_map(|(at, may)| may.then_some(at)).collect()
}

/// Returns which of the places that do not answer an operation would meet: one on the path as it
/// stands, or also on what its last symlink leads to.
pub(crate) fn met<'a>(
    path: &Path,
    follow: bool,
    places: impl Iterator<Item = &'a Place>,
) -> Option<Place> {
    let mut mounts = Vec::new();
    let memory = needs_memory(path);
    for place in places {
        match place {
            Place::Memory(directory) if memory.as_ref() == Some(directory) => {
                return Some(place.clone());
            }
            Place::EveryMemory if memory.is_some() => return memory.map(Place::Memory),
            Place::Memory(_) | Place::EveryMemory => {}
            Place::Mount(at) => mounts.push(at.clone()),
        }
    }
    if mounts.is_empty() {
        return None;
    }
    reached(path, follow, &mounts).map(Place::Mount)
}

/// Follows a path step by step until it comes to one of some mounts.
fn reached(path: &Path, follow: bool, mounts: &[PathBuf]) -> Option<PathBuf> {
    let on = |path: &Path| mounts.iter().find(|at| path.starts_with(at)).cloned();
    let mut left: Vec<PathBuf> = steps(path);
    let mut at = PathBuf::from("/");
    let mut links = 0_u32;
    while let Some(step) = left.pop() {
        if step.as_os_str() == ".." {
            at.pop();
            continue;
        }
        at.push(step);
        if let Some(found) = on(&at) {
            return Some(found);
        }
        if left.is_empty() && !follow {
            return None;
        }
        let Ok(target) = fs::readlinkat(fs::CWD, &at, Vec::new()) else { continue };
        links = links.saturating_add(1);
        if links > 40 {
            return None;
        }
        let target = PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes()));
        // `socket:[1]` and the like of a process's descriptors are no paths.
        if at.starts_with("/proc") && !target.is_absolute() && left.is_empty() {
            return None;
        }
        at.pop();
        if target.is_absolute() {
            at = PathBuf::from("/");
        }
        left.extend(steps(&target));
    }
    None
}

/// Returns a path's parts, last first.
fn steps(path: &Path) -> Vec<PathBuf> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(_) | Component::ParentDir => Some(PathBuf::from(part.as_os_str())),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut parts: Vec<PathBuf> = parts.collect();
    parts.reverse();
    parts
}

/// Returns a process's directory if a file of it waits for the process's pages or memory lock.
fn needs_memory(path: &Path) -> Option<PathBuf> {
    const FILES: [&str; 9] = [
        "auxv",
        "cmdline",
        "environ",
        "map_files",
        "maps",
        "mem",
        "numa_maps",
        "smaps",
        "smaps_rollup",
    ];
    let root = ["/proc", "/proc (fresh)"].into_iter().find(|root| path.starts_with(root))?;
    let mut parts = path.strip_prefix(root).ok()?.iter();
    let pid = parts.next()?;
    let is_number = pid.as_bytes().iter().all(u8::is_ascii_digit);
    let name = match parts.next()? {
        task if task == "task" => parts.nth(1)?,
        name => name,
    };
    let needs = is_number && FILES.iter().any(|file| name == *file);
    needs.then(|| Path::new(root).join(pid))
}

/// Returns our mount points, and whether each is of a kind that may hang.
fn mounts() -> Vec<(PathBuf, bool)> {
    let mut bytes = Vec::new();
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    if let Ok(file) = fs::open("/proc/self/mountinfo", flags, Mode::empty()) {
        use std::os::fd::AsFd as _;
        // What was read before an error is as good as nothing: paths then hang one by one.
        let _partly =
            crate::tree::read_capped(file.as_fd(), crate::limits::PSEUDO_FILE, &mut bytes);
    }
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Vec<(PathBuf, bool)> {
    let one = |line: &[u8]| {
        let mut words = line.split(|&byte| byte == b' ');
        let at = unescaped(words.nth(4)?);
        words.find(|word| *word == b"-")?;
        let kind = words.next()?;
        Some((PathBuf::from(OsStr::from_bytes(&at)), may_hang(kind)))
    };
    bytes.split(|&byte| byte == b'\n').filter_map(one).collect()
}

/// Undoes the kernel's octal escapes (space, tab, line end, backslash).
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .first_chunk::<3>()
            .filter(|_| first == b'\\')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        out.push(code.unwrap_or(first));
        rest = if code.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    out
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
mod tests {
    use super::*;

    #[test]
    fn mounts_that_wait_for_others_are_told_from_local_ones() {
        let text = b"22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
            40 22 0:44 / /mnt/a\\040b rw,relatime shared:9 - nfs4 nas:/x rw,vers=4.2\n\
            41 22 0:45 / /mnt/f rw - fuse.sshfs you@there: rw\n\
            cut";
        let expected = [("/", false), ("/mnt/a b", true), ("/mnt/f", true)];
        assert_eq!(parse(text), expected.map(|(at, bad)| (PathBuf::from(at), bad)));
    }

    #[test]
    fn everything_below_a_mount_and_behind_a_link_to_it_is_met_and_nothing_beside_it() {
        let folder = std::env::temp_dir().join(format!("hanging-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        std::os::unix::fs::symlink("away/./x/../", folder.join("link")).unwrap();
        std::os::unix::fs::symlink("round", folder.join("round")).unwrap();
        let away = Place::Mount(folder.join("away"));
        let met = |name: &str, follow| met(&folder.join(name), follow, std::iter::once(&away));
        for (name, follow, is_met) in [
            ("away", false, true),
            ("away/deep/down", false, true),
            ("link/file", false, true),
            ("link", true, true),
            ("link", false, false),
            ("away2", true, false),
            ("round/x", true, false),
            ("beside/away", true, false),
        ] {
            assert_eq!(met(name, follow).is_some(), is_met, "{name} {follow}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_process_whose_program_or_descriptor_lies_there_is_met() {
        let exe = std::env::current_exe().unwrap();
        let there = Place::Mount(exe.parent().unwrap().canonicalize().unwrap());
        let met = |path: &str, follow| met(Path::new(path), follow, std::iter::once(&there));
        assert_eq!(met("/proc/self/exe", true), Some(there.clone()));
        assert_eq!(met("/proc/self/exe", false), None);
        assert_eq!(met("/proc/self/status", true), None);
        assert_eq!(met("/proc/1", true), None);
    }

    #[test]
    fn what_needs_the_memory_of_a_process_hangs_together() {
        let memory = |path: &str| place_of(Path::new(path));
        let nine = Some(Place::Memory("/proc/9".into()));
        assert_eq!(memory("/proc/9/cmdline"), nine);
        assert_eq!(memory("/proc/9/task/11/environ"), nine);
        assert_eq!(memory("/proc (fresh)/9/maps"), Some(Place::Memory("/proc (fresh)/9".into())));
        assert_eq!(memory("/proc/cmdline"), None);
        assert_eq!(memory("/proc/9/status"), None);
        let place = Place::Memory("/proc/9".into());
        let met = |path: &str| met(Path::new(path), true, std::iter::once(&place)).is_some();
        assert!(met("/proc/9/environ") && !met("/proc/9/stat") && !met("/proc/99/environ"));
    }
}
