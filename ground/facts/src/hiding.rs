//! What lies on the disk and is made to be overlooked: one walk looks for all of it.
//!
//! ```text
//!                 ┌▶ the answer itself: bytes that no kernel leaves in it
//! each directory ─┼▶ its count of links beside the directories that it lists
//!                 └▶ its blocks on the device beside the names that it lists
//!                 ┌▶ a name that tricks the eye
//! each entry     ─┼▶ times that cannot be, or were set
//!                 └▶ what cannot be changed (`chattr +i`, `+a`)
//! names from package lists, running programs, accounts ─▶ opened by name, though not listed
//! ```
//!
//! Every question about a hidden entry has three answers: the views agree, they disagree, or one
//! could not be asked, which is a gap. A disagreement is asked about twice more.
//!
//! Source: getdents64(2), statx(2), ioctl_iflags(2); Documentation/filesystems/ext4.

mod doubt;
pub(crate) mod ext4;
pub(crate) mod names;
mod raw;
pub(crate) mod times;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::{FileKind, Listing, Stat};
use stanch_words::{Gap, Seen};

use crate::Host;
use crate::packages::{self, Index};
use crate::scan::Scope;
use crate::tables::hidden_files;
use crate::walk::{Describe, Met, Visitor, Walk};
pub(crate) use doubt::{Doubt, How, LOOKS};
use times::Times;

/// Where is looked, if not everywhere.
const ROOTS: [&str; 16] = [
    "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/root", "/dev", "/tmp", "/run",
    "/opt", "/srv", "/var", "/home", "/media",
];

/// Root file systems of containers, which have names and times of their own.
const CONTAINERS: &[&str] = &[
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/incus",
    "/var/lib/machines",
    "/var/lib/kubelet",
    "/var/lib/snapd",
];

/// How many entries are looked at below each root, and how many odd ones are kept of a kind.
const ENTRIES: usize = 500_000;
const MOST: usize = 10_000;

/// Where programs are looked for by their names.
const PROGRAMS: [&str; 6] =
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// A name that tricks the eye.
#[derive(Clone, Debug)]
pub(crate) struct OddName {
    pub(crate) path: PathBuf,
    pub(crate) kind: FileKind,
    pub(crate) stat: Option<Stat>,
    /// What is odd, joined by commas.
    pub(crate) odd: String,
    /// The name of a shipped program that it looks like.
    pub(crate) looks_like: String,
    pub(crate) package: String,
}

/// What the walk found.
#[derive(Debug, Default)]
pub(crate) struct Hiding {
    pub(crate) names: Vec<OddName>,
    pub(crate) times: Vec<times::OddTime>,
    /// What cannot be changed, or only grow; with its package.
    pub(crate) locked: Vec<(PathBuf, Stat, String)>,
    pub(crate) hidden: Vec<Doubt>,
    /// What could not be seen; no table is named.
    gaps: Vec<Gap>,
    /// Which views could not be asked about hidden entries.
    unasked: Vec<Gap>,
}

impl Hiding {
    /// Returns it, found at the first call; the gaps are left in the table.
    pub(crate) fn of(host: &Host, table: &str, seen: &mut Seen) -> Arc<Self> {
        let found = host.once_with_beats(|host, beat| {
            let mut seen = Seen::default();
            let mut found = look(host, beat, &mut seen);
            found.gaps = seen.gaps;
            found
        });
        let unasked = if table == hidden_files::SPEC.name { &found.unasked[..] } else { &[] };
        for gap in found.gaps.iter().chain(unasked) {
            seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
        }
        found
    }
}

/// Looks everywhere, or in the usual places.
fn look(host: &Host, beat: &crate::host::Beat, seen: &mut Seen) -> Hiding {
    let index = packages::index(host);
    let everywhere = host
        .made::<Scope>()
        .is_some_and(|scope| scope.roots.iter().any(|root| root == Path::new("/")));
    let (roots, most) = if everywhere {
        (vec![PathBuf::from("/")], usize::MAX)
    } else {
        (ROOTS.iter().map(PathBuf::from).collect(), ENTRIES)
    };
    let mut looking = Looking {
        index: &index,
        beat,
        raw: raw::Views::new(host),
        times: Times::new(host, &index),
        programs: shipped_programs(&index),
        met: Vec::new(),
        found: Hiding::default(),
        left_out: 0,
    };
    let except = if everywhere { &[] } else { CONTAINERS };
    let walk = Walk { table: "", depth: 64, most, describe: Describe::Files, except };
    walk.visit(host, &roots, seen, &mut looking);
    let Looking { mut found, times, met, raw, left_out, .. } = looking;
    if left_out > 0 {
        let detail = format!("{left_out} more odd names or flags are not listed");
        seen.gap(Gap::new("", stanch_words::GapKind::Truncated, detail));
    }
    found.times = times.judged(host, seen);
    let mut unasked = Seen::default();
    let mut doubts = raw.done(&mut unasked);
    doubts.extend(doubt::by_name(host, &index, met, &mut unasked));
    doubts.extend(doubt::by_content(host, &mut unasked));
    found.hidden = doubt::confirmed(host, doubts);
    found.unasked = unasked.gaps;
    found
}

