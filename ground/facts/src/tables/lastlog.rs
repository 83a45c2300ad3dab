//! The newest login of each account, kept apart from wtmp: what disagrees was edited.
//!
//! Source: lastlog(8) for the file, whose record's place is the user id; lastlog2(8) for the
//! database.

use std::path::Path;
use std::sync::Arc;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Row, Seen, Value, table_spec};

use crate::accounts::Accounts;
use crate::lastlog_file::{Newest, Rest};
use crate::reach::Reach;
use crate::{Host, lastlog_file, login_databases, sqlite_file};

table_spec! {
    /// Newest logins.
    pub static SPEC, col = "lastlog": Files, "The newest login of each account, from lastlog and lastlog2.";
    uid BigInt Plain "User id; null for a name in lastlog2 that has no account.";
    username Text Plain "Login name; null for a user id that has no account.";
    tty Text Plain "Terminal.";
    host Text Plain "Remote host.";
    time BigInt Plain "When, in seconds since 1970.";
    service Text Plain "PAM service (lastlog2 only).";
    path Text Plain "File.";
}

const FILE: &str = "/var/log/lastlog";
const DATABASE: &str = "/var/lib/lastlog/lastlog2.db";

/// Reads both where they exist.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let accounts = Accounts::of(host, SPEC.name, seen);
    let path = Value::from(FILE);
    let mut each = |newest: &Newest<'_>| seen.push(row(newest, &path, &accounts));
    match lastlog_file::read(host.machine(), Path::new(FILE), &mut each) {
        Ok(rest) => gaps(rest, seen),
        Err(miss) => crate::host::note(SPEC.name, &miss, seen),
    }
    if let Some(bytes) = host.read(SPEC.name, Path::new(DATABASE), limits::DATABASE, seen) {
        parse_database(bytes, &accounts, seen);
        super::last::sqlite_log(&mut Reach::new(host, SPEC.name), DATABASE, seen);
    }
}

/// Parses lastlog: one row a record that is not empty.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    let (path, accounts) = (Value::from(FILE), Accounts::default());
    let rest = lastlog_file::read_bytes(bytes, &mut |newest| {
        seen.push(row(newest, &path, &accounts));
    });
    gaps(rest, seen);
}

fn row(newest: &Newest<'_>, path: &Value, accounts: &Accounts) -> Row {
    let account = u32::try_from(newest.uid).ok().and_then(|uid| accounts.by_uid(uid));
    let mut row = SPEC.row();
    row.put(col::uid, i64::try_from(newest.uid).ok())
        .put(col::username, account.map(|account| Arc::clone(&account.name)))
        .put(col::tty, newest.tty)
        .put(col::host, newest.host)
        .put(col::time, newest.seconds)
        .put(col::path, path.clone());
    row
}

fn gaps(rest: Rest, seen: &mut Seen) {
    if let Some(cut) = rest.cut {
        let detail = format!("nothing was read from byte {cut} on");
        seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail).at(FILE));
    } else if rest.torn > 0 {
        let detail = format!("{} bytes after the last whole record", rest.torn);
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(FILE));
    }
}

fn parse_database(bytes: Vec<u8>, accounts: &Accounts, seen: &mut Seen) {
    let path = Value::from(DATABASE);
    let text = sqlite_file::cell_text;
    let result = login_databases::lastlog2(bytes, &mut |newest| {
        let name = text(newest.user());
        let account = name.as_text().and_then(|name| accounts.by_name(name));
        let mut row = SPEC.row();
        row.put(col::uid, account.map(|account| account.uid))
            .put(col::username, name)
            .put(col::tty, text(newest.tty()))
            .put(col::host, text(newest.host()))
            .put(col::time, newest.time())
            .put(col::service, text(newest.service()))
            .put(col::path, path.clone());
        seen.push(row);
    });
    if let Err(error) = result {
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, error.to_string()).at(DATABASE));
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;
    use crate::sqlite_file::tests::made;

    const RECORD: usize = 292;

    fn record(time: u32, host: &str) -> Vec<u8> {
        let mut bytes = vec![0; RECORD];
        bytes[..4].copy_from_slice(&time.to_le_bytes());
        bytes[4..9].copy_from_slice(b"pts/0");
        bytes[36..36 + host.len()].copy_from_slice(host.as_bytes());
        bytes
    }

    #[test]
    fn a_sparse_file_gives_only_those_who_logged_in() {
        let mut file = record(1_700_000_000, "198.51.100.7");
        file.resize(RECORD * 1000, 0);
        file.extend(record(1_700_000_100, "evil"));
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
            .file(FILE, &file)
            .file(
                DATABASE,
                made(
                    "CREATE TABLE Lastlog2(Name TEXT PRIMARY KEY, Time INTEGER, TTY TEXT, \
                     RemoteHost TEXT, Service TEXT); \
                     INSERT INTO Lastlog2 VALUES ('root', 1700000005, 'pts/3', 'h', 'sshd');",
                ),
            );
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let line = |row: &stanch_words::Row| {
            [col::uid, col::username, col::host, col::time]
                .map(|c| row.get(c).to_string())
                .join(" ")
        };
        let lines: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            lines,
            ["0 root 198.51.100.7 1700000000", "1000  evil 1700000100", "0 root h 1700000005"]
        );
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn a_file_cut_anywhere_gives_whole_records_and_a_gap() {
        let file = record(1_700_000_000, "h").repeat(2);
        for cut in RECORD..=file.len() {
            let mut seen = Seen::default();
            parse(&file[..cut], &mut seen);
            assert_eq!(seen.rows.len(), cut / RECORD);
            assert_eq!(seen.gaps.len(), usize::from(cut % RECORD != 0));
        }
    }
}
