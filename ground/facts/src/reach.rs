//! Reading many files for one table: a person without rights gets a few gaps, not thousands.

use std::path::{Path, PathBuf};

use stanch_machine::{Entry, Miss};
use stanch_words::{Gap, GapKind, Seen, Value};

use crate::Host;

/// How many refused paths are named one by one; the rest are counted.
const NAMED: u64 = 16;
/// How many paths a pattern may give.
const MATCHES: usize = 10_000;
/// How many bytes one table reads in all: each file has its cap, but there may be thousands.
const BYTES: usize = 256 << 20;

/// A table's reach over files, with a count of what was refused.
#[derive(Debug)]
pub(crate) struct Reach<'a> {
    pub(crate) host: &'a Host,
    table: &'static str,
    refused: u64,
    /// How many bytes may still be read.
    left: usize,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(host: &'a Host, table: &'static str) -> Self {
        Self { host, table, refused: 0, left: BYTES }
    }

    /// Reads a file. A file that is simply absent gives `None` and no gap.
    pub(crate) fn read(&mut self, path: &Path, cap: u64, seen: &mut Seen) -> Option<Vec<u8>> {
        // Whole or not at all: a cap that depends on other files would cut at random.
        let size = self.host.machine().stat(path).map_or(0, |stat| stat.size.min(cap));
        let left = self.left.checked_sub(usize::try_from(size).unwrap_or(usize::MAX));
        let Some(left) = left else {
            let detail = format!("more than {BYTES} bytes in all; left out");
            self.gap(GapKind::Truncated, detail, path, seen);
            return None;
        };
        match self.host.machine().read(path, cap) {
            Ok(contents) => {
                self.left = left.min(self.left.saturating_sub(contents.bytes.len()));
                if contents.truncated {
                    let detail = format!("only the first {cap} bytes were read");
                    self.gap(GapKind::Truncated, detail, path, seen);
                }
                Some(contents.bytes)
            }
            Err(miss) => {
                self.note(&miss, seen);
                None
            }
        }
    }

    /// Lists a directory with the same manners.
    pub(crate) fn list(&mut self, path: &Path, seen: &mut Seen) -> Vec<Entry> {
        match self.host.machine().list(path) {
            Ok(listing) => {
                if listing.truncated {
                    self.gap(GapKind::Truncated, "too many entries", path, seen);
                }
                listing.entries
            }
            Err(miss) => {
                self.note(&miss, seen);
                Vec::new()
            }
        }
    }

    /// Leaves a gap for a miss, unless the thing is simply absent or enough were named.
    pub(crate) fn note(&mut self, miss: &Miss, seen: &mut Seen) {
        if miss.absent {
            return;
        }
        if matches!(miss.kind, GapKind::Denied | GapKind::Refused) {
            self.refused = self.refused.saturating_add(1);
            if self.refused > NAMED {
                return;
            }
        }
        seen.gap(miss.gap(self.table));
    }

    /// Leaves a gap of this table at a path.
    pub(crate) fn gap(
        &self,
        kind: GapKind,
        detail: impl Into<String>,
        path: &Path,
        seen: &mut Seen,
    ) {
        seen.gap(Gap::new(self.table, kind, detail).at(Value::from(path).to_string()));
    }

    /// Tells how many more paths were refused than were named.
    pub(crate) fn finish(self, seen: &mut Seen) {
        if let Some(more @ 1..) = self.refused.checked_sub(NAMED) {
            let detail = format!("{more} more paths could not be read");
            seen.gap(Gap::new(self.table, GapKind::Denied, detail));
        }
    }

    /// Returns the paths that a pattern of glob(7) gives, in the order of names. As with glob(3),
    /// a leading dot is matched only by a dot.
    pub(crate) fn glob(&mut self, pattern: &Path, seen: &mut Seen) -> Vec<PathBuf> {
        use std::os::unix::ffi::OsStrExt as _;
        let mut found = vec![PathBuf::from("/")];
        for part in pattern.components().skip(1) {
            let part = part.as_os_str().as_bytes();
            if !part.iter().any(|b| b"*?[".contains(b)) {
                found.iter_mut().for_each(|path| path.push(crate::accounts::path_of(part)));
                continue;
            }
            let mut next = Vec::new();
            'paths: for path in &found {
                for entry in self.list(path, seen) {
                    if next.len() >= MATCHES {
                        self.gap(GapKind::Truncated, "too many matches", pattern, seen);
                        break 'paths;
                    }
                    if matches_part(part, entry.name.as_bytes()) {
                        next.push(path.join(&entry.name));
                    }
                }
            }
            found = next;
        }
        found
    }
}

