//! What is wrong with the login records as records: wiped, torn, out of order, without their
//! other half.
//!
//! Source: utmp(5): login programs only append, one record at a time, whole, and a clock that is
//! set leaves a record of its own. wtmpdb gives rows their numbers in order and removes only old
//! ones (`wtmpdb rotate`, which keeps logins that have not ended).

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Row, Seen, Value, table_spec};

use crate::login_records::{self, Layout, LoginRecord};
use crate::reach::Reach;
use crate::{Host, decompress, login_databases, process_files};

table_spec! {
    /// Damage of login records.
    pub static SPEC, col = "login_record_damage": Files, "Places in wtmp, btmp and wtmp.db where records are missing, wiped or out of order.";
    path Text Plain "File.";
    what Text Plain "zeroed, no-such-record, torn, time-backwards, logout-without-login, boot-missing, row-missing or ends-before-begin.";
    record BigInt Plain "Number of the record in its file, from 1; row id in wtmp.db.";
    offset BigInt Plain "Where it begins in the file (after decompression); null in wtmp.db.";
    count BigInt Plain "How many such records follow each other; bytes for torn, seconds for time-backwards.";
    username Text Plain "User of the record.";
    tty Text Plain "Terminal of the record.";
    time BigInt Plain "Time of the record, in seconds since 1970.";
    time_before BigInt Plain "Time of the record before it.";
    time_after BigInt Plain "Time of the record after it; null at the end of the file.";
    next_type BigInt Plain "Kind of the record after it (utmp(5): 2 boot, 7 login, 8 logout); null at the end of the file.";
    records BigInt Plain "Records in the file.";
}

const DATABASE: &str = "/var/lib/wtmpdb/wtmp.db";
/// How much later than a record the next may say to be earlier: programs race for the end.
const RACE: i64 = 60;
/// How far the clock may be wrong when a boot is recorded: a hardware clock in local time.
const BOOT_CLOCK: i64 = 26 * 3600;
/// How many rows a file may give.
const MOST: usize = 1000;
/// How many terminals are remembered.
const MOST_TERMINALS: usize = 10_000;
/// The most bytes of one file: btmp of a machine under attack is large.
const MOST_BYTES: u64 = 1 << 30;

/// Reads the files that exist, oldest first.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    let folder = Path::new("/var/log");
    let mut files: Vec<(i64, PathBuf)> = Vec::new();
    for entry in reach.list(folder, seen) {
        let name = entry.name.to_string_lossy();
        if ["wtmp", "btmp"].iter().any(|stem| {
            *name == **stem
                || name.starts_with(&format!("{stem}."))
                || name.starts_with(&format!("{stem}-"))
        }) {
            let path = folder.join(&entry.name);
            let changed = host.machine().stat(&path).map_or(0, |stat| stat.modified);
            files.push((changed, path));
        }
    }
    files.sort();
    let mut carried = Sessions::default();
    for (_, path) in files {
        let text = Value::from(path.as_path()).to_string();
        // Only the newest two are sure to follow each other.
        let sessions = if text == "/var/log/wtmp" {
            std::mem::take(&mut carried)
        } else {
            Sessions::default()
        };
        let mut checker = Checker::new(&text, sessions);
        let read = decompress::read_pieces(host.machine(), &path, MOST_BYTES, &mut |piece| {
            checker.feed(piece, seen);
        });
        match read {
            Ok(read) => seen.gaps.extend(read.gaps(SPEC.name, &path)),
            Err(miss) => reach.note(&miss, seen),
        }
        let ended = checker.end(seen);
        if text == "/var/log/wtmp" {
            boot_missing(host, &text, &ended, seen);
        }
        if text == "/var/log/wtmp.1" {
            carried = ended.sessions;
        }
    }
    if let Some(bytes) = host.read(SPEC.name, Path::new(DATABASE), limits::DATABASE, seen) {
        parse_database(bytes, DATABASE, seen);
    }
    reach.finish(seen);
}

/// Parses one file.
pub fn parse(bytes: &[u8], path: &str, seen: &mut Seen) {
    let mut checker = Checker::new(path, Sessions::default());
    checker.feed(bytes, seen);
    checker.end(seen);
}

/// What is known of the sessions since the last boot.
#[derive(Clone, Debug, Default)]
struct Sessions {
    /// Whether a boot was seen: what began before it is over.
    since_boot: bool,
    terminals: HashSet<Box<[u8]>>,
}

/// What a file held.
struct Ended {
    sessions: Sessions,
    /// The times of its boots.
    boots: Vec<i64>,
    first: Option<i64>,
    last_login: Option<i64>,
}

