//! The log sources of a machine: which files there are, in which order they are read.
//!
//! Source: the Filesystem Hierarchy Standard (`/var/log`), logrotate(8) (`.1`, `.2.gz`,
//! `-20261101`), the defaults of the daemons named below.

use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Machine, limits};
use stanch_words::{Seen, Value};

use crate::Host;
use crate::accounts::homes;
use crate::load_history;
use crate::logs::Format;
use crate::logs::stamps::{DAY, SECOND};
use crate::logs::years::Turns;
use crate::reach::Reach;
use crate::tables::shell_history::HISTORIES;

/// How deep `/var/log` is walked, and how many files are taken.
const DEPTH: usize = 5;
const FILES: usize = 20_000;

/// Rotations that follow each other within this go over less than a year.
const HOUR: i64 = 3_600 * SECOND;
const SHORT: i64 = 300 * DAY;

/// Folders of logs outside `/var/log`, with how deep they are walked.
const FOLDERS: [(&str, usize); 7] = [
    ("/var/log", DEPTH),
    ("/run/log/journal", 2),
    ("/var/lib/docker/containers", 2),
    ("/var/account", 1),
    ("/var/adm", 2),
    ("/opt/zeek/logs", 2),
    ("/usr/local/zeek/logs", 2),
];

/// Login records and databases kept elsewhere.
const FILES_ELSEWHERE: [&str; 4] =
    ["/run/utmp", "/var/run/utmp", "/var/lib/wtmpdb/wtmp.db", "/var/lib/lastlog/lastlog2.db"];

/// Which way an event came to us. The same deed is often told twice, by syslog and by the
/// journal: count in each witness apart and take the larger, never the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Witness {
    /// Text files.
    Text,
    /// The systemd journal.
    Journal,
    /// The kernel's audit log.
    Audit,
    /// utmp, wtmp, btmp, lastlog, wtmpdb.
    LoginRecords,
    /// Process accounting.
    Accounting,
    /// Histories of shells and clients.
    History,
    /// The running machine.
    Live,
}

impl Witness {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Journal => "journal",
            Self::Audit => "audit",
            Self::LoginRecords => "login-records",
            Self::Accounting => "accounting",
            Self::History => "history",
            Self::Live => "live",
        }
    }
}

/// A log source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// The same as text.
    text: String,
    /// The path without what rotation added: rotations of one log are one series.
    pub series: String,
    /// How old within its series: 0 is the one being written.
    pub generation: i64,
    /// The way it came.
    pub witness: Witness,
    /// The format, if the place tells it; else its beginning does.
    pub format: Option<&'static Format>,
    /// The account whose home it lies in.
    pub owner: Option<std::sync::Arc<str>>,
    /// When it was last written, in microseconds since 1970 UTC.
    pub modified: i64,
    /// No line is younger than this: when it was last written, if the others of its series agree.
    pub newest: i64,
    /// The year of its first stamp without one, if it had to be looked for.
    pub first_year: Option<i64>,
    /// Whether it goes over less than a year for sure.
    pub is_short: bool,
    /// Its size on the disk.
    pub size: u64,
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Format {}

impl Source {
    /// Returns a source; its series and generation are told from its name.
    pub fn new(path: PathBuf, witness: Witness) -> Self {
        let text = Value::from(path.as_path()).to_string();
        let (series, generation) = series(&text);
        Self {
            series,
            generation,
            text,
            path,
            witness,
            format: None,
            owner: None,
            modified: i64::MAX / 4,
            newest: i64::MAX / 4,
            first_year: None,
            is_short: false,
            size: 0,
        }
    }

    /// Returns the path as lossless text.
    pub fn path_text(&self) -> &str {
        &self.text
    }
}

/// Returns the sources of a machine, in the order in which they are to be read, and what could not
/// be looked at.
pub fn all(host: &Host) -> (Vec<Source>, Vec<stanch_words::Gap>) {
    let mut seen = Seen::default();
    let sources = find(host, "log_sources", &mut seen);
    (sources, seen.gaps)
}

/// Finds the sources, in the order in which they are to be read: series by series, oldest first.
pub(crate) fn find(host: &Host, table: &'static str, seen: &mut Seen) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut reach = Reach::new(host, table);
    for (folder, depth) in FOLDERS {
        walk(&mut reach, Path::new(folder), depth, &mut sources, seen);
    }
    for path in FILES_ELSEWHERE {
        add(&mut reach, PathBuf::from(path), &mut sources, seen);
    }
    for home in homes(host, table, None, seen) {
        let names = HISTORIES.iter().map(|(name, _)| *name).chain(CLIENT_HISTORIES);
        for name in names {
            let before = sources.len();
            add(&mut reach, home.path.join(name), &mut sources, seen);
            for source in sources.iter_mut().skip(before) {
                source.witness = Witness::History;
                source.owner = home.owners.first().map(|owner| std::sync::Arc::clone(&owner.name));
            }
        }
    }
    reach.finish(seen);
    sources.sort_by(|a, b| {
        let order = |source: &Source| std::cmp::Reverse(source.generation);
        (&a.series, order(a), a.modified, &a.text).cmp(&(&b.series, order(b), b.modified, &b.text))
    });
    sources.dedup_by(|a, b| a.path == b.path);
    order_years(host.machine(), &mut sources);
    sources
}

