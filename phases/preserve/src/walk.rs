//! What a pattern of paths meets on a machine: nothing is followed that could lead round.

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
}

/// Looks for what fits a pattern, at most so much.
pub(crate) fn meet(machine: &dyn Machine, pattern: &str, most: usize) -> Met {
    let parts: Vec<&[u8]> = split(pattern.as_bytes());
    let mut walk = Walk { machine, most, met: Met::default() };
    if let Ok(root) = machine.lstat(Path::new("/")) {
        walk.below(Path::new("/"), &root, &parts, 0);
    }
    walk.met
}

struct Walk<'a> {
    machine: &'a dyn Machine,
    most: usize,
    met: Met,
}

impl Walk<'_> {
    fn miss(&mut self, miss: Miss) {
        if !miss.absent {
            self.met.misses.push(miss);
        }
    }

    fn push(&mut self, path: PathBuf, stat: Stat) {
        if stat.kind() == FileKind::Directory {
            return;
        }
        if self.met.found.len() >= self.most {
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
                match self.machine.lstat(&path) {
                    Ok(stat) => self.named(path, stat, own, rest, depth),
                    Err(miss) => self.miss(miss),
                }
            }
        }
    }

    /// Goes on with a part that was named in full: a symlink there is followed, and told.
    fn named(&mut self, path: PathBuf, stat: Stat, own: &Stat, rest: &[&[u8]], depth: usize) {
        if rest.is_empty() || stat.kind() != FileKind::Symlink {
            return self.step(path, stat, own, rest, depth);
        }
        self.met.links.push((path.clone(), stat));
        let real = self.machine.resolve(&path);
        let real = real.and_then(|real| Ok((self.machine.lstat(&real)?, real)));
        match real {
            Ok((stat, real)) if stat.kind() == FileKind::Directory => {
                self.below(&real, &stat, rest, depth.saturating_add(1));
            }
            Ok(_) => {}
            Err(miss) => self.miss(miss),
        }
    }

    fn step(&mut self, path: PathBuf, stat: Stat, own: &Stat, rest: &[&[u8]], depth: usize) {
        if rest.is_empty() {
            return self.push(path, stat);
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
            if is_directory && self.enters(&path, &stat, own) {
                self.descend(&path, &stat, rest, depth.saturating_add(1));
            } else if rest.is_empty() {
                self.push(path, stat);
            }
            if self.met.is_cut {
                return;
            }
        }
    }

    fn children(
        &mut self,
        directory: &Path,
        wanted: &dyn Fn(&[u8]) -> bool,
    ) -> Vec<(PathBuf, Stat)> {
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
        let met = meet(&machine, pattern, 100);
        assert_eq!(met.misses, []);
        let shown = |all: Vec<(PathBuf, Stat)>| {
            all.into_iter().map(|(path, _)| path.display().to_string()).collect()
        };
        (shown(met.found), shown(met.links))
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