struct Checker<'p> {
    path: &'p str,
    layout: Option<Layout>,
    waiting: Vec<u8>,
    record: u64,
    before: Option<(i64, i16)>,
    sessions: Sessions,
    boots: Vec<i64>,
    first: Option<i64>,
    last_login: Option<i64>,
    /// A run of records without sense: its kind, its first record, how many.
    run: Option<(&'static str, u64, u64)>,
    /// Rows that wait for the record after them.
    rows: Vec<Row>,
    given: usize,
}

impl<'p> Checker<'p> {
    fn new(path: &'p str, sessions: Sessions) -> Self {
        Self {
            path,
            layout: None,
            waiting: Vec::new(),
            record: 0,
            before: None,
            sessions,
            boots: Vec::new(),
            first: None,
            last_login: None,
            run: None,
            rows: Vec::new(),
            given: 0,
        }
    }

    fn feed(&mut self, bytes: &[u8], seen: &mut Seen) {
        self.waiting.extend_from_slice(bytes);
        // The layout is found by many records, not by the first.
        if self.layout.is_none() && self.waiting.len() < 128 << 10 {
            return;
        }
        self.pass(seen);
    }

    fn pass(&mut self, seen: &mut Seen) {
        let waiting = std::mem::take(&mut self.waiting);
        let layout = *self.layout.get_or_insert_with(|| login_records::layout(&waiting));
        let records = waiting.chunks_exact(layout.size);
        let left = records.remainder().to_vec();
        for bytes in records {
            self.check(&layout.record(bytes), seen);
            self.record = self.record.saturating_add(1);
        }
        self.waiting = left;
    }

    fn check(&mut self, record: &LoginRecord<'_>, seen: &mut Seen) {
        let senseless = if record.is_zeroed {
            Some("zeroed")
        } else if !(0..=9).contains(&record.kind) {
            Some("no-such-record")
        } else {
            None
        };
        if let Some(what) = senseless {
            match &mut self.run {
                Some((run, _, count)) if *run == what => *count = count.saturating_add(1),
                _ => {
                    self.close_run();
                    self.run = Some((what, self.record, 1));
                }
            }
            return;
        }
        self.close_run();
        self.give(Some(record), seen);
        if let Some((before, kind)) = self.before {
            let back = before.saturating_sub(record.seconds);
            // A boot begins with the hardware's clock; one that is set says so by 4 and then 3.
            let is_set = matches!(record.kind, 1..=4) || matches!(kind, 1..=4);
            if back > RACE && record.seconds != 0 && !is_set {
                self.push("time-backwards", record, back);
            }
        }
        match record.kind {
            2 => {
                self.sessions = Sessions { since_boot: true, terminals: HashSet::new() };
                self.boots.push(record.seconds);
            }
            7 => {
                self.last_login = Some(self.last_login.unwrap_or(0).max(record.seconds));
                if self.sessions.terminals.len() < MOST_TERMINALS {
                    self.sessions.terminals.insert(record.tty.into());
                }
            }
            8 if self.sessions.since_boot
                && record.tty.starts_with(b"pts/")
                && self.sessions.terminals.len() < MOST_TERMINALS
                && !self.sessions.terminals.contains(record.tty) =>
            {
                self.push("logout-without-login", record, 1);
            }
            _ => {}
        }
        if record.seconds != 0 {
            self.first = self.first.or(Some(record.seconds));
            self.before = Some((record.seconds, record.kind));
        }
    }

    fn close_run(&mut self) {
        if let Some((what, first, count)) = self.run.take() {
            let row = self.row(what, first, count);
            self.rows.push(row);
        }
    }

    fn row(&self, what: &str, record: u64, count: u64) -> Row {
        let size = self.layout.map_or(0, |layout| layout.size as u64);
        let mut row = SPEC.row();
        row.put(col::path, self.path)
            .put(col::what, what)
            .put(col::record, record.saturating_add(1))
            .put(col::offset, record.saturating_mul(size))
            .put(col::count, count)
            .put(col::time_before, self.before.map(|(time, _)| time));
        row
    }

    fn push(&mut self, what: &str, record: &LoginRecord<'_>, count: i64) {
        let mut row = self.row(what, self.record, count.unsigned_abs());
        row.put(col::username, record.user)
            .put(col::tty, record.tty)
            .put(col::time, record.seconds);
        self.rows.push(row);
    }

    /// Gives the rows that waited, now that the record after them is known.
    fn give(&mut self, next: Option<&LoginRecord<'_>>, seen: &mut Seen) {
        for mut row in std::mem::take(&mut self.rows) {
            self.given = self.given.saturating_add(1);
            if self.given <= MOST {
                row.put(col::time_after, next.map(|next| next.seconds))
                    .put(col::next_type, next.map(|next| next.kind));
                seen.push(row);
            }
        }
    }

