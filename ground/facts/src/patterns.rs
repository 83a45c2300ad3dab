//! Paths that a query asks for: `path =`, `path LIKE`, `directory =`.
//!
//! In a pattern `%` stands for any part of one name and `%%`, as the last name, for everything
//! below; `_` is an ordinary character, since paths are full of them. Symlinks are not descended.
//! Source: osquery's documentation of file globbing.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use stanch_machine::FileKind;
use stanch_words::{Ask, Gap, GapKind, Op, Seen, text};

use crate::Host;
use crate::walk::{Describe, Walk};

/// Most paths that one question may lead to.
const MOST: usize = 200_000;
/// How deep `%%` descends.
const DEPTH: usize = 64;

/// Returns the paths asked for through a path column and a directory column.
pub(crate) fn paths(
    host: &Host,
    table: &'static str,
    ask: &Ask,
    (path, directory): (usize, usize),
    seen: &mut Seen,
) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for constraint in &ask.constraints {
        let Some(value) = constraint.value.as_text() else { continue };
        let value = text::to_bytes(value);
        match constraint.op {
            Op::Equal if constraint.column == path => {
                found.insert(PathBuf::from(OsString::from_vec(value)));
            }
            Op::Equal if constraint.column == directory => {
                let directory = PathBuf::from(OsString::from_vec(value));
                let entries = host.list(table, &directory, seen);
                found.extend(entries.iter().map(|entry| directory.join(&entry.name)));
            }
            Op::Like if constraint.column == path => {
                expand(host, table, &value, &mut found, seen);
            }
            Op::Like if constraint.column == directory => {
                let mut directories = BTreeSet::new();
                expand(host, table, &value, &mut directories, seen);
                for directory in directories {
                    let Ok(listing) = host.machine().list(&directory) else { continue };
                    found.extend(listing.entries.iter().map(|e| directory.join(&e.name)));
                }
            }
            Op::Equal | Op::Like => {}
        }
        if found.len() > MOST {
            let detail = format!("only the first {MOST} paths were looked at");
            seen.gap(Gap::new(table, GapKind::Truncated, detail));
            break;
        }
    }
    found
}

/// Adds the paths that a pattern stands for.
fn expand(
    host: &Host,
    table: &'static str,
    pattern: &[u8],
    found: &mut BTreeSet<PathBuf>,
    seen: &mut Seen,
) {
    if pattern.first() != Some(&b'/') {
        return;
    }
    let mut heads = vec![PathBuf::from("/")];
    let parts: Vec<&[u8]> = pattern.split(|&b| b == b'/').filter(|part| !part.is_empty()).collect();
    for (number, part) in (1..).zip(&parts) {
        if *part == b"%%" {
            let describe = Describe::Directories;
            let walk = Walk { table, depth: DEPTH, most: MOST, describe, except: &[] };
            walk.entries(host, &heads, seen, &mut |met, _| {
                if found.len() <= MOST {
                    found.insert(met.path());
                }
            });
            return;
        }
        let last = number == parts.len();
        heads = step(host, table, &heads, part, last, seen);
        if heads.len() > MOST {
            seen.gap(Gap::new(table, GapKind::Truncated, "the pattern has too many matches"));
            heads.truncate(MOST);
        }
    }
    found.extend(heads);
}

/// Follows one name of a pattern.
fn step(
    host: &Host,
    table: &str,
    heads: &[PathBuf],
    part: &[u8],
    last: bool,
    seen: &mut Seen,
) -> Vec<PathBuf> {
    if !part.contains(&b'%') {
        let name = Path::new(std::ffi::OsStr::from_bytes(part));
        return heads.iter().map(|head| head.join(name)).collect();
    }
    let mut next = Vec::new();
    for head in heads {
        for entry in host.list(table, head, seen) {
            // What is no directory cannot hold the rest of the pattern.
            let fits = last || !matches!(entry.kind, FileKind::Regular | FileKind::Fifo);
            if fits && matches(entry.name.as_bytes(), part) && next.len() <= MOST {
                next.push(head.join(&entry.name));
            }
        }
    }
    next
}

/// Returns whether a name fits a pattern of `%` and plain characters, ASCII case aside, as LIKE.
fn matches(name: &[u8], pattern: &[u8]) -> bool {
    // The usual two-pointer search: on a mismatch the last `%` takes one more byte.
    let (mut at, mut to) = (0_usize, 0_usize);
    let mut again: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(at) {
        match pattern.get(to) {
            Some(b'%') => {
                again = Some((at, to));
                to = to.saturating_add(1);
            }
            Some(wanted) if wanted.eq_ignore_ascii_case(byte) => {
                (at, to) = (at.saturating_add(1), to.saturating_add(1));
            }
            _ => {
                let Some((from, star)) = again else { return false };
                again = Some((from.saturating_add(1), star));
                (at, to) = (from.saturating_add(1), star.saturating_add(1));
            }
        }
    }
    pattern.get(to..).unwrap_or_default().iter().all(|&b| b == b'%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;
    use stanch_words::Constraint;

    fn find(column: usize, op: Op, value: &str) -> Vec<String> {
        let machine = Pretend::new()
            .file("/etc/ssh/sshd_config", "")
            .file("/etc/ssh/sshd_config.d/a.conf", "")
            .file("/home/a/.ssh/id_rsa", "")
            .file("/home/b/.ssh/id_ed25519", "")
            .file("/etc/hosts", "");
        let host = Host::new(std::sync::Arc::new(machine));
        let constraints = vec![Constraint { column, op, value: value.into() }];
        let mut seen = Seen::default();
        let found = paths(&host, "file", &Ask { constraints, ..Ask::all() }, (0, 1), &mut seen);
        assert_eq!(seen.gaps, []);
        found.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn one_percent_stays_in_its_directory_and_two_descend() {
        assert_eq!(find(0, Op::Like, "/etc/%"), ["/etc/hosts", "/etc/ssh"]);
        assert_eq!(
            find(0, Op::Like, "/home/%/.ssh/id%"),
            ["/home/a/.ssh/id_rsa", "/home/b/.ssh/id_ed25519"]
        );
        assert_eq!(find(0, Op::Like, "/etc/ssh/%%").len(), 3);
        assert_eq!(find(0, Op::Like, "/etc/%.conf"), Vec::<String>::new());
        assert_eq!(find(0, Op::Like, "etc/%"), Vec::<String>::new());
    }

    #[test]
    fn a_directory_gives_its_entries() {
        assert_eq!(find(1, Op::Equal, "/etc"), ["/etc/hosts", "/etc/ssh"]);
        assert_eq!(find(1, Op::Like, "/home/%/.ssh").len(), 2);
        assert_eq!(find(0, Op::Equal, "/nothing"), ["/nothing"]);
    }

    #[test]
    fn names_fit_patterns() {
        for (name, pattern, fits) in [
            ("sshd_config", "ssh%", true),
            ("sshd_config", "%config", true),
            ("sshd_config", "%d_c%", true),
            ("sshd_config", "%x%", false),
            ("SSHD", "sshd", true),
            ("aaaa", "%a%a%a%a%a", false),
            ("", "%", true),
        ] {
            assert_eq!(matches(name.as_bytes(), pattern.as_bytes()), fits, "{name} {pattern}");
        }
    }
}
