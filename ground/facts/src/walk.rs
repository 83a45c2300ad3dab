//! Walks over directory trees, capped, without following symlinks and without entering file
//! systems that are not storage (proc, sysfs) or may hang (network, FUSE).

use std::path::{Path, PathBuf};

use stanch_machine::{Entry, FileKind};
use stanch_words::{Gap, GapKind, Seen, Value};

use crate::Host;

/// File systems that a walk does not enter, by the kernel's magic numbers (linux/magic.h):
/// proc, sysfs, devpts, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, autofs; NFS, SMB, CIFS,
/// SMB2, AFS, Coda, Ceph, 9P; FUSE.
const NOT_ENTERED: &[i64] = &[
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

/// How far a walk goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// The table that walks: gaps carry its name.
    pub(crate) table: &'static str,
    /// How many directories deep; 1 is the root's own entries.
    pub(crate) depth: usize,
    /// How many entries are looked at in all.
    pub(crate) most: usize,
}

impl Walk {
    /// Calls `each` for every entry below some roots, directories too.
    pub(crate) fn entries(
        self,
        host: &Host,
        roots: &[PathBuf],
        seen: &mut Seen,
        each: &mut dyn FnMut(PathBuf, &Entry, &mut Seen),
    ) {
        let mut left = self.most;
        for root in top_most(host, roots) {
            let Ok(device) = host.machine().stat(&root).map(|stat| stat.device) else { continue };
            if !enters(host, &root) {
                continue;
            }
            let mut stack = vec![(root, 1, device)];
            while let Some((directory, depth, device)) = stack.pop() {
                for entry in host.list(self.table, &directory, seen) {
                    let Some(fewer) = left.checked_sub(1) else {
                        let detail = format!("only the first {} entries were looked at", self.most);
                        let at = Value::from(directory.as_path()).to_string();
                        seen.gap(Gap::new(self.table, GapKind::Truncated, detail).at(at));
                        return;
                    };
                    left = fewer;
                    let path = directory.join(&entry.name);
                    if entry.kind == FileKind::Directory
                        && depth < self.depth
                        && let Some(device) = self.below(host, &path, device)
                    {
                        stack.push((path.clone(), depth.saturating_add(1), device));
                    }
                    each(path, &entry, seen);
                }
            }
        }
    }

    /// Returns a directory's device if the walk goes on there.
    fn below(self, host: &Host, path: &Path, device: u64) -> Option<u64> {
        let below = host.machine().lstat(path).ok()?.device;
        (below == device || enters(host, path)).then_some(below)
    }
}

fn enters(host: &Host, path: &Path) -> bool {
    let Some(kernel) = host.machine().kernel() else { return true };
    kernel.file_system(path).is_ok_and(|system| !NOT_ENTERED.contains(&system.magic))
}

/// Returns roots with symlinks followed, without those that lie below another.
fn top_most(host: &Host, roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        roots.iter().filter_map(|root| host.machine().resolve(root).ok()).collect();
    found.sort();
    found.dedup();
    let all = found.clone();
    found.retain(|root| !all.iter().any(|other| other != root && root.starts_with(other)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn walk(depth: usize, most: usize) -> (Vec<String>, Seen) {
        let machine = Pretend::new()
            .link("/bin", "usr/bin")
            .file("/usr/bin/a", "")
            .file("/usr/lib/deep/er/b", "")
            .link("/usr/loop", "/usr");
        let host = Host::new(std::sync::Arc::new(machine));
        let (mut found, mut seen) = (Vec::new(), Seen::default());
        let roots = ["/bin", "/usr", "/none"].map(PathBuf::from);
        let walk = Walk { table: "walk", depth, most };
        walk.entries(&host, &roots, &mut seen, &mut |path, _, _| {
            found.push(path.display().to_string());
        });
        (found, seen)
    }

    #[test]
    fn each_entry_is_met_once_and_loops_are_not_followed() {
        let (mut found, seen) = walk(10, 100);
        found.sort();
        let all = [
            "/usr/bin",
            "/usr/bin/a",
            "/usr/lib",
            "/usr/lib/deep",
            "/usr/lib/deep/er",
            "/usr/lib/deep/er/b",
            "/usr/loop",
        ];
        assert_eq!(found, all);
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn a_cap_reached_is_a_gap() {
        let (found, seen) = walk(10, 2);
        assert_eq!((found.len(), seen.gaps.len()), (2, 1));
        assert_eq!(walk(1, 100).0.len(), 3);
    }
}
