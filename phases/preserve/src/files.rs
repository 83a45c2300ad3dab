//! Files by their paths.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use stanch_machine::{FileKind, Stat, limits};
use stanch_rules::{Artifact, pattern};
use stanch_words::{Ask, GapKind, Tables as _, text};

use crate::collect::Collector;
use crate::manifest::{Item, Kind, Status};
use crate::taking::{As, watched};
use crate::walk::{self, Within};

/// Homes of accounts of the system that are everybody's directories.
const NO_HOMES: [&str; 8] =
    ["/", "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/dev", "/proc", "/nonexistent"];

/// What of a pattern is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wants {
    /// Files and what is like them.
    Files,
    /// Directories too, by name.
    Directories,
}

impl Collector<'_> {
    /// Takes all that fits a pattern.
    pub(crate) fn paths(
        &mut self,
        pattern: &str,
        artifact: &Artifact,
        wants: Wants,
    ) -> io::Result<()> {
        // The list of all files has met them on its way.
        if let Some(met) = self.anywhere.get(pattern).cloned() {
            for (path, stat) in met {
                self.file(&path, stat, artifact)?;
            }
            return Ok(());
        }
        let patterns = match pattern.strip_prefix('~') {
            Some(rest) => self.homes().iter().map(|home| format!("{home}{rest}")).collect(),
            None => vec![pattern.to_owned()],
        };
        for pattern in patterns {
            self.pattern(&pattern, artifact, wants)?;
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &str, artifact: &Artifact, wants: Wants) -> io::Result<()> {
        // What is left out for want of room is still named, within reason.
        let most = usize::try_from(artifact.budget.files.saturating_mul(4)).unwrap_or(usize::MAX);
        let own = pattern.to_owned();
        let directories = wants == Wants::Directories;
        let within = Within { most, until: self.until(), directories };
        let looked = watched(self.snapshot, Path::new(pattern), move |host| {
            Ok(walk::meet(host.machine(), &own, within))
        });
        let met = match looked {
            Ok(met) => met,
            Err(miss) => {
                self.gap(miss.kind, &miss.detail, Some(Path::new(pattern)));
                return Ok(());
            }
        };
        for miss in &met.misses {
            let path = Path::new(OsStr::from_bytes(&text::to_bytes(&miss.path))).to_owned();
            if self.known.insert(path.clone()) {
                let item = self.item(&As { name: in_root(&path), method: "open, read" });
                let item = Item { kind: Kind::Unknown, ..item };
                self.missed_by(item, miss, &path)?;
            }
        }
        if met.is_cut {
            self.gap(GapKind::Truncated, "more files than are looked at", Some(Path::new(pattern)));
        }
        if met.is_late {
            self.budget_is_used_up("the budget of time is used up");
        }
        for (path, stat) in met.links.iter().chain(&met.found) {
            self.file(path, *stat, artifact)?;
        }
        Ok(())
    }

    /// Takes one entry of the tree.
    pub(crate) fn file(&mut self, path: &Path, stat: Stat, of: &Artifact) -> io::Result<()> {
        if !self.known.insert(path.to_owned()) {
            return Ok(());
        }
        let named = As { name: in_root(path), method: "open, read" };
        let excluded =
            self.options.exclude.iter().any(|one| pattern::covers(one, path.as_os_str()));
        let since = self.options.since.filter(|_| of.by_time);
        let changed = stat.modified.max(stat.changed).div_euclid(1_000_000_000);
        let why = match () {
            () if excluded => Some("excluded"),
            () if self.options.ours.contains(&(stat.device, stat.inode)) => {
                Some("this bundle itself")
            }
            () if since.is_some_and(|since| changed < since) => Some("not changed since then"),
            () => None,
        };
        if let Some(why) = why {
            let item = self.item(&named).described(&stat);
            let item = Item { own_size: Some(stat.size), ..item };
            return self.missed(item, Status::LeftOut, why.to_owned(), None, path);
        }
        match stat.kind() {
            FileKind::Regular if is_pseudo(path) => {
                self.take_pseudo(path, &As { method: "read", ..named }, limits::PSEUDO_FILE)
            }
            FileKind::Regular if of.fingerprint => self.fingerprint(path, stat, &named),
            FileKind::Regular => self.take(path, stat, &named),
            FileKind::Symlink => self.link(path, stat, of),
            _ => {
                let item = self.item(&As { method: "statx", ..named }).described(&stat);
                let why = "it has no content that could be read".to_owned();
                self.missed(item, Status::Described, why, None, path)
            }
        }
    }

    /// Takes a symlink, and the regular file that it leads to.
    fn link(&mut self, path: &Path, stat: Stat, of: &Artifact) -> io::Result<()> {
        let own = path.to_owned();
        let read = watched(self.snapshot, path, move |host| {
            let machine = host.machine();
            let target = machine.read_link(&own)?;
            let real = machine.resolve(&own).ok().and_then(|real| {
                let stat = machine.lstat(&real).ok()?;
                (stat.kind() == FileKind::Regular).then_some((real, stat))
            });
            Ok((target, real))
        });
        let named = As { name: in_root(path), method: "readlink" };
        let item = self.item(&named).described(&stat);
        match read {
            Ok((target, real)) => {
                let bytes = target.as_os_str().as_bytes();
                let target = Some(text::from_bytes(bytes));
                let item = self.packing.link(Item { target, ..item }, bytes)?;
                self.tally(&item);
                match real {
                    // What lies in /proc and /sys is made up when it is read.
                    Some((real, _)) if is_pseudo(&real) => Ok(()),
                    Some((real, stat)) => self.file(&real, stat, of),
                    None => Ok(()),
                }
            }
            Err(miss) => self.missed_by(item, &miss, path),
        }
    }

    /// Returns the homes of all accounts, and those that no account has any more.
    pub(crate) fn homes(&mut self) -> Vec<String> {
        let seen = self.snapshot.read("users", &Ask::all());
        let column = stanch_facts::tables::find("users").and_then(|t| t.spec.position("directory"));
        let mut homes: Vec<String> = seen
            .rows
            .iter()
            .filter_map(|row| row.get(column?).as_text().map(str::to_owned))
            .filter(|home| home.starts_with('/') && !NO_HOMES.contains(&home.as_str()))
            // A home is a place, no pattern.
            .filter(|home| !home.contains(['*', '?', '[']))
            .collect();
        homes.push("/root".to_owned());
        let listed = watched(self.snapshot, Path::new("/home"), |host| {
            host.machine().list(Path::new("/home"))
        });
        let names = listed.map(|listing| listing.entries).unwrap_or_default();
        let names = names.iter().filter(|entry| entry.kind == FileKind::Directory);
        homes.extend(names.filter_map(|entry| Some(format!("/home/{}", entry.name.to_str()?))));
        homes.sort();
        homes.dedup();
        homes
    }
}

/// Returns the name of a file of the machine in a bundle: as UAC has it.
pub(crate) fn in_root(path: &Path) -> Vec<u8> {
    [b"[root]", path.as_os_str().as_bytes()].concat()
}

fn is_pseudo(path: &Path) -> bool {
    ["/proc", "/sys"].iter().any(|root| path.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_place_in_the_bundle() {
        assert_eq!(in_root(Path::new("/etc/passwd")), b"[root]/etc/passwd");
        assert!(is_pseudo(Path::new("/proc/self/mounts")) && !is_pseudo(Path::new("/process")));
    }
}
