//! Patterns of paths: `*`, `?` and `[…]` stay within a name, `**` descends.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// Returns whether a name fits one part of a pattern.
pub fn fits(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on when what follows the last `*` does not fit.
    let (mut p, mut n) = (0_usize, 0_usize);
    let mut again: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                again = Some((p, n));
                p = p.saturating_add(1);
                continue;
            }
            (Some(b'?'), Some(_)) => {
                (p, n) = (p.saturating_add(1), n.saturating_add(1));
                continue;
            }
            (Some(b'['), Some(&byte)) => {
                if let Some((yes, length)) = class(pattern.get(p..).unwrap_or_default(), byte) {
                    if yes {
                        (p, n) = (p.saturating_add(length), n.saturating_add(1));
                        continue;
                    }
                } else if byte == b'[' {
                    (p, n) = (p.saturating_add(1), n.saturating_add(1));
                    continue;
                }
            }
            (Some(own), Some(other)) if own == other => {
                (p, n) = (p.saturating_add(1), n.saturating_add(1));
                continue;
            }
            _ => {}
        }
        match again {
            Some((star, from)) if from < name.len() => {
                let next = from.saturating_add(1);
                again = Some((star, next));
                (p, n) = (star.saturating_add(1), next);
            }
            _ => return false,
        }
    }
}

/// Returns whether a byte is in the class at the start of a pattern, and the length of the class;
/// nothing if it is not closed.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let close = pattern.iter().skip(2).position(|&b| b == b']')?.saturating_add(2);
    let inside = pattern.get(1..close)?;
    let (is_not, inside) = match inside.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, inside),
    };
    let mut rest = inside;
    let mut has = false;
    while let Some((&first, tail)) = rest.split_first() {
        if let [b'-', last, after @ ..] = tail {
            has |= (first..=*last).contains(&byte);
            rest = after;
        } else {
            has |= first == byte;
            rest = tail;
        }
    }
    Some((has != is_not, close.saturating_add(1)))
}

/// Returns whether a whole path fits a pattern; a pattern without wildcards also fits all below it.
pub fn covers(pattern: &str, path: &OsStr) -> bool {
    let parts: Vec<&[u8]> = split(pattern.as_bytes());
    let names: Vec<&[u8]> = split(path.as_bytes());
    below(&parts, &names, Below::Covered)
}

/// Returns whether a whole path fits a pattern, and nothing below it.
pub fn is(pattern: &str, path: &OsStr) -> bool {
    let parts: Vec<&[u8]> = split(pattern.as_bytes());
    let names: Vec<&[u8]> = split(path.as_bytes());
    below(&parts, &names, Below::Not)
}

/// What becomes of what lies below a pattern.
#[derive(Clone, Copy, PartialEq)]
enum Below {
    Covered,
    Not,
}

/// Returns the parts of a path.
pub fn split(path: &[u8]) -> Vec<&[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect()
}

fn below(parts: &[&[u8]], names: &[&[u8]], rest_is: Below) -> bool {
    match (parts.split_first(), names.split_first()) {
        // All of the pattern is used up.
        (None, None) => true,
        (None, Some(_)) => rest_is == Below::Covered,
        (Some((part, rest)), _) if *part == b"**" => match rest {
            [] => rest_is == Below::Covered || !names.is_empty(),
            rest => (0..=names.len()).any(|n| below(rest, names.get(n..).unwrap_or(&[]), rest_is)),
        },
        (Some((part, rest)), Some((name, names))) => {
            fits(part, name) && below(rest, names, rest_is)
        }
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_as_a_shell_has_them() {
        for (pattern, name, does) in [
            ("*", "", true),
            ("*.log", "a.log", true),
            ("*.log*", "a.log.1.gz", true),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "aXbY", false),
            ("auth.lo?", "auth.log", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[x", "[x", true),
            (".*", ".bashrc", true),
            ("passwd", "passwd-", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), does, "{pattern} {name}");
        }
        // Many stars and a long name end soon all the same.
        assert!(!fits("*a".repeat(30).as_bytes(), "b".repeat(5000).as_bytes()));
    }

    #[test]
    fn a_path_is_covered_by_what_lies_above_it() {
        for (pattern, path, does) in [
            ("/var/log", "/var/log/a/b", true),
            ("/var/log", "/var/logs", false),
            ("/home/*/.cache", "/home/u/.cache/x", true),
            ("/**/*.iso", "/a/b/c.iso", true),
            ("/srv/**", "/srv/x/y", true),
            ("/a/b", "/a", false),
        ] {
            assert_eq!(covers(pattern, OsStr::new(path)), does, "{pattern} {path}");
        }
        assert!(is("/var/log/**", OsStr::new("/var/log/a")) && is("/a/*", OsStr::new("/a/b")));
        assert!(!is("/var/log", OsStr::new("/var/log/a")) && !is("/a/*", OsStr::new("/a/b/c")));
    }
}