/// Finds out of when the lines of each source can be at most. Rotated logs were last written one
/// after the other; where their times say otherwise (copied without them, or set by hand) the
/// beginning of the next younger one is the bound.
fn order_years(machine: &dyn Machine, sources: &mut [Source]) {
    let mut younger: Option<(String, i64)> = None;
    for at in (0..sources.len()).rev() {
        let older = at.checked_sub(1).and_then(|at| sources.get(at));
        let older = older.map(|source| (source.series.clone(), source.modified));
        let Some(source) = sources.get_mut(at) else { return };
        let older = older.filter(|(series, _)| *series == source.series).map(|(_, time)| time);
        let bound = younger.take().filter(|(series, _)| *series == source.series);
        let bound = bound.map_or(i64::MAX, |(_, time)| time);
        let own = source.modified;
        let is_wrong = older.is_some_and(|older| older > own.saturating_add(DAY));
        source.newest = match is_wrong {
            true if bound < i64::MAX => bound,
            true => older.unwrap_or(own).max(own),
            false => own.min(bound),
        };
        let length = older.map(|older| source.newest.saturating_sub(older));
        source.is_short = !is_wrong && length.is_some_and(|length| (HOUR..SHORT).contains(&length));
        if source.witness == Witness::Text && older.is_some() && !source.is_short {
            let turns = Turns::of(machine, &source.path);
            let newest = source.newest.saturating_add(DAY);
            source.first_year = turns.and_then(|turns| turns.first_year(newest));
            let first = turns.and_then(|turns| turns.first_time(newest));
            younger = first.map(|first| (source.series.clone(), first.saturating_add(DAY)));
        }
    }
}

/// Histories of editors and clients, relative to the home.
pub(crate) const CLIENT_HISTORIES: [&str; 9] = [
    ".mysql_history",
    ".mariadb_history",
    ".psql_history",
    ".sqlite_history",
    ".rediscli_history",
    ".python_history",
    ".lesshst",
    ".viminfo",
    ".wget-hsts",
];

fn walk(
    reach: &mut Reach<'_>,
    root: &Path,
    depth: usize,
    sources: &mut Vec<Source>,
    seen: &mut Seen,
) {
    let mut folders = vec![(root.to_owned(), depth)];
    while let Some((folder, left)) = folders.pop() {
        for entry in reach.list(&folder, seen) {
            if sources.len() >= FILES {
                let detail = format!("more than {FILES} log files; the rest was left out");
                reach.gap(stanch_words::GapKind::Truncated, detail, &folder, seen);
                return;
            }
            let path = folder.join(&entry.name);
            match entry.kind {
                FileKind::Directory if left > 1 => folders.push((path, left.saturating_sub(1))),
                FileKind::Directory => {}
                // No log: the table load_history reads it.
                _ if load_history::is_archive(&path) => {}
                _ => add(reach, path, sources, seen),
            }
        }
    }
}

fn add(reach: &mut Reach<'_>, path: PathBuf, sources: &mut Vec<Source>, seen: &mut Seen) {
    let machine = reach.host.machine();
    // A link is followed inside the machine; where it leads to another log, that one is read once.
    let stat = match machine.stat(&path) {
        Ok(stat) => stat,
        Err(miss) => return reach.note(&miss, seen),
    };
    if stat.kind() != FileKind::Regular || stat.size == 0 {
        return;
    }
    let mut source = Source::new(path, Witness::Text);
    source.modified = stat.modified / 1000;
    source.size = stat.size;
    source.witness = witness(&source);
    sources.push(source);
}

/// Tells the witness from the name; the content decides the format all the same.
fn witness(source: &Source) -> Witness {
    let name = source.series.rsplit('/').next().unwrap_or_default();
    match name {
        _ if source.text.contains(".journal") => Witness::Journal,
        "audit.log" => Witness::Audit,
        "utmp" | "wtmp" | "btmp" | "lastlog" | "faillog" | "tallylog" | "wtmp.db"
        | "lastlog2.db" => Witness::LoginRecords,
        "pacct" | "psacct" => Witness::Accounting,
        _ => Witness::Text,
    }
}

