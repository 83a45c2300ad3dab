//! The newest login of each account, kept apart from wtmp: what disagrees was edited.
//!
//! Source: lastlog(8), glibc `struct lastlog` (292 bytes: 32-bit time, 32 bytes terminal, 256
//! bytes host; the record's place is the user id); lastlog2(8) for the database.

use std::path::Path;
use std::sync::Arc;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

use crate::accounts::Accounts;
use crate::login_records::text;
use crate::reach::Reach;
use crate::{Host, sqlite_file};

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
const RECORD: usize = 292;
const MOST_ROWS: usize = 1_000_000;

/// Reads both where they exist.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let accounts = Accounts::of(host, SPEC.name, seen);
    let mut parser = Parser { place: 0, held: Vec::with_capacity(RECORD), found: Vec::new() };
    // The file is sparse: an account with a large id makes it huge and nearly empty, so it is
    // read in pieces and only what is not zero is kept.
    let cap = limits::LOG_FILE;
    match host.machine().read_pieces(Path::new(FILE), cap, &mut |piece| parser.feed(piece)) {
        Ok(_) => {
            let size = host.machine().stat(Path::new(FILE)).map_or(0, |stat| stat.size);
            if size > cap {
                let detail = format!("user ids from {} on were not read", parser.place);
                seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail).at(FILE));
                parser.held.clear();
            }
            parser.finish(&accounts, seen);
        }
        Err(miss) => crate::host::note(SPEC.name, &miss, seen),
    }
    if let Some(bytes) = host.read(SPEC.name, Path::new(DATABASE), limits::DATABASE, seen) {
        parse_database(bytes, &accounts, seen);
        super::last::sqlite_log(&mut Reach::new(host, SPEC.name), DATABASE, seen);
    }
}

/// Parses lastlog: one row a record that is not empty.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    let mut parser = Parser { place: 0, held: Vec::new(), found: Vec::new() };
    parser.feed(bytes);
    parser.finish(&Accounts::default(), seen);
}

struct Parser {
    place: u32,
    held: Vec<u8>,
    found: Vec<(u32, [u8; RECORD])>,
}

impl Parser {
    fn feed(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let missing = RECORD.saturating_sub(self.held.len()).min(piece.len());
            let (head, tail) = piece.split_at(missing);
            self.held.extend_from_slice(head);
            piece = tail;
            if let Ok(record) = <[u8; RECORD]>::try_from(&self.held[..]) {
                if record.iter().any(|&b| b != 0) {
                    self.found.push((self.place, record));
                }
                self.place = self.place.saturating_add(1);
                self.held.clear();
            }
        }
    }

    fn finish(&self, accounts: &Accounts, seen: &mut Seen) {
        let path = Value::from(FILE);
        for (uid, record) in &self.found {
            let [a, b, c, d, ..] = *record;
            let mut row = SPEC.row();
            row.put(col::uid, *uid)
                .put(col::username, accounts.by_uid(*uid).map(|a| Arc::clone(&a.name)))
                .put(col::tty, text(record, 4, 32))
                .put(col::host, text(record, 36, 256))
                .put(col::time, u32::from_le_bytes([a, b, c, d]))
                .put(col::path, path.clone());
            seen.push(row);
        }
        if !self.held.is_empty() {
            let detail = format!("{} bytes after the last whole record", self.held.len());
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(FILE));
        }
    }
}

fn parse_database(bytes: Vec<u8>, accounts: &Accounts, seen: &mut Seen) {
    let columns = ["Name", "Time", "TTY", "RemoteHost", "Service"];
    let path = Value::from(DATABASE);
    let result = sqlite_file::rows(bytes, "Lastlog2", &columns, MOST_ROWS, &mut |cells| {
        let text = |n: usize| sqlite_file::cell_text(cells.get(n));
        let name = text(0);
        let account = name.as_text().and_then(|name| accounts.by_name(name));
        let mut row = SPEC.row();
        row.put(col::uid, account.map(|account| account.uid))
            .put(col::username, name)
            .put(col::tty, text(2))
            .put(col::host, text(3))
            .put(col::time, sqlite_file::cell_integer(cells.get(1)))
            .put(col::service, text(4))
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
            [col::uid, col::username, col::host, col::time].map(|c| row.get(c).to_string()).join(" ")
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
        let file = record(1, "h").repeat(2);
        for cut in 0..=file.len() {
            let mut seen = Seen::default();
            parse(&file[..cut], &mut seen);
            assert_eq!(seen.rows.len(), cut / RECORD);
            assert_eq!(seen.gaps.len(), usize::from(cut % RECORD != 0));
        }
    }
}