fn matches_part(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    matches(pattern, name)
}

/// Returns whether a name matches a pattern of `*`, `?` and `[…]`. Linear in memory and at most
/// the product of the lengths in time: only the last star is tried again.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (pattern, name);
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some((b'*', rest)) = p.split_first() {
            again = Some((rest, n));
            p = rest;
            continue;
        }
        let step = match (p.split_first(), n.split_first()) {
            (None, None) => return true,
            (Some((b'?', rest)), Some((_, tail))) => Some((rest, tail)),
            (Some((b'[', rest)), Some((&byte, tail))) => {
                in_set(rest, byte).map(|rest| (rest, tail))
            }
            (Some((want, rest)), Some((have, tail))) if want == have => Some((rest, tail)),
            _ => None,
        };
        if let Some((rest, tail)) = step {
            (p, n) = (rest, tail);
            continue;
        }
        let Some((rest, from)) = again else { return false };
        let Some((_, from)) = from.split_first() else { return false };
        again = Some((rest, from));
        (p, n) = (rest, from);
    }
}

/// Returns what follows a set, if the byte is in it.
fn in_set(set: &[u8], byte: u8) -> Option<&[u8]> {
    let (negated, mut rest) = match set {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, set),
    };
    let (mut inside, mut first) = (false, true);
    loop {
        match rest {
            [] => return None,
            [b']', after @ ..] if !first => return (inside != negated).then_some(after),
            [low, b'-', high, after @ ..] if *high != b']' => {
                inside |= (*low..=*high).contains(&byte);
                rest = after;
            }
            [one, after @ ..] => {
                inside |= *one == byte;
                rest = after;
            }
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn patterns_match_as_glob_does() {
        for (pattern, name, yes) in [
            ("*.conf", "50-cloud.conf", true),
            ("*.conf", "x.conf~", false),
            ("a*b*c", "aXbYbc", true),
            ("[a-c]?", "bz", true),
            ("[!a-c]?", "bz", false),
            ("[", "[", false),
            ("[]]", "]", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), yes, "{pattern} {name}");
        }
        let slow = "a*".repeat(50) + "b";
        assert!(!matches(slow.as_bytes(), "a".repeat(20_000).as_bytes()));
    }

    #[test]
    fn glob_finds_in_the_middle_of_a_path_and_skips_dot_files() {
        let machine = Pretend::new()
            .file("/etc/a/x.conf", "")
            .file("/etc/b/x.conf", "")
            .file("/etc/b/.y.conf", "");
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        let found = Reach::new(&host, "t").glob(Path::new("/etc/?/*.conf"), &mut seen);
        assert_eq!(found, [PathBuf::from("/etc/a/x.conf"), PathBuf::from("/etc/b/x.conf")]);
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn many_large_files_are_not_all_read() {
        let large = vec![b'\n'; 100];
        let machine = Pretend::new().file("/a", &large).file("/b", &large).file("/c", "small");
        let host = Host::new(Arc::new(machine));
        let (mut reach, mut seen) = (Reach::new(&host, "t"), Seen::default());
        reach.left = 150;
        let mut read = |path: &str| reach.read(Path::new(path), 1000, &mut seen).is_some();
        assert_eq!([read("/a"), read("/b"), read("/c")], [true, false, true]);
        assert_eq!((seen.gaps.len(), seen.gaps[0].kind), (1, GapKind::Truncated));
    }

    #[test]
    fn a_thousand_denied_files_are_a_few_gaps() {
        let mut machine = Pretend::new();
        for n in 0..1000 {
            let path = format!("/d/{n}");
            machine = machine.file(&path, "").denied(&path);
        }
        let host = Host::new(Arc::new(machine));
        let (mut reach, mut seen) = (Reach::new(&host, "t"), Seen::default());
        for n in 0..1000 {
            assert_eq!(reach.read(Path::new(&format!("/d/{n}")), 10, &mut seen), None);
        }
        reach.finish(&mut seen);
        assert_eq!(seen.gaps.len(), 17);
        assert_eq!(seen.gaps[16].detail, "984 more paths could not be read");
    }
}
