//! Every file of the machine, directory by directory, as the file system tells of it.
//!
//! No symlink is followed; what the kernel makes up, or what lies on another machine, is not
//! entered.

use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Machine, Miss, Stat};
use stanch_words::FileTimes;

use crate::Holds;

/// A file that a directory holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What it is like.
    pub times: FileTimes<'static>,
    /// The device that it is on.
    pub device: u64,
}

/// What one directory holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// What is in it, directories too.
    pub files: Vec<Found>,
    /// The directories in it that are to be entered, with their devices.
    pub below: Vec<(PathBuf, u64)>,
    /// What could not be looked at.
    pub misses: Vec<Miss>,
}

impl Listed {
    /// Returns what a directory holds that could not be looked at.
    pub fn missed(miss: Miss) -> Self {
        Self { misses: vec![miss], ..Self::default() }
    }
}

/// Lists a directory that is on a device, and describes what is in it.
pub fn list(machine: &dyn Machine, directory: &Path, device: u64) -> Listed {
    let listing = match machine.list(directory) {
        Ok(listing) => listing,
        Err(miss) => return Listed::missed(miss),
    };
    let mut listed = Listed::default();
    if listing.truncated {
        let kind = stanch_words::GapKind::Truncated;
        listed.misses.push(Miss::new(kind, "too many entries", directory));
    }
    let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.as_os_str()).collect();
    for (name, stat) in names.iter().zip(machine.lstat_each(directory, &names)) {
        let stat = match stat {
            Ok(stat) => stat,
            Err(miss) => {
                listed.misses.push(miss);
                continue;
            }
        };
        let path = directory.join(name);
        if stat.kind() == FileKind::Directory
            && enters(machine, &path, &stat, device, &mut listed.misses)
        {
            listed.below.push((path.clone(), stat.device));
        }
        let target = (stat.kind() == FileKind::Symlink)
            .then(|| machine.read_link(&path).ok())
            .flatten()
            .map(|target| target.into_os_string().into_vec().into());
        let path = path.into_os_string().into_vec().into();
        listed.files.push(Found { times: times(path, target, &stat), device: stat.device });
    }
    listed
}

fn times<'l>(
    path: std::borrow::Cow<'l, [u8]>,
    target: Option<std::borrow::Cow<'l, [u8]>>,
    stat: &Stat,
) -> FileTimes<'l> {
    FileTimes {
        path,
        target,
        inode: stat.inode,
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        size: stat.size,
        modified: stat.modified,
        accessed: stat.accessed,
        changed: stat.changed,
        // Where a file system does not keep it, some kernels say 1970.
        born: stat.born.filter(|born| *born > 0),
    }
}

fn enters(
    machine: &dyn Machine,
    path: &Path,
    stat: &Stat,
    device: u64,
    misses: &mut Vec<Miss>,
) -> bool {
    if stat.device == device {
        return true;
    }
    match machine.magic(path) {
        Ok(magic) => magic.is_none_or(|magic| Holds::of(magic) == Holds::Storage),
        Err(miss) => {
            misses.push(miss);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_directory_tells_of_its_files_its_links_and_what_is_below() {
        let machine =
            Pretend::new().file("/a/b", "four").link("/a/link", "../c").file("/a/d/e", "");
        let listed = list(&machine, Path::new("/a"), 0);
        assert_eq!(listed.misses, []);
        let told = |found: &Found| {
            let file = &found.times;
            let target = file.target.as_deref().map(stanch_words::text::from_bytes);
            (stanch_words::text::from_bytes(&file.path), target)
        };
        let told: Vec<_> = listed.files.iter().map(told).collect();
        let expected = [("/a/b", None), ("/a/d", None), ("/a/link", Some("../c"))];
        let expected = expected.map(|(path, to)| (path.to_owned(), to.map(str::to_owned)));
        assert_eq!(told, expected);
        assert_eq!(listed.files[0].times.size, 4);
        assert_eq!(listed.below, [(PathBuf::from("/a/d"), 0)]);
        let missing = list(&machine, Path::new("/none"), 0);
        assert_eq!((missing.files.len(), missing.misses.len()), (0, 1));
    }
}
