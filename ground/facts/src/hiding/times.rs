//! Times of files that cannot be, or that somebody set.
//!
//! The time of a file's content can be set by its owner, those of its inode and of its birth by
//! nobody. Archives and copies set it too, so a file counts only if it came alone (fewer than
//! [`BULK`] others were born in its minute), no package owns it, and no package was being installed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use stanch_machine::Stat;
use stanch_words::{Gap, GapKind, Seen};

use crate::Host;
use crate::packages::Index;
use crate::system_files::Kind;
use crate::tables::changed_files::package_spans;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// As many files as are born in one minute when an archive is unpacked or a tree copied.
const BULK: u32 = 20;
/// Most files that are told.
const MOST: usize = 2_000;
/// Most minutes and candidates that are remembered.
const MINUTES: usize = 200_000;
const CANDIDATES: usize = 100_000;

/// Files whose times intruders like to copy (`touch -r`).
const REFERENCES: [&str; 14] = [
    "/usr/bin/ls",
    "/bin/ls",
    "/usr/bin/bash",
    "/bin/bash",
    "/usr/bin/dash",
    "/bin/sh",
    "/usr/bin/cat",
    "/usr/bin/id",
    "/usr/bin/passwd",
    "/usr/sbin/sshd",
    "/etc/passwd",
    "/etc/hosts",
    "/etc/fstab",
    "/etc/crontab",
];

/// A file with odd times.
#[derive(Clone, Debug)]
pub(crate) struct OddTime {
    pub(crate) path: PathBuf,
    pub(crate) stat: Stat,
    /// `future`, `same` (as another file's, to the nanosecond), `before birth`, `before change`.
    pub(crate) how: &'static str,
    /// The file whose time it has.
    pub(crate) like: String,
    pub(crate) kind: &'static str,
}

struct Candidate {
    path: PathBuf,
    stat: Stat,
    like: Option<PathBuf>,
}

/// What is remembered on the walk.
pub(crate) struct Times {
    now: i64,
    /// Files born in each minute.
    births: HashMap<i64, u32>,
    references: Vec<(PathBuf, Stat)>,
    candidates: Vec<Candidate>,
    /// Where the candidates of this directory begin, and its owned files by their times.
    first: usize,
    owned: HashMap<i64, (PathBuf, u64)>,
    full: bool,
}

fn born(stat: &Stat) -> i64 {
    stat.born.unwrap_or(stat.changed)
}

impl Times {
    pub(crate) fn new(host: &Host, index: &Index) -> Self {
        let mut references: Vec<(PathBuf, Stat)> = Vec::new();
        for path in REFERENCES.iter().filter(|_| index.is_readable()) {
            let resolved = Index::resolve(host.machine(), Path::new(path));
            if let Ok(stat) = host.machine().lstat(&resolved)
                && !references.iter().any(|(known, _)| *known == resolved)
            {
                references.push((resolved, stat));
            }
        }
        Self {
            now: host.machine().now().saturating_mul(SECOND),
            births: HashMap::new(),
            references,
            candidates: Vec::new(),
            first: 0,
            owned: HashMap::new(),
            full: false,
        }
    }

    /// Ends a directory: whose times do its candidates have?
    pub(crate) fn next_directory(&mut self) {
        let candidates = self.candidates.get_mut(self.first..).unwrap_or_default();
        for candidate in candidates {
            let same = self.owned.get(&candidate.stat.modified);
            // The same size too: a copy that kept its time.
            let same = same.filter(|(_, size)| *size != candidate.stat.size);
            candidate.like = same.map(|(path, _)| path.clone());
        }
        self.owned.clear();
        self.first = self.candidates.len();
    }

    /// Takes a regular file.
    pub(crate) fn meet(&mut self, path: &Path, stat: &Stat, owned: bool) {
        let minute = born(stat).div_euclid(MINUTE);
        let others = if self.births.len() < MINUTES || self.births.contains_key(&minute) {
            let count = self.births.entry(minute).or_default();
            *count = count.saturating_add(1);
            *count
        } else {
            self.full = true;
            0
        };
        if owned {
            self.owned.insert(stat.modified, (path.to_owned(), stat.size));
            return;
        }
        let later = born(stat).saturating_sub(stat.modified) > DAY;
        let future = stat.modified.saturating_sub(self.now) > DAY;
        if others > BULK || !later && !future {
            return;
        }
        if self.candidates.len() >= CANDIDATES {
            self.full = true;
            return;
        }
        self.candidates.push(Candidate { path: path.to_owned(), stat: *stat, like: None });
    }

