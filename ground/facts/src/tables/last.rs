//! Past logins, logouts and boots.
//!
//! Source: utmp(5) for `/var/log/wtmp`; for `wtmp.db` the schema of wtmpdb 0.13
//! (<https://github.com/thkukuk/wtmpdb>), which replaces it where 32-bit times had to go.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Row, Seen, Value, table_spec};

use crate::login_records::{self, LoginRecord};
use crate::reach::Reach;
use crate::{Host, login_databases, sqlite_file};

table_spec! {
    /// Login records.
    pub static SPEC, col = "last": Files, "Logins, logouts, boots and shutdowns recorded in wtmp, wtmp.1 and wtmp.db, oldest file first, in the order of the file.";
    username Text Plain "User name; for boots `reboot`, for shutdowns `shutdown`.";
    tty Text Plain "Terminal.";
    pid Integer Plain "Process id of the login.";
    r#type Integer Plain "Kind of record (utmp(5)): 1 run level, 2 boot, 7 login, 8 logout.";
    type_name Text Plain "The kind's name, such as `user-process`.";
    time BigInt Plain "When, in seconds since 1970.";
    host Text Plain "Remote host as the login program wrote it; for boots the kernel's release.";
    address Text Plain "Remote address from the record's address field, null if it is empty.";
    session BigInt Plain "Session id.";
    service Text Plain "PAM service (wtmp.db only).";
    microseconds BigInt Plain "Fraction of the time.";
    zeroed Integer Plain "1 if every byte of the record is zero, as log cleaners leave it.";
    record BigInt Plain "Number of the record in its file, from 1; row id in wtmp.db.";
    path Text Plain "File.";
}

const DATABASE: &str = "/var/lib/wtmpdb/wtmp.db";

/// Reads the files that exist.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    for path in ["/var/log/wtmp.1", "/var/log/wtmp"] {
        if let Some(bytes) = host.read(SPEC.name, Path::new(path), limits::LOG_FILE, seen) {
            parse(&bytes, path, seen);
        }
    }
    if let Some(bytes) = host.read(SPEC.name, Path::new(DATABASE), limits::DATABASE, seen) {
        parse_database(bytes, DATABASE, seen);
        let mut reach = Reach::new(host, SPEC.name);
        sqlite_log(&mut reach, DATABASE, seen);
    }
}

/// Leaves a gap if a database has a write-ahead log: what is in it was not read.
pub(super) fn sqlite_log(reach: &mut Reach<'_>, path: &str, seen: &mut Seen) {
    let log = format!("{path}-wal");
    if reach.host.machine().stat(Path::new(&log)).is_ok_and(|stat| stat.size > 0) {
        reach.gap(GapKind::Truncated, "the write-ahead log was not read", Path::new(&log), seen);
    }
}

/// Parses wtmp. Every whole record is a row.
pub fn parse(bytes: &[u8], path: &str, seen: &mut Seen) {
    let path = Value::from(path);
    let (records, left) = login_records::records(bytes);
    let mut odd = 0_u64;
    for (place, record) in records.enumerate() {
        odd = odd.saturating_add(u64::from(!(0..=9).contains(&record.kind)));
        let mut row = row(&record, &path);
        row.put(col::record, place.saturating_add(1));
        seen.push(row);
    }
    if odd > 0 {
        let detail = format!("{odd} records of an unknown kind");
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(path.to_string()));
    }
    if left > 0 {
        let detail = format!("{left} bytes after the last whole record");
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(path.to_string()));
    }
}

fn row(record: &LoginRecord<'_>, path: &Value) -> Row {
    let mut row = SPEC.row();
    row.put(col::username, record.user)
        .put(col::tty, record.tty)
        .put(col::pid, record.pid)
        .put(col::r#type, record.kind)
        .put(col::type_name, type_name(i64::from(record.kind)))
        .put(col::time, record.seconds)
        .put(col::host, record.host)
        .put(col::address, record.address())
        .put(col::session, record.session)
        .put(col::microseconds, record.microseconds)
        .put(col::zeroed, record.is_zeroed)
        .put(col::path, path.clone());
    row
}

/// Returns osquery's name of a kind of record.
fn type_name(kind: i64) -> &'static str {
    match kind {
        0 => "empty",
        1 => "run-level",
        2 => "boot-time",
        3 => "new-time",
        4 => "old-time",
        5 => "init-process",
        6 => "login-process",
        7 => "user-process",
        8 => "dead-process",
        9 => "accounting",
        _ => "",
    }
}