    fn end(mut self, seen: &mut Seen) -> Ended {
        self.pass(seen);
        self.close_run();
        if !self.waiting.is_empty() {
            let row = self.row("torn", self.record, self.waiting.len() as u64);
            self.rows.push(row);
        }
        self.give(None, seen);
        let records = self.record;
        let of_file = seen.rows.iter_mut().rev().take(self.given.min(MOST));
        for row in of_file {
            row.put(col::records, records);
        }
        if self.given > MOST {
            let detail = format!("{} places; only the first {MOST} are rows", self.given);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail).at(self.path));
        }
        Ended {
            sessions: self.sessions,
            boots: self.boots,
            first: self.first,
            last_login: self.last_login,
        }
    }
}

/// Gives a row if the boot of the running kernel is not in a wtmp that should have it: one that
/// has earlier boots, and in which a login since then is recorded.
fn boot_missing(host: &Host, path: &str, ended: &Ended, seen: &mut Seen) {
    // An image has no running kernel, and no such file.
    let Some(boot) = process_files::boot_time(host.machine()) else { return };
    let is_near = |time: &i64| time.abs_diff(boot) <= BOOT_CLOCK.unsigned_abs();
    let is_old = ended.first.is_some_and(|first| first < boot.saturating_sub(BOOT_CLOCK));
    let is_used = ended.last_login.is_some_and(|login| login > boot);
    // Where wtmpdb took over, boots are written there.
    let is_replaced = host.machine().stat(Path::new(DATABASE)).is_ok();
    if is_old
        && is_used
        && !is_replaced
        && !ended.boots.is_empty()
        && !ended.boots.iter().any(is_near)
    {
        let mut row = SPEC.row();
        row.put(col::path, path)
            .put(col::what, "boot-missing")
            .put(col::time, boot)
            .put(col::count, 1);
        seen.push(row);
    }
}

/// Parses wtmpdb's database.
pub fn parse_database(bytes: Vec<u8>, path: &str, seen: &mut Seen) {
    let path = Value::from(path);
    // Rows are few enough: id, begin, whether it has an end.
    let mut rows: Vec<(i64, Option<i64>, bool)> = Vec::new();
    let mut odd: Vec<Row> = Vec::new();
    let result = login_databases::wtmpdb(bytes, &mut |login| {
        let Some(id) = login.id() else { return };
        rows.push((id, login.begin(), login.end().is_some()));
        if let (Some(begin), Some(end)) = (login.begin(), login.end())
            && end < begin
            && odd.len() < MOST
        {
            let mut row = row_of(&path, "ends-before-begin", id, 1);
            row.put(col::time, begin.div_euclid(1_000_000))
                .put(col::username, crate::sqlite_file::cell_text(login.user()));
            odd.push(row);
        }
    });
    seen.rows.extend(odd);
    rows.sort_unstable();
    let mut rotating = true;
    for pair in rows.windows(2) {
        let &[(id, begin, has_end), (next, after, _)] = pair else { continue };
        // Rotation keeps old logins without an end, and takes those around them.
        rotating &= !has_end;
        let missing = next.saturating_sub(id).saturating_sub(1);
        if missing > 0 && !rotating {
            let mut row = row_of(&path, "row-missing", id.saturating_add(1), missing);
            row.put(col::time_before, begin.map(|time| time.div_euclid(1_000_000)))
                .put(col::time_after, after.map(|time| time.div_euclid(1_000_000)))
                .put(col::records, rows.len());
            seen.push(row);
        }
    }
    if let Err(error) = result {
        let gap = Gap::new(SPEC.name, GapKind::Damaged, error.to_string());
        seen.gap(gap.at(path.to_string()));
    }
}