    /// Judges the candidates once all births are known.
    pub(crate) fn judged(mut self, host: &Host, seen: &mut Seen) -> Vec<OddTime> {
        self.next_directory();
        let alone = |candidate: &Candidate| {
            let minute = born(&candidate.stat).div_euclid(MINUTE);
            self.births.get(&minute).is_none_or(|&count| count < BULK)
        };
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.retain(alone);
        if !candidates.is_empty() {
            let spans = package_spans(host, "", seen);
            candidates.retain(|candidate| {
                let time = born(&candidate.stat).div_euclid(SECOND);
                let at = spans.partition_point(|(_, end)| *end < time);
                spans.get(at).is_none_or(|(start, _)| *start > time)
            });
        }
        let left_out = candidates.len().saturating_sub(MOST);
        if left_out > 0 || self.full {
            let detail = format!("times of at least {left_out} more files were not judged");
            seen.gap(Gap::new("", GapKind::Truncated, detail));
        }
        candidates.truncate(MOST);
        candidates.into_iter().map(|candidate| self.told(host, candidate)).collect()
    }

    fn told(&self, host: &Host, candidate: Candidate) -> OddTime {
        let Candidate { path, stat, like } = candidate;
        let like = like.or_else(|| {
            let same = |(other, of): &&(PathBuf, Stat)| {
                of.modified == stat.modified && of.size != stat.size && *other != path
            };
            self.references.iter().find(same).map(|(other, _)| other.clone())
        });
        let how = if stat.modified.saturating_sub(self.now) > DAY {
            "future"
        } else if like.is_some() {
            "same"
        } else if stat.born.is_some() {
            "before birth"
        } else {
            "before change"
        };
        let head = host.machine().read(&path, 4).map(|contents| contents.bytes);
        let kind = head.map_or(Kind::Unread, |head| Kind::of(&head, path.as_os_str())).name();
        let like = like.map_or_else(String::new, |like| {
            stanch_words::text::from_bytes(like.as_os_str().as_encoded_bytes())
        });
        OddTime { path, stat, how, like, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hiding::Hiding;
    use stanch_machine::Pretend;

    const NOW: i64 = 1_772_323_200 * SECOND;

    fn machine() -> Pretend {
        let timed = |born: i64, modified: i64| {
            move |stat: &mut Stat| {
                stat.born = Some(born);
                (stat.changed, stat.modified) = (born, modified);
            }
        };
        let mut machine = Pretend::new()
            .file("/var/lib/dpkg/status", "")
            .file("/var/lib/dpkg/info/p.list", "/usr/bin/ls\n/usr/bin/id\n")
            .file("/var/log/dpkg.log", "2026-02-20 08:00:00 install x:amd64 <none> 1\n")
            .file("/etc/localtime", "")
            .file("/usr/bin/ls", "shipped ls")
            .with("/usr/bin/ls", timed(NOW - 90 * DAY, NOW - 400 * DAY))
            .file("/usr/bin/evil", "\x7fELF")
            .with("/usr/bin/evil", timed(NOW - 2 * DAY, NOW - 400 * DAY))
            .file("/usr/bin/ls.bak", "shipped ls")
            .with("/usr/bin/ls.bak", timed(NOW - 2 * DAY, NOW - 400 * DAY))
            .file("/srv/shell.php", "<?php")
            .with("/srv/shell.php", timed(NOW - 3 * DAY, NOW - 30 * DAY - 7))
            .file("/srv/edited.php", "<?php")
            .with("/srv/edited.php", timed(NOW - 30 * DAY, NOW - 3 * DAY))
            .file("/srv/hook.sh", "#!/bin/sh")
            .with("/srv/hook.sh", timed(NOW - 4 * DAY, NOW - 400 * DAY))
            .file("/etc/tomorrow", "")
            .with("/etc/tomorrow", |stat| stat.modified = NOW + 20 * DAY)
            .file("/usr/share/made", "by a package's script")
            .with("/usr/share/made", timed(1_771_574_430 * SECOND, NOW - 400 * DAY));
        for number in 0..30 {
            let path = format!("/opt/app/{number}.php");
            machine = machine.file(&path, "").with(&path, timed(NOW - 5 * DAY, NOW - 50 * DAY));
        }
        machine
    }

    #[test]
    fn times_that_were_set_are_told_and_those_of_archives_and_packages_are_not() {
        let host = Host::new(std::sync::Arc::new(machine()));
        let mut seen = Seen::default();
        let found = Hiding::of(&host, "odd_times", &mut seen);
        let mut told: Vec<String> = found
            .times
            .iter()
            .map(|one| format!("{} {} {} {}", one.path.display(), one.how, one.like, one.kind))
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "/etc/tomorrow future  data",
                "/srv/hook.sh same /usr/bin/ls script",
                "/srv/shell.php before birth  code",
                "/usr/bin/evil same /usr/bin/ls elf",
                "/usr/bin/ls.bak before birth  data",
            ]
        );
        assert_eq!(seen.gaps, []);
    }
}
