//! Groups: which there are, from `/etc/group` itself.
//!
//! Source: group(5).

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::lines::number;

table_spec! {
    /// Groups of `/etc/group`.
    pub static SPEC, col = "groups": Files, "Local groups, one row a line of /etc/group.";
    gid BigInt Index "Group id, unsigned.";
    gid_signed BigInt Plain "Group id as a signed 32-bit number.";
    groupname Text Plain "Group name.";
    members Text Plain "Names of the accounts that are members beside those whose primary group it is, separated by commas.";
    password_set Integer Plain "1 if the password field holds something other than x, ! or *: who knows the password may join by newgrp(1).";
    line Integer Plain "Line in /etc/group, from 1.";
}

/// One group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    pub(crate) name: &'a [u8],
    password: &'a [u8],
    pub(crate) gid: Option<u32>,
    pub(crate) members: &'a [u8],
    line: u64,
}

/// Reads `/etc/group`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let path = Path::new("/etc/group");
    if let Some(bytes) = host.read(SPEC.name, path, limits::CONFIG_FILE, seen) {
        parse(&bytes, seen);
    }
}

/// Parses group(5). A line that is neither a group nor an NIS entry becomes a gap.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for group in groups(bytes) {
        let group = match group {
            Ok(group) => group,
            Err(line) => {
                let detail = format!("line {line}: not a group");
                seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at("/etc/group"));
                continue;
            }
        };
        let mut row = SPEC.row();
        row.put(col::gid, group.gid)
            .put(col::gid_signed, group.gid.map(u32::cast_signed))
            .put(col::groupname, group.name)
            .put(col::members, group.members)
            .put(col::password_set, !matches!(group.password, b"" | b"x" | b"!" | b"*" | b"!!"))
            .put(col::line, group.line);
        seen.push(row);
    }
}

/// Returns the groups of a file; a line that is none gives its number.
pub(crate) fn groups(bytes: &[u8]) -> impl Iterator<Item = Result<Group<'_>, u64>> {
    (1_u64..).zip(bytes.split(|&b| b == b'\n')).filter_map(|(line, text)| {
        if text.is_empty() || text.starts_with(b"#") {
            return None;
        }
        let mut fields = text.split(|&b| b == b':');
        let mut next = || fields.next().unwrap_or_default();
        let (name, password, gid, members) = (next(), next(), number(next()), next());
        let nis = matches!(name.first(), Some(b'+' | b'-'));
        if gid.is_none() && !nis || fields.next().is_some() {
            return Some(Err(line));
        }
        Some(Ok(Group { name, password, gid, members, line }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_with_members_and_a_password() {
        let mut seen = Seen::default();
        parse(b"root:x:0:\nsudo:$6$x:27:ann,ben\n+nis:::\n", &mut seen);
        assert_eq!(seen.rows.len(), 3);
        assert_eq!(seen.rows[1].get(col::members).as_text(), Some("ann,ben"));
        assert_eq!(seen.rows[1].get(col::password_set).as_integer(), Some(1));
        assert_eq!(seen.rows[0].get(col::password_set).as_integer(), Some(0));
        assert!(seen.rows[2].get(col::gid).is_null());
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn a_line_that_is_no_group_is_a_gap() {
        let mut seen = Seen::default();
        parse(b"junk\xff\nx:x:y:\nx:x:1:a:b\nok:x:4294967295:\n", &mut seen);
        assert_eq!(seen.rows.len(), 1);
        assert_eq!(seen.rows[0].get(col::gid_signed).as_integer(), Some(-1));
        let details: Vec<&str> = seen.gaps.iter().map(|gap| &*gap.detail).collect();
        assert_eq!(details, ["line 1: not a group", "line 2: not a group", "line 3: not a group"]);
    }
}