/// The walk's eyes.
struct Looking<'a> {
    index: &'a Index,
    beat: &'a crate::host::Beat,
    raw: raw::Views<'a>,
    times: Times,
    /// Shipped programs: as they look, and as they are named.
    programs: std::collections::HashMap<String, Vec<u8>>,
    /// Numbers of the listed paths that were met.
    met: Vec<u32>,
    found: Hiding,
    left_out: u64,
}

impl Visitor for Looking<'_> {
    fn directory(&mut self, path: &Path, stat: &Stat, listing: &Listing, _seen: &mut Seen) {
        self.beat.beat();
        self.times.next_directory();
        self.raw.compare(path, stat, listing);
    }

    fn entry(&mut self, met: &Met<'_>, _seen: &mut Seen) {
        let path = met.path();
        let owner = self.index.owner(&path);
        self.met.extend(owner.as_ref().and_then(|owner| owner.place));
        let package = owner.map(|owner| owner.package.name.clone());
        self.name(met, &path, package.as_deref());
        let Some(stat) = met.stat else { return };
        if stat.immutable || stat.append_only {
            self.lock(path.clone(), stat, package.as_deref());
        }
        if stat.kind() == FileKind::Regular && self.index.is_readable() {
            self.times.meet(&path, &stat, package.is_some());
        }
    }
}

impl Looking<'_> {
    fn name(&mut self, met: &Met<'_>, path: &Path, package: Option<&str>) {
        let name = met.entry.name.as_encoded_bytes();
        let odd = names::oddities(name);
        let mut looks_like = String::new();
        let is_program = PROGRAMS.iter().any(|place| met.directory == Path::new(place));
        if package.is_none() && (is_program || !odd.is_empty()) {
            let as_seen = names::as_seen(&met.entry.name);
            let shipped = self.programs.get(&as_seen).filter(|shipped| **shipped != name);
            looks_like = shipped.map_or_else(String::new, |n| stanch_words::text::from_bytes(n));
        }
        if odd.is_empty() && looks_like.is_empty() {
            return;
        }
        if self.found.names.len() >= MOST {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.found.names.push(OddName {
            path: path.to_owned(),
            kind: met.stat.map_or(met.entry.kind, |stat| stat.kind()),
            stat: met.stat,
            odd: odd.join(","),
            looks_like,
            package: package.unwrap_or_default().to_owned(),
        });
    }

    fn lock(&mut self, path: PathBuf, stat: Stat, package: Option<&str>) {
        if self.found.locked.len() >= MOST {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.found.locked.push((path, stat, package.unwrap_or_default().to_owned()));
    }
}

/// Returns the names of shipped programs, by how they look.
fn shipped_programs(index: &Index) -> std::collections::HashMap<String, Vec<u8>> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut found = std::collections::HashMap::new();
    index.each_path(&mut |_, path, _| {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let Some((above, name)) = path.parent().zip(path.file_name()) else { return };
        if PROGRAMS.iter().any(|place| above == Path::new(place)) {
            found.insert(names::as_seen(name), name.as_bytes().to_vec());
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn found(machine: Pretend) -> (Arc<Hiding>, Seen) {
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        (Hiding::of(&host, "odd_names", &mut seen), seen)
    }

    #[test]
    fn odd_names_and_look_alikes_are_told_and_shipped_names_are_not() {
        let machine = Pretend::new()
            .file("/var/lib/dpkg/status", "")
            .file("/var/lib/dpkg/info/p.list", "/usr/sbin/rsyslogd\n/usr/bin/lz4\n/usr/share/x \n")
            .file("/usr/sbin/rsyslogd", "")
            .file("/usr/sbin/rsysIogd", "")
            .file("/usr/bin/lz4", "")
            .file("/usr/bin/1z4", "")
            .file("/usr/bin/lz5", "")
            .file("/usr/share/x ", "")
            .directory("/dev/...")
            .file("/tmp/rsyslogd ", "");
        let (found, seen) = found(machine);
        let mut told: Vec<String> = found
            .names
            .iter()
            .map(|one| {
                format!("{}|{}|{}|{}", one.path.display(), one.odd, one.looks_like, one.package)
            })
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "/dev/...|only dots and blanks||",
                "/tmp/rsyslogd |blank at an end|rsyslogd|",
                "/usr/bin/1z4||lz4|",
                "/usr/sbin/rsysIogd||rsyslogd|",
                "/usr/share/x |blank at an end||p",
            ]
        );
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn what_cannot_be_changed_is_told_with_its_package() {
        let machine = Pretend::new()
            .file("/var/lib/dpkg/status", "")
            .file("/var/lib/dpkg/info/p.list", "/etc/passwd\n")
            .file("/etc/passwd", "")
            .with("/etc/passwd", |stat| stat.immutable = true)
            .file("/etc/cron.d/x", "")
            .with("/etc/cron.d/x", |stat| stat.append_only = true)
            .file("/etc/hosts", "");
        let (found, _) = found(machine);
        let told: Vec<_> =
            found.locked.iter().map(|(path, _, package)| (path.as_path(), &**package)).collect();
        assert_eq!(told, [(Path::new("/etc/passwd"), "p"), (Path::new("/etc/cron.d/x"), "")]);
    }
}