/// Returns a path without what rotation and compression added, and how old it is: `.1`, `.2.gz`,
/// `-20261101`, `-20261101.xz`, `.1.log`.
fn series(path: &str) -> (String, i64) {
    let plain = [".gz", ".xz", ".bz2", ".zst"].iter().find_map(|end| path.strip_suffix(end));
    let plain = plain.unwrap_or(path);
    // `mysql.1.log`, as some rotate with `extension`.
    let (stem, end) = match plain.strip_suffix(".log") {
        Some(stem) => (stem, ".log"),
        None => (plain, ""),
    };
    let at = stem.rfind(['.', '-']);
    let Some((head, tail)) = at.and_then(|at| Some((stem.get(..at)?, stem.get(at + 1..)?))) else {
        return (plain.to_owned(), 0);
    };
    let Ok(number) = tail.parse::<i64>() else {
        return match tail {
            "old" => (format!("{head}{end}"), 1),
            _ => (plain.to_owned(), 0),
        };
    };
    match tail.len() {
        1..=3 => (format!("{head}{end}"), number),
        // A date: the later, the younger.
        8 | 10 | 14 if number > 19_900_000 => (format!("{head}{end}"), i64::MAX / 2 - number),
        _ => (plain.to_owned(), 0),
    }
}

/// Returns the machine's own zone: logs without one are in it.
pub fn zone(host: &Host) -> jiff::tz::TimeZone {
    struct Zone(jiff::tz::TimeZone);
    let zone = host.once(|host| {
        let path = Path::new("/etc/localtime");
        let contents = host.machine().read(path, limits::CONFIG_FILE);
        let zone = contents
            .ok()
            .and_then(|contents| jiff::tz::TimeZone::tzif("localtime", &contents.bytes).ok());
        Zone(zone.unwrap_or(jiff::tz::TimeZone::UTC))
    });
    zone.0.clone()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    /// Years of the first stamps of a log that was rotated each month, oldest first; the months
    /// since 2020 and the time of each file are given.
    fn years(files: &[(i64, i64)]) -> Vec<Option<i64>> {
        const NAMES: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let mut machine = Pretend::new();
        for (number, &(month, modified)) in files.iter().rev().enumerate() {
            let path = match number {
                0 => "/var/log/auth.log".to_owned(),
                _ => format!("/var/log/auth.log.{number}"),
            };
            let name = NAMES[usize::try_from(month % 12).unwrap()];
            let line =
                format!("{name}  5 04:05:06 web01 sshd[7]: Server listening on :: port 22.\n");
            machine = machine.file(path.as_str(), line.as_bytes());
            machine = machine.with(path.as_str(), |stat| stat.modified = modified * 1_000);
        }
        let host = Host::new(Arc::new(machine));
        let (mut seen, mut gaps, mut years) = (Seen::default(), Vec::new(), Vec::new());
        for source in find(&host, "log_sources", &mut seen) {
            let read =
                crate::history::read_source(&host, source, &|| {}, &mut gaps, &mut |_, _| {});
            let first = jiff::Timestamp::from_microsecond(read.first.unwrap()).unwrap();
            years.push(Some(i64::from(jiff::tz::TimeZone::UTC.to_datetime(first).year())));
        }
        years
    }

    fn month(number: i64) -> i64 {
        1_577_836_800 * SECOND + number * 30 * DAY + number / 2 * DAY + 20 * DAY
    }

    #[test]
    fn the_years_of_rotated_logs_follow_from_their_times_or_from_each_other() {
        let months: Vec<i64> = (0..40).map(|at| at + 20).collect();
        let expected: Vec<_> = months.iter().map(|month| Some(2020 + month / 12)).collect();
        let honest: Vec<_> = months.iter().map(|&at| (at, month(at))).collect();
        assert_eq!(years(&honest), expected);
        // A copy that did not keep the times.
        let copied: Vec<_> = months.iter().map(|&at| (at, month(60))).collect();
        assert_eq!(years(&copied), expected);
        // Somebody set one back by ten years.
        let mut set = honest.clone();
        set[17].1 = month(17) - 3_650 * DAY;
        assert_eq!(years(&set), expected);
    }

    #[test]
    fn rotations_are_one_series() {
        for (path, expected) in [
            ("/var/log/auth.log", ("/var/log/auth.log", 0)),
            ("/var/log/auth.log.1", ("/var/log/auth.log", 1)),
            ("/var/log/auth.log.12.gz", ("/var/log/auth.log", 12)),
            ("/var/log/mysql/error.2.log", ("/var/log/mysql/error.log", 2)),
            ("/var/log/secure-20261101", ("/var/log/secure", i64::MAX / 2 - 20_261_101)),
            (
                "/var/log/postgresql/postgresql-15-main.log",
                ("/var/log/postgresql/postgresql-15-main.log", 0),
            ),
            ("/var/log/Xorg.0.log", ("/var/log/Xorg.log", 0)),
        ] {
            let (series, generation) = series(path);
            assert_eq!((series.as_str(), generation), expected, "{path}");
        }
    }
}