fn row_of(path: &Value, what: &str, id: i64, count: i64) -> Row {
    let mut row = SPEC.row();
    row.put(col::path, path.clone())
        .put(col::what, what)
        .put(col::record, id)
        .put(col::count, count);
    row
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;
    use crate::login_records::tests::{data, record};
    use crate::sqlite_file::tests::made;

    const T: u32 = 1_700_000_000;

    fn told(seen: &Seen) -> Vec<String> {
        let line = |row: &Row| {
            [col::what, col::record, col::count, col::username, col::time_before, col::next_type]
                .map(|c| row.get(c).to_string())
                .join(" ")
        };
        seen.rows.iter().map(line).collect()
    }

    fn parsed(records: &[Vec<u8>]) -> Vec<String> {
        let mut seen = Seen::default();
        parse(&records.concat(), "/var/log/wtmp", &mut seen);
        told(&seen)
    }

    #[test]
    fn a_wiped_record_and_the_half_it_leaves() {
        let lines = parsed(&[
            record(2, "reboot", "~", "6.1", T),
            vec![0; 384],
            record(8, "", "pts/0", "", T + 100),
            record(7, "ann", "pts/1", "", T + 200),
            record(8, "", "pts/1", "", T + 300),
        ]);
        assert_eq!(lines, ["zeroed 2 1  1700000000 8", "logout-without-login 3 1  1700000000 7"]);
    }

    #[test]
    fn records_out_of_order_unless_the_clock_was_set_or_programs_raced() {
        let lines = parsed(&[
            record(7, "ann", "pts/0", "", T + 9000),
            record(7, "evil", "pts/9", "", T),
            record(7, "ann", "pts/1", "", T + 9100),
            record(8, "", "pts/1", "", T + 9099),
            record(4, "date", "|", "", T + 9200),
            record(3, "date", "{", "", T + 100),
            record(7, "ann", "pts/2", "", T + 200),
            record(2, "reboot", "~", "", T - 100_000),
            record(7, "ann", "pts/2", "", T - 99_000),
        ]);
        assert_eq!(lines, ["time-backwards 2 9000 evil 1700009000 7"]);
    }

    #[test]
    fn what_rotation_and_a_crash_leave_is_told_apart() {
        // The login of pts/0 is in a file that rotation removed: no boot is known, so no row.
        assert_eq!(parsed(&[record(8, "", "pts/0", "", T)]), Vec::<String>::new());
        // Zeroes at the end, and zeroes before a boot: a machine that crashed.
        let lines = parsed(&[
            record(7, "a", "pts/0", "", T),
            vec![0; 768],
            record(2, "reboot", "~", "", T + 9),
        ]);
        assert_eq!(lines, ["zeroed 2 2  1700000000 2"]);
        let mut seen = Seen::default();
        parse(&data("wtmp.1"), "/var/log/wtmp.1", &mut seen);
        assert_eq!(
            told(&seen).last().map(String::as_str),
            Some("torn 5 1  1322785278 "),
            "{:?}",
            told(&seen)
        );
    }

    #[test]
    fn a_boot_that_wtmp_does_not_know() {
        let wtmp = [record(2, "reboot", "~", "6.1", T), record(7, "ann", "pts/0", "", T + 900_000)]
            .concat();
        let machine = |wtmp: &[u8]| Pretend::new().file("/var/log/wtmp", wtmp);
        let lines = |machine: Pretend| {
            let mut seen = Seen::default();
            read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
            assert_eq!(seen.gaps, []);
            told(&seen)
        };
        let live = machine(&wtmp).file("/proc/stat", format!("cpu 1\nbtime {}\n", T + 800_000));
        assert_eq!(lines(live), ["boot-missing  1   "]);
        assert_eq!(lines(machine(&wtmp)), Vec::<String>::new());
    }

    #[test]
    fn rows_that_a_database_lost() {
        let database = |rows: &str| {
            made(&format!(
                "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, \
                 Login INTEGER, Logout INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT); \
                 INSERT INTO wtmp VALUES {rows};"
            ))
        };
        let lines = |rows: &str| {
            let mut seen = Seen::default();
            parse_database(database(rows), DATABASE, &mut seen);
            told(&seen)
        };
        let row = |id: i64, end: &str| format!("({id}, 3, 'a', {id}000000, {end}, 't', 'h', 's')");
        let lost = [row(5, "6000000"), row(6, "7000000"), row(9, "NULL")].join(",");
        assert_eq!(lines(&lost), ["row-missing 7 2  6 "]);
        // Rotation took 3 and 4, and left 2, which has not ended.
        let rotated = [row(2, "NULL"), row(5, "6000000"), row(6, "NULL")].join(",");
        assert_eq!(lines(&rotated), Vec::<String>::new());
        assert_eq!(lines(&row(8, "7000000")), ["ends-before-begin 8 1 a  "]);
    }

    #[test]
    fn a_cut_at_any_byte_and_noise_are_rows_and_no_panic() {
        let whole = record(7, "root", "pts/0", "198.51.100.7", T).repeat(3);
        for cut in 384..whole.len() {
            let mut seen = Seen::default();
            parse(&whole[..cut], "/var/log/wtmp", &mut seen);
            assert_eq!(seen.rows.len(), usize::from(cut % 384 != 0), "{cut}");
        }
    }
}