/// Parses wtmpdb's database: one row a login or boot, and one more for its end.
pub fn parse_database(bytes: Vec<u8>, path: &str, seen: &mut Seen) {
    let path = Value::from(path);
    let text = sqlite_file::cell_text;
    let result = login_databases::wtmpdb(bytes, &mut |login| {
        let both = [(login.kind(), login.begin()), (login.end_kind(), login.end())];
        for (kind, time) in both {
            let Some(time) = time else { continue };
            let mut row = SPEC.row();
            row.put(col::username, text(login.user()))
                .put(col::tty, text(login.tty()))
                .put(col::r#type, kind)
                .put(col::type_name, type_name(kind))
                .put(col::time, time.div_euclid(1_000_000))
                .put(col::host, text(login.host()))
                .put(col::service, text(login.service()))
                .put(col::microseconds, time.rem_euclid(1_000_000))
                .put(col::zeroed, 0)
                .put(col::record, login.id())
                .put(col::path, path.clone());
            seen.push(row);
        }
    });
    if let Err(error) = result {
        let gap = Gap::new(SPEC.name, GapKind::Damaged, error.to_string());
        seen.gap(gap.at(path.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login_records::tests::{data, record};
    use crate::sqlite_file::tests::made;

    #[test]
    fn plasos_wtmp_gives_four_rows_and_its_odd_byte() {
        let mut seen = Seen::default();
        parse(&data("wtmp.1"), "/var/log/wtmp.1", &mut seen);
        assert_eq!(seen.rows.len(), 4);
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "1 bytes after the last whole record");
    }

    #[test]
    fn plasos_aarch64_records_have_their_kinds_and_times() {
        let mut seen = Seen::default();
        parse(&data("utmp_aarch64"), "/var/log/wtmp", &mut seen);
        let kinds: Vec<String> =
            seen.rows.iter().map(|row| row.get(col::type_name).to_string()).collect();
        assert_eq!(
            kinds,
            ["empty", "dead-process", "boot-time", "run-level", "old-time", "new-time"]
        );
        assert_eq!(seen.rows[1].get(col::tty).as_text(), Some("tty2"));
        assert_eq!(seen.rows[1].get(col::time).as_integer(), Some(0x6a47_cdf6));
        assert_eq!(seen.rows[1].get(col::address).as_text(), Some("4.3.2.1"));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn a_zeroed_record_is_a_row_that_says_so() {
        let mut wtmp = record(7, "root", "pts/0", "198.51.100.7", 1_700_000_000);
        wtmp.extend([0; 384]);
        wtmp.extend(record(8, "", "pts/0", "", 1_700_000_100));
        let mut seen = Seen::default();
        parse(&wtmp, "/var/log/wtmp", &mut seen);
        let zeroed: Vec<Option<i64>> =
            seen.rows.iter().map(|row| row.get(col::zeroed).as_integer()).collect();
        assert_eq!(zeroed, [Some(0), Some(1), Some(0)]);
        assert_eq!(seen.rows[2].get(col::record).as_integer(), Some(3));
    }

    #[test]
    fn noise_gives_rows_and_says_that_it_is_noise() {
        let noise: Vec<u8> =
            (0..3840_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut seen = Seen::default();
        parse(&noise, "/var/log/wtmp", &mut seen);
        assert!(!seen.rows.is_empty());
        assert!(seen.gaps.iter().any(|gap| gap.detail.ends_with("records of an unknown kind")));
    }

    #[test]
    fn wtmpdb_gives_logins_and_logouts() {
        let database = made(
            "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, \
             Login INTEGER, Logout INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT) STRICT; \
             INSERT INTO wtmp VALUES (1, 1, 'reboot', 1700000000000001, NULL, '~', '6.1', NULL), \
             (3, 3, 'ann', 1700000100000000, 1700000200000000, 'pts/1', '198.51.100.7', 'sshd');",
        );
        let mut seen = Seen::default();
        parse_database(database, DATABASE, &mut seen);
        let line = |row: &Row| {
            [col::type_name, col::username, col::time, col::service]
                .map(|c| row.get(c).to_string())
                .join(" ")
        };
        let lines: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            lines,
            [
                "boot-time reboot 1700000000 ",
                "user-process ann 1700000100 sshd",
                "dead-process ann 1700000200 sshd",
            ]
        );
        assert_eq!(seen.gaps, []);
        parse_database(b"SQLite format 3\0 and no more".to_vec(), DATABASE, &mut seen);
        assert_eq!(seen.gaps.len(), 1);
    }
}
