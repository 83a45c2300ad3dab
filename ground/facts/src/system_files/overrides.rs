//! Modes and owners that the administrator or a package asked dpkg to keep.
//!
//! Source: dpkg-statoverride(1): user, group, mode and path, one a line.

use std::collections::HashMap;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Gap, GapKind, Seen};

use crate::Host;

/// Where dpkg keeps them.
const PATH: &str = "/var/lib/dpkg/statoverride";

/// An override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    pub(crate) user: String,
    pub(crate) group: String,
    pub(crate) mode: u32,
}

/// All overrides, by path.
pub(crate) type Overrides = HashMap<Box<[u8]>, Override>;

/// Reads them.
pub(super) fn read(host: &Host, table: &str, seen: &mut Seen) -> Overrides {
    let bytes = host.read(table, Path::new(PATH), limits::CONFIG_FILE, seen);
    let (found, strange) = parse(&bytes.unwrap_or_default());
    if strange > 0 {
        let detail = format!("{strange} lines were not understood");
        seen.gap(Gap::new(table, GapKind::Damaged, detail).at(PATH));
    }
    found
}

/// Parses the file; returns how many lines were not understood.
pub(crate) fn parse(bytes: &[u8]) -> (Overrides, usize) {
    let mut found = Overrides::new();
    let mut strange = 0_usize;
    for line in bytes.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let mut parts = line.splitn(4, |&b| b == b' ');
        let mut text = || parts.next().map(stanch_words::text::from_bytes);
        let (user, group, mode) = (text(), text(), text());
        let mode = mode.and_then(|mode| u32::from_str_radix(&mode, 8).ok());
        match (user, group, mode, parts.next()) {
            (Some(user), Some(group), Some(mode), Some(path)) if path.first() == Some(&b'/') => {
                found.insert(path.into(), Override { user, group, mode });
            }
            _ => strange = strange.saturating_add(1),
        }
    }
    (found, strange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_and_lines_that_are_none() {
        let (found, strange) =
            parse(b"root messagebus 4754 /usr/lib/a b\n\nroot x 99 /y\nroot\nroot x 755 y\n");
        let expected = Override { user: "root".into(), group: "messagebus".into(), mode: 0o4754 };
        assert_eq!(found.get(&b"/usr/lib/a b"[..]), Some(&expected));
        assert_eq!((found.len(), strange), (1, 3));
    }
}
