//! Walks over directory trees, capped, without following symlinks and without entering file
//! systems that are not storage (proc, sysfs) or may hang (network, FUSE).

use std::path::{Path, PathBuf};

use stanch_machine::{Entry, FileKind, Listing, Miss, Stat};
use stanch_words::{Gap, GapKind, Seen, Value};

use crate::Host;

/// File systems that are no storage, by the kernel's magic numbers (linux/magic.h): proc, sysfs,
/// devpts, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, autofs.
const NO_STORAGE: [i64; 10] = [
    0x9fa0,
    0x6265_6572,
    0x1cd1,
    0x0027_e0eb,
    0x6367_7270,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x0187,
];

/// File systems with the files of another machine or of a program, which may hang: NFS, SMB, CIFS,
/// SMB2, AFS, Coda, Ceph, 9P; FUSE.
const REMOTE: [i64; 9] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x5346_414f,
    0x7375_7245,
    0x00c3_6400,
    0x0102_1997,
    0x6573_5546,
];

/// What a file system holds, as far as a walk must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Files of this machine.
    Storage,
    /// Files of another machine or of a program.
    Remote,
    /// What the kernel makes up.
    NoStorage,
}

impl Holds {
    /// Judges by the kernel's magic number.
    pub fn of(magic: i64) -> Self {
        match magic {
            _ if REMOTE.contains(&magic) => Self::Remote,
            _ if NO_STORAGE.contains(&magic) => Self::NoStorage,
            _ => Self::Storage,
        }
    }
}

/// How far a walk goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// The table that walks: gaps carry its name.
    pub(crate) table: &'static str,
    /// How many directories deep; 1 is the root's own entries.
    pub(crate) depth: usize,
    /// How many entries are looked at below each root.
    pub(crate) most: usize,
    /// Whether files are described, or only directories.
    pub(crate) describe: Describe,
    /// Directories that are not entered.
    pub(crate) except: &'static [&'static str],
}

/// What a walk asks of the entries it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Describe {
    /// Only directories are described.
    Directories,
    /// Regular files too.
    Files,
}

/// What a walk meets.
#[derive(Debug)]
pub(crate) struct Met<'a> {
    /// The directory.
    pub(crate) directory: &'a Path,
    /// The entry in it.
    pub(crate) entry: &'a Entry,
    /// What it is like, where the walk describes it.
    pub(crate) stat: Option<Stat>,
}

impl Met<'_> {
    /// Returns the whole path.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(&self.entry.name)
    }
}

/// Who looks at what a walk meets.
pub(crate) trait Visitor {
    /// A directory was listed; it is this before its entries are met.
    fn directory(&mut self, path: &Path, stat: &Stat, listing: &Listing, seen: &mut Seen);

