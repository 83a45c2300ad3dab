//! What a pattern of paths meets on a machine: nothing is followed that could lead round.
//!
//! What the kernel makes up (/proc, /sys) is entered only where a pattern names it; there its own
//! links are followed too, since a device's directory under /sys/class is a link to where it hangs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_facts::Holds;
use stanch_machine::{FileKind, Machine, Miss, Stat};
use stanch_rules::pattern::{fits, split};

/// How deep `**` descends.
const DEPTH: usize = 64;

/// What was met.
#[derive(Debug, Default)]
pub(crate) struct Met {
    /// What fits, but directories, in the order of their names.
    pub(crate) found: Vec<(PathBuf, Stat)>,
    /// Symlinks on the way to it.
    pub(crate) links: Vec<(PathBuf, Stat)>,
    /// What could not be looked at.
    pub(crate) misses: Vec<Miss>,
    /// Whether there is more than was asked for.
    pub(crate) is_cut: bool,
    /// Whether time ran out.
    pub(crate) is_late: bool,
}

/// How far one goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within {
    /// So much at most.
    pub(crate) most: usize,
    /// Until then, by the kernel's monotonic clock, if there is one.
    pub(crate) until: Option<u64>,
    /// Whether directories are wanted too.
    pub(crate) directories: bool,
}

/// Looks for what fits a pattern.
pub(crate) fn meet(machine: &dyn Machine, pattern: &str, within: Within) -> Met {
    let parts: Vec<&[u8]> = split(pattern.as_bytes());
    let mut walk = Walk { machine, within, met: Met::default() };
    if let Ok(root) = machine.lstat(Path::new("/")) {
        walk.below(Path::new("/"), &root, &parts, 0);
    }
    walk.met
}

struct Walk<'a> {
    machine: &'a dyn Machine,
    within: Within,
    met: Met,
}

