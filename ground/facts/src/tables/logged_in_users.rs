//! Who is logged in now.
//!
//! Source: utmp(5). Distributions that dropped utmp (Debian 13, openSUSE) have only systemd's
//! sessions: sd-login(3), the state files of `systemd-logind` under `/run/systemd/sessions`.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

use crate::Host;
use crate::lines::number;
use crate::login_records;
use crate::reach::Reach;

table_spec! {
    /// Present logins.
    pub static SPEC, col = "logged_in_users": Files, "Records of utmp, and systemd's sessions where there is no utmp.";
    r#type Text Plain "Kind of record: user for a login; boot_time, runlevel, login, init, dead for the others.";
    user Text Plain "Login name.";
    tty Text Plain "Terminal.";
    host Text Plain "Remote host.";
    time BigInt Plain "When, in seconds since 1970.";
    pid Integer Plain "Process id.";
    sid Text Plain "Always null on Linux.";
    registry_hive Text Plain "Always null on Linux.";
    address Text Plain "Remote address from the record's address field.";
    service Text Plain "PAM service (systemd's sessions only).";
    session Text Plain "Session id.";
    path Text Plain "File.";
}

const SESSIONS: &str = "/run/systemd/sessions";

/// Reads utmp, else systemd's sessions.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    for path in ["/run/utmp", "/var/run/utmp"] {
        let bytes = host.read(SPEC.name, Path::new(path), limits::LOG_FILE, seen);
        if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
            return parse(&bytes, path, seen);
        }
    }
    let mut reach = Reach::new(host, SPEC.name);
    for entry in reach.list(Path::new(SESSIONS), seen) {
        // A session has a file of its name and a FIFO `NAME.ref`.
        if entry.kind != stanch_machine::FileKind::Regular {
            continue;
        }
        let path = Path::new(SESSIONS).join(&entry.name);
        if let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) {
            session(&bytes, &path, seen);
        }
    }
    reach.finish(seen);
}

/// Parses utmp. As in osquery, records of process 1 are left out.
pub fn parse(bytes: &[u8], path: &str, seen: &mut Seen) {
    let path = Value::from(path);
    let (records, left) = login_records::records(bytes);
    for record in records.filter(|record| record.pid != 1) {
        let mut row = SPEC.row();
        row.put(col::r#type, type_name(record.kind))
            .put(col::user, record.user)
            .put(col::tty, record.tty)
            .put(col::host, record.host)
            .put(col::time, record.seconds)
            .put(col::pid, record.pid)
            .put(col::address, record.address())
            .put(col::session, record.session.to_string())
            .put(col::path, path.clone());
        seen.push(row);
    }
    if left > 0 {
        let detail = format!("{left} bytes after the last whole record");
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(path.to_string()));
    }
}

/// Parses a state file of systemd-logind: `NAME=value` lines.
fn session(bytes: &[u8], path: &Path, seen: &mut Seen) {
    let mut row = SPEC.row();
    for line in bytes.split(|&b| b == b'\n') {
        let Some(equals) = line.iter().position(|&b| b == b'=') else { continue };
        let (name, value) = line.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        match name {
            b"USER" => row.put(col::user, value),
            b"TTY" => row.put(col::tty, value),
            b"REMOTE_HOST" => row.put(col::host, value),
            b"SERVICE" => row.put(col::service, value),
            b"LEADER" => row.put(col::pid, number::<i64>(value)),
            b"REALTIME" => {
                let time = number::<i64>(value).map(|time| time.div_euclid(1_000_000));
                row.put(col::time, time)
            }
            _ => &mut row,
        };
    }
    if row.get(col::user).is_null() {
        let at = Value::from(path).to_string();
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, "no session").at(at));
        return;
    }
    let id = path.file_name().map(|id| Value::from(Path::new(id)));
    row.put(col::r#type, "user").put(col::session, id).put(col::path, path);
    seen.push(row);
}

/// Returns osquery's word for a kind of record.
fn type_name(kind: i16) -> &'static str {
    match kind {
        0 => "empty",
        1 => "runlevel",
        2 => "boot_time",
        3 => "new_time",
        4 => "old_time",
        5 => "init",
        6 => "login",
        7 => "user",
        8 => "dead",
        9 => "accounting",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;
    use crate::login_records::tests::{data, record};

    #[test]
    fn plasos_utmp_gives_fourteen_records() {
        let mut seen = Seen::default();
        parse(&data("utmp"), "/run/utmp", &mut seen);
        assert_eq!(seen.rows.len(), 14);
        assert_eq!(seen.gaps, []);
        assert!(seen.rows.iter().any(|row| row.get(col::r#type).as_text() == Some("user")));
    }

    #[test]
    fn utmp_is_preferred_to_sessions() {
        let machine = Pretend::new()
            .file("/run/utmp", record(7, "root", "pts/0", "198.51.100.7", 1_700_000_000))
            .file("/run/systemd/sessions/1", "UID=0\nUSER=root\n");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!(seen.rows.len(), 1);
        assert_eq!(seen.rows[0].get(col::pid).as_integer(), Some(4242));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn without_utmp_systemd_sessions_are_read() {
        let machine = Pretend::new()
            .file("/etc/passwd", "")
            .file(
                "/run/systemd/sessions/c7",
                "# This is private data. Do not parse.\nUID=1000\nUSER=ann\nACTIVE=1\nREMOTE=1\n\
                 REMOTE_HOST=198.51.100.7\nSERVICE=sshd\nLEADER=812\nREALTIME=1700000000123456\n",
            )
            .file("/run/systemd/sessions/bad", b"\xff");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!(seen.rows.len(), 1);
        let row = &seen.rows[0];
        assert_eq!(row.get(col::user).as_text(), Some("ann"));
        assert_eq!(row.get(col::host).as_text(), Some("198.51.100.7"));
        assert_eq!(row.get(col::time).as_integer(), Some(1_700_000_000));
        assert_eq!(row.get(col::session).as_text(), Some("c7"));
        assert_eq!(seen.gaps.len(), 1);
    }
}