    /// An entry, a directory too.
    fn entry(&mut self, met: &Met<'_>, seen: &mut Seen);
}

/// Looks only at entries.
struct Entries<'a>(&'a mut dyn FnMut(&Met<'_>, &mut Seen));

impl Visitor for Entries<'_> {
    fn directory(&mut self, _: &Path, _: &Stat, _: &Listing, _: &mut Seen) {}

    fn entry(&mut self, met: &Met<'_>, seen: &mut Seen) {
        (self.0)(met, seen);
    }
}

impl Walk {
    /// Calls `each` for every entry below some roots, directories too.
    pub(crate) fn entries(
        self,
        host: &Host,
        roots: &[PathBuf],
        seen: &mut Seen,
        each: &mut dyn FnMut(&Met<'_>, &mut Seen),
    ) {
        self.visit(host, roots, seen, &mut Entries(each));
    }

    /// Shows a visitor every directory and every entry below some roots.
    pub(crate) fn visit(
        self,
        host: &Host,
        roots: &[PathBuf],
        seen: &mut Seen,
        visitor: &mut dyn Visitor,
    ) {
        for root in top_most(host, roots) {
            let mut left = self.most;
            let Ok(stat) = host.machine().stat(&root) else { continue };
            if !enters(host, &root) {
                continue;
            }
            let mut stack = vec![(root.clone(), 1, stat)];
            while let Some((directory, depth, own)) = stack.pop() {
                let listing = host.listing(self.table, &directory, seen);
                visitor.directory(&directory, &own, &listing, seen);
                let mut entries = listing.entries;
                let full = entries.len() > left;
                if full {
                    entries.truncate(left);
                    let detail = format!("only the first {} entries were looked at", self.most);
                    let at = Value::from(root.as_path()).to_string();
                    seen.gap(Gap::new(self.table, GapKind::Truncated, detail).at(at));
                }
                left = left.saturating_sub(entries.len());
                let mut stats = self.stats(host, &directory, &entries, seen).into_iter().peekable();
                for (place, entry) in entries.iter().enumerate() {
                    let stat = stats.next_if(|(described, _)| *described == place);
                    let met = Met { directory: &directory, entry, stat: stat.and_then(|s| s.1) };
                    if let Some(stat) = &met.stat
                        && stat.kind() == FileKind::Directory
                        && depth < self.depth
                    {
                        let path = met.path();
                        if self.goes_on(host, &path, stat.device == own.device) {
                            stack.push((path, depth.saturating_add(1), *stat));
                        }
                    }
                    visitor.entry(&met, seen);
                }
                if full {
                    break;
                }
            }
        }
    }

    /// Describes entries of a directory, by their places in it.
    fn stats(
        self,
        host: &Host,
        directory: &Path,
        entries: &[Entry],
        seen: &mut Seen,
    ) -> Vec<(usize, Option<Stat>)> {
        let wanted = |entry: &Entry| match entry.kind {
            FileKind::Directory | FileKind::Unknown => true,
            FileKind::Regular => self.describe == Describe::Files,
            _ => false,
        };
        let (places, names): (Vec<usize>, Vec<&std::ffi::OsStr>) = entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| wanted(entry))
            .map(|(place, entry)| (place, entry.name.as_os_str()))
            .unzip();
        let stats = host.machine().lstat_each(directory, &names);
        let mut told = |result: Result<Stat, Miss>| match result {
            Ok(stat) => Some(stat),
            Err(miss) => {
                crate::host::note(self.table, &miss, seen);
                None
            }
        };
        places.into_iter().zip(stats).map(|(place, stat)| (place, told(stat))).collect()
    }

    fn goes_on(self, host: &Host, path: &Path, same_device: bool) -> bool {
        let left_out = self.except.iter().any(|except| path == Path::new(except));
        !left_out && (same_device || enters(host, path))
    }
}

fn enters(host: &Host, path: &Path) -> bool {
    let Some(kernel) = host.machine().kernel() else { return true };
    kernel.file_system(path).is_ok_and(|system| Holds::of(system.magic) == Holds::Storage)
}

/// Returns roots with symlinks followed, without those that lie below another.
fn top_most(host: &Host, roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
    for root in roots.iter().filter_map(|root| host.machine().resolve(root).ok()) {
        if !all.contains(&root) {
            all.push(root);
        }
    }
    let below = |root: &PathBuf| all.iter().any(|other| other != root && root.starts_with(other));
    all.iter().filter(|root| !below(root)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn walk(depth: usize, most: usize) -> (Vec<String>, Seen) {
        let machine = Pretend::new()
            .link("/bin", "usr/bin")
            .file("/usr/bin/a", "four")
            .file("/usr/skipped/c", "")
            .file("/usr/lib/deep/er/b", "")
            .link("/usr/loop", "/usr");
        let host = Host::new(std::sync::Arc::new(machine));
        let (mut found, mut seen) = (Vec::new(), Seen::default());
        let roots = ["/bin", "/usr", "/none"].map(PathBuf::from);
        let describe = Describe::Files;
        let walk = Walk { table: "walk", depth, most, describe, except: &["/usr/skipped"] };
        walk.entries(&host, &roots, &mut seen, &mut |met, _| {
            let size = met.stat.map_or_else(String::new, |stat| stat.size.to_string());
            found.push(format!("{} {size}", met.path().display()));
        });
        (found, seen)
    }

    #[test]
    fn each_entry_is_met_once_and_loops_are_not_followed() {
        let (mut found, seen) = walk(10, 100);
        found.sort();
        let all = [
            "/usr/bin 0",
            "/usr/bin/a 4",
            "/usr/lib 0",
            "/usr/lib/deep 0",
            "/usr/lib/deep/er 0",
            "/usr/lib/deep/er/b 0",
            "/usr/loop ",
            "/usr/skipped 0",
        ];
        assert_eq!(found, all);
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn a_cap_reached_is_a_gap() {
        let (found, seen) = walk(10, 2);
        assert_eq!((found.len(), seen.gaps.len()), (2, 1));
        assert_eq!(walk(1, 100).0.len(), 4);
    }
}