impl Walk<'_> {
    fn miss(&mut self, miss: Miss) {
        if !miss.absent {
            self.met.misses.push(miss);
        }
    }

    fn push(&mut self, path: PathBuf, stat: Stat) {
        if stat.kind() == FileKind::Directory && !self.within.directories {
            return;
        }
        if self.met.found.len() >= self.within.most {
            self.met.is_cut = true;
            return;
        }
        self.met.found.push((path, stat));
    }

    fn below(&mut self, directory: &Path, own: &Stat, parts: &[&[u8]], depth: usize) {
        let Some((part, rest)) = parts.split_first() else { return };
        if depth > DEPTH || self.met.is_cut {
            self.met.is_cut = true;
            return;
        }
        match *part {
            b"**" => self.descend(directory, own, rest, depth),
            part if part.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) => {
                for (path, stat) in self.children(directory, &|name| fits(part, name)) {
                    self.step(path, stat, own, rest, depth);
                }
            }
            part => {
                let path = directory.join(OsStr::from_bytes(part));
                if self.late() {
                    return;
                }
                match self.machine.lstat(&path) {
                    Ok(stat) => self.named(path, stat, own, rest, depth),
                    Err(miss) => self.miss(miss),
                }
            }
        }
    }

    /// Goes on with a part that was named in full: a symlink there is followed, and told.
    fn named(&mut self, path: PathBuf, stat: Stat, own: &Stat, rest: &[&[u8]], depth: usize) {
        if !rest.is_empty() && stat.kind() == FileKind::Symlink {
            return self.through(path, stat, rest, depth);
        }
        // Named in full: what the kernel makes up is meant.
        let is_made = !rest.is_empty() && stat.device != own.device && self.is_made(&path);
        if is_made && stat.kind() == FileKind::Directory {
            return self.below(&path, &stat, rest, depth.saturating_add(1));
        }
        self.step(path, stat, own, rest, depth);
    }

    /// Goes on where a symlink leads to, and tells of it.
    fn through(&mut self, path: PathBuf, stat: Stat, rest: &[&[u8]], depth: usize) {
        let real = self.machine.resolve(&path);
        self.met.links.push((path, stat));
        let real = real.and_then(|real| Ok((self.machine.lstat(&real)?, real)));
        match real {
            Ok((stat, real)) if stat.kind() == FileKind::Directory => {
                self.below(&real, &stat, rest, depth.saturating_add(1));
            }
            Ok(_) => {}
            Err(miss) => self.miss(miss),
        }
    }

    fn is_made(&mut self, path: &Path) -> bool {
        let magic = self.machine.magic(path).unwrap_or_default();
        magic.is_some_and(|magic| Holds::of(magic) == Holds::NoStorage)
    }

    /// Returns whether time ran out.
    fn late(&mut self) -> bool {
        let now = self.machine.kernel().map(|kernel| kernel.monotonic());
        let is_late = self.within.until.is_some_and(|until| now.is_some_and(|now| now > until));
        self.met.is_late |= is_late;
        is_late
    }

    fn step(&mut self, path: PathBuf, stat: Stat, own: &Stat, rest: &[&[u8]], depth: usize) {
        if rest.is_empty() {
            return self.push(path, stat);
        }
        // A device's directory, by its link in /sys: what remains is named, so that it ends.
        let is_of_sys = path.starts_with("/sys") && stat.kind() == FileKind::Symlink;
        if is_of_sys && !rest.contains(&b"**".as_slice()) {
            return self.through(path, stat, rest, depth);
        }
        if stat.kind() == FileKind::Directory && self.enters(&path, &stat, own) {
            self.below(&path, &stat, rest, depth.saturating_add(1));
        }
    }

    /// Goes through everything below, and looks everywhere for what comes after.
    fn descend(&mut self, directory: &Path, own: &Stat, rest: &[&[u8]], depth: usize) {
        if depth > DEPTH {
            self.met.is_cut = true;
            return;
        }
        if !rest.is_empty() {
            self.below(directory, own, rest, depth);
        }
        for (path, stat) in self.children(directory, &|_| true) {
            let is_directory = stat.kind() == FileKind::Directory;
            if is_directory && rest.is_empty() && self.within.directories {
                self.push(path.clone(), stat);
            }
            if is_directory && self.enters(&path, &stat, own) {
                self.descend(&path, &stat, rest, depth.saturating_add(1));
            } else if rest.is_empty() {
                self.push(path, stat);
            }
            if self.met.is_cut || self.met.is_late {
                return;
            }
        }
    }

    fn children(
        &mut self,
        directory: &Path,
        wanted: &dyn Fn(&[u8]) -> bool,
    ) -> Vec<(PathBuf, Stat)> {
        if self.late() {
            return Vec::new();
        }
        let listing = match self.machine.list(directory) {
            Ok(listing) => listing,
            Err(miss) => {
                self.miss(miss);
                return Vec::new();
            }
        };
        self.met.is_cut |= listing.truncated;
        let entries = listing.entries.iter().map(|entry| entry.name.as_os_str());
        let names: Vec<&OsStr> = entries.filter(|name| wanted(name.as_bytes())).collect();
        let stats = self.machine.lstat_each(directory, &names);
        let mut children = Vec::with_capacity(names.len());
        for (name, stat) in names.iter().zip(stats) {
            match stat {
                Ok(stat) => children.push((directory.join(name), stat)),
                Err(miss) => self.miss(miss),
            }
        }
        children
    }

    /// Returns whether a directory is entered: what is made up by the kernel, or lies on another
    /// machine, is not.
    fn enters(&mut self, path: &Path, stat: &Stat, own: &Stat) -> bool {
        if stat.device == own.device {
            return true;
        }
        match self.machine.magic(path) {
            Ok(magic) => magic.is_none_or(|magic| Holds::of(magic) == Holds::Storage),
            Err(miss) => {
                self.miss(miss);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn met(pattern: &str) -> (Vec<String>, Vec<String>) {
        let machine = Pretend::new()
            .file("/etc/passwd", "")
            .file("/etc/cron.d/a", "")
            .file("/etc/cron.d/.b", "")
            .link("/etc/localtime", "/usr/zone")
            .link("/var/run", "/run")
            .file("/run/log/x/y.log", "")
            .file("/run/log/z.log", "")
            .link("/run/log/round", "/run");
        let met = meet(&machine, pattern, Within { most: 100, until: None, directories: false });
        assert_eq!(met.misses, []);
        let shown = |all: Vec<(PathBuf, Stat)>| {
            all.into_iter().map(|(path, _)| path.display().to_string()).collect()
        };
        (shown(met.found), shown(met.links))
    }

    #[test]
    fn what_the_kernel_makes_up_is_met_where_it_is_named() {
        let machine = stanch_machine::Live::new();
        let within = Within { most: 100, until: None, directories: false };
        for (pattern, path) in [
            ("/proc/sys/kernel/osrelease", "/proc/sys/kernel/osrelease"),
            ("/proc/sys/kernel/ostyp?", "/proc/sys/kernel/ostype"),
            ("/proc/uptime", "/proc/uptime"),
        ] {
            let met = meet(&machine, pattern, within);
            assert!(met.found.iter().any(|(found, _)| found == Path::new(path)), "{pattern}");
        }
        // A device lies behind a link: it is met where it hangs.
        let met = meet(&machine, "/sys/class/net/*/ifindex", within);
        assert!(met.found.iter().all(|(path, _)| path.starts_with("/sys/devices")), "{met:?}");
        assert!(met.found.len() == met.links.len() && !met.found.is_empty(), "{met:?}");
    }

    #[test]
    fn time_that_ran_out_ends_it() {
        let machine = stanch_machine::Live::new();
        let within = Within { most: 100, until: Some(0), directories: false };
        let met = meet(&machine, "/etc/**", within);
        assert!(met.is_late && met.found.is_empty(), "{met:?}");
    }

    #[test]
    fn patterns_meet_what_lies_there_and_no_link_is_followed_but_a_named_one() {
        let none: [&str; 0] = [];
        for (pattern, found, links) in [
            ("/etc/passwd", &["/etc/passwd"][..], &none[..]),
            ("/etc/cron.*/*", &["/etc/cron.d/.b", "/etc/cron.d/a"], &none),
            ("/etc/localtime", &["/etc/localtime"], &none),
            ("/var/run/log/*", &["/run/log/round", "/run/log/z.log"], &["/var/run"]),
            ("/run/**", &["/run/log/round", "/run/log/x/y.log", "/run/log/z.log"], &none),
            ("/run/**/*.log", &["/run/log/z.log", "/run/log/x/y.log"], &none),
            ("/none/**", &none, &none),
        ] {
            let (all, on_the_way) = met(pattern);
            assert_eq!(
                (all, on_the_way.as_slice()),
                (
                    found.iter().map(ToString::to_string).collect(),
                    links.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice()
                ),
                "{pattern}"
            );
        }
    }
}
