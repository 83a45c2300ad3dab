//! Accounts: who may exist on this machine, from `/etc/passwd` itself.
//!
//! Source: passwd(5). NSS is not asked: its modules are code of the machine.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;

table_spec! {
    /// Accounts of `/etc/passwd`.
    pub static SPEC, col = "users": Files, "Local accounts, one row a line of /etc/passwd.";
    uid BigInt Index "User id.";
    gid BigInt Plain "Primary group id, unsigned.";
    uid_signed BigInt Plain "User id as a signed 32-bit number.";
    gid_signed BigInt Plain "Primary group id as a signed 32-bit number.";
    username Text Index "Login name.";
    description Text Plain "Comment field (GECOS).";
    directory Text Plain "Home directory.";
    shell Text Plain "Login shell.";
    uuid Text Plain "Always empty on Linux.";
    password_field Text Plain "What stands in the password field: x, empty, * or ! if it is locked, or the word hash; a hash is never shown.";
    line Integer Plain "Line in /etc/passwd, from 1.";
}

/// Reads `/etc/passwd`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let path = Path::new("/etc/passwd");
    if let Some(bytes) = host.read(SPEC.name, path, limits::CONFIG_FILE, seen) {
        parse(&bytes, seen);
    }
}

/// Parses passwd(5). A line that is neither an account nor an NIS entry becomes a gap.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for (number, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let fields: Vec<&[u8]> = line.split(|&b| b == b':').collect();
        let [name, password, uid, gid, comment, home, shell] = fields[..] else {
            damaged(number, "not seven fields", seen);
            continue;
        };
        // `+name` and `-name` lines include NIS accounts; their ids may be empty.
        let nis = matches!(name.first(), Some(b'+' | b'-'));
        let (uid, gid) = (id(uid), id(gid));
        if (uid.is_none() || gid.is_none()) && !nis {
            damaged(number, "an id is not a number", seen);
            continue;
        }
        let mut row = SPEC.row();
        row.put(col::uid, uid)
            .put(col::gid, gid)
            .put(col::uid_signed, uid.map(signed))
            .put(col::gid_signed, gid.map(signed))
            .put(col::username, name)
            .put(col::description, comment)
            .put(col::directory, home)
            .put(col::shell, shell)
            .put(col::uuid, "")
            .put(col::password_field, password_word(password))
            .put(col::line, number);
        seen.push(row);
    }
}

fn damaged(line: u64, detail: &str, seen: &mut Seen) {
    let detail = format!("line {line}: {detail}");
    seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at("/etc/passwd"));
}

fn id(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

fn signed(id: u32) -> i64 {
    i64::from(id.cast_signed())
}

fn password_word(field: &[u8]) -> &'static str {
    match field {
        b"" => "",
        b"x" => "x",
        // A mark of a locked account may have the hash behind it.
        [b'*', ..] => "*",
        [b'!', ..] => "!",
        _ => "hash",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(seen: &Seen) -> Vec<String> {
        seen.rows.iter().map(|row| row.get(col::username).to_string()).collect()
    }

    #[test]
    fn passwd_with_two_roots() {
        let mut seen = Seen::default();
        parse(
            b"root:x:0:0:root:/root:/bin/bash\ntoor::0:0::/root:/bin/sh\n+nis::::::\n",
            &mut seen,
        );
        assert_eq!(names(&seen), ["root", "toor", "+nis"]);
        assert_eq!(seen.rows[1].get(col::uid).as_integer(), Some(0));
        assert_eq!(seen.rows[1].get(col::password_field).as_text(), Some(""));
        assert!(seen.rows[2].get(col::uid).is_null());
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn a_line_that_is_no_account_is_a_gap_and_not_lost() {
        let mut seen = Seen::default();
        parse(b"root:x:0:0:root:/root:/bin/bash\n\xff\x00junk\nx:x:y:0::/:/\n", &mut seen);
        assert_eq!(names(&seen), ["root"]);
        assert_eq!(seen.gaps.len(), 2);
        assert_eq!(seen.gaps[0].detail, "line 2: not seven fields");
    }
}
