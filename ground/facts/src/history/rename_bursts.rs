//! Very many files that got the same new ending within seconds, as the kernel's audit log tells.
//!
//! Programs that encrypt what they find rename each file when it is done. Where audit rules watch
//! renames (CIS benchmarks and PCI DSS ask for that) every one is a record with the old and the
//! new name. A name that loses an ending (`.tmp`, `.dpkg-new`) is how files are replaced, and is
//! not counted.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use stanch_words::{Event, EventKind, Field, Gap, GapKind, Seen, Text};

use super::kept::{Told, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source};
use crate::Host;
use crate::load_history::{LoadHistory, Measure, changes};
use crate::logs::stamps::SECOND;
use crate::tables::load_history::rounded;
use crate::tables::rename_bursts::{SPEC, col};

pub(super) static FOLD: FoldKind =
    FoldKind { takes: &[EventKind::FileDelete], new: || Box::new(RenameBursts::default()) };

/// A burst is so many renames within so long: 25 a second (catalogue P10), for four seconds.
const RENAMES: usize = 100;
const WINDOW: i64 = 4 * SECOND;
/// A pause of so long ends it.
const PAUSE: i64 = 60 * SECOND;
/// How many accounts with endings are followed, how many directories and programs are kept of
/// each, how many bursts are told, and the longest ending.
const FOLLOWED: usize = 4_000;
const DIRECTORIES: usize = 256;
const PROGRAMS: usize = 8;
const MOST: usize = 200;
const LONGEST: usize = 64;

#[derive(Default)]
struct RenameBursts {
    followed: HashMap<(Option<i64>, Box<str>), Run>,
    bursts: Vec<(Option<i64>, Box<str>, Run)>,
    left_out: u64,
}

/// Renames of one account to one ending, without a long pause.
#[derive(Default)]
struct Run {
    recent: VecDeque<i64>,
    /// The most within the window.
    most: usize,
    count: u64,
    first: i64,
    last: i64,
    user: Box<str>,
    directories: BTreeSet<Box<str>>,
    programs: BTreeSet<Box<str>>,
    example: (Box<str>, Box<str>),
    lines: Vec<Told>,
}

impl Fold for RenameBursts {
    fn event(&mut self, event: &Event<'_>, _source: &Source) {
        if !event.text("syscall").starts_with("rename") || event.text("result") == "failure" {
            return;
        }
        let (Some(time), Some((old, new))) = (event.time, names(event)) else { return };
        let Some(ending) = ending(&old, &new) else { return };
        let account = event.number("auid").or(event.uid);
        let key = (account, Box::from(ending));
        if self.followed.len() >= FOLLOWED && !self.followed.contains_key(&key) {
            self.followed.retain(|_, run| run.most >= RENAMES || time - run.last < PAUSE);
            if self.followed.len() >= FOLLOWED {
                self.left_out = self.left_out.saturating_add(1);
                return;
            }
        }
        let run = self.followed.entry(key.clone()).or_default();
        if run.count > 0 && time.saturating_sub(run.last) > PAUSE {
            let done = std::mem::take(run);
            if done.most >= RENAMES && self.bursts.len() < MOST {
                self.bursts.push((key.0, key.1, done));
            }
        }
        run.add(event, time, &old, &new);
    }

    fn end(mut self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        let last = std::mem::take(&mut self.followed);
        let last = last.into_iter().filter(|(_, run)| run.most >= RENAMES);
        self.bursts.extend(last.map(|((account, ending), run)| (account, ending, run)));
        self.bursts.sort_by(|a, b| (a.2.first, &a.1).cmp(&(b.2.first, &b.1)));
        if self.bursts.len() > MOST || self.left_out > 0 {
            let detail = format!("more than {MOST} bursts or {FOLLOWED} endings; some left out");
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
            self.bursts.truncate(MOST);
        }
        let history = if self.bursts.is_empty() { None } else { Some(LoadHistory::of(host)) };
        for (account, ending, run) in &self.bursts {
            let (written, usual) = history.as_deref().map_or((None, None), |all| run.written(all));
            let names = |names: &BTreeSet<Box<str>>| {
                names.iter().map(|name| &**name).collect::<Vec<_>>().join(", ")
            };
            let mut row = SPEC.row();
            row.put(col::user, &*run.user)
                .put(col::uid, *account)
                .put(col::ending, &**ending)
                .put(col::count, run.count)
                .put(col::most, u64::try_from(run.most).unwrap_or(u64::MAX))
                .put(col::directories, u64::try_from(run.directories.len()).unwrap_or(u64::MAX))
                .put(col::programs, names(&run.programs))
                .put(col::first_time, run.first.div_euclid(SECOND))
                .put(col::last_time, run.last.div_euclid(SECOND))
                .put(col::old_path, &*run.example.0)
                .put(col::new_path, &*run.example.1)
                .put(col::disk_written_kib, written.map(rounded))
                .put(col::usual_written_kib, usual.map(rounded))
                .put(col::lines, as_json(&run.lines));
            if let Some(told) = run.lines.first() {
                row.put(col::file, &*told.source)
                    .put(col::line, told.line)
                    .put(col::excerpt, &*told.excerpt);
            }
            seen.push(row);
        }
        vec![(SPEC.name, seen)]
    }
}

impl Run {
    fn add(&mut self, event: &Event<'_>, time: i64, old: &str, new: &str) {
        // Records of several processors come a little out of order.
        self.recent.push_back(time);
        while self.recent.front().is_some_and(|first| time.saturating_sub(*first) > WINDOW) {
            self.recent.pop_front();
        }
        if self.recent.len() > RENAMES.saturating_mul(100) {
            self.recent.pop_front();
        }
        self.most = self.most.max(self.recent.len());
        if self.count == 0 {
            self.first = time;
            self.user = shortened(&event.user, 64).into();
            self.example = (shortened(old, 500).into(), shortened(new, 500).into());
        }
        self.count = self.count.saturating_add(1);
        self.last = self.last.max(time);
        let directory = new.rsplit_once('/').map_or("", |(directory, _)| directory);
        if self.directories.len() < DIRECTORIES && !self.directories.contains(directory) {
            self.directories.insert(directory.into());
        }
        let program = match event.text("exe") {
            "" => event.program.as_ref(),
            exe => exe,
        };
        if self.programs.len() < PROGRAMS && !self.programs.contains(program) {
            self.programs.insert(program.into());
        }
        if self.count.is_power_of_two() && self.lines.len() < 8 {
            let mut told = Told::of(event, Arc::from(event.place.file));
            told.excerpt = format!("{old} -> {new}").into();
            told.time = seconds(event);
            self.lines.push(told);
        }
    }

    /// Returns how much was written to disks meanwhile, and what is usual.
    fn written(&self, history: &LoadHistory) -> (Option<f64>, Option<f64>) {
        let (first, last) = (self.first.div_euclid(SECOND), self.last.div_euclid(SECOND));
        let value = |sample: &crate::load_history::Sample| sample.value(Measure::Written);
        let meanwhile = history.samples.iter().filter(|s| s.time >= first && s.begin() <= last);
        let most = meanwhile.filter_map(value).max_by(f64::total_cmp);
        (most, changes::quantile(history.samples.iter().filter_map(value).collect(), 0.5))
    }
}

/// Returns the old and the new name of a rename, absolute where the record tells it.
fn names(event: &Event<'_>) -> Option<(String, String)> {
    let list = |name: &str| match event.field(name) {
        Some(Field::List(all)) => all.as_slice(),
        _ => &[],
    };
    let (names, types) = (list("name"), list("nametype"));
    let of = |kind: &str| -> Option<&Text<'_>> {
        let mut all = names.iter().zip(types).filter(|(_, other)| *other == kind);
        all.next_back().map(|(name, _)| name)
    };
    let place = event.text("cwd").trim_end_matches('/');
    let whole = |name: &Text<'_>| match name.starts_with('/') {
        true => name.to_string(),
        false => format!("{place}/{}", name.trim_start_matches("./")),
    };
    Some((whole(of("DELETE")?), whole(of("CREATE")?)))
}

/// Returns the ending that the new name has and the old has not: `.locked` of `a.doc` and
/// `a.doc.locked`, and of `a.doc` and `x7f3.locked`.
fn ending<'n>(old: &str, new: &'n str) -> Option<&'n str> {
    let last = |path: &str| path.rfind('/').map_or(0, |at| at.saturating_add(1));
    let (old_name, new_name) = (old.get(last(old)..)?, new.get(last(new)..)?);
    let ending = match new_name.strip_prefix(old_name) {
        Some(added) => added,
        None => {
            let ending = new_name.get(new_name.rfind('.').filter(|&at| at > 0)?..)?;
            // The whole name, or the old ending kept, or a replacement of a hidden new file.
            if old_name.ends_with(ending) || old_name.starts_with('.') {
                return None;
            }
            // `a.txt.tmp` becomes `a.txt`.
            if old_name.starts_with(new_name) {
                return None;
            }
            ending
        }
    };
    (!ending.is_empty() && ending.len() <= LONGEST).then_some(ending)
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;
    use crate::history::Witness;
    use crate::logs::{Context, Stream};

    /// Records of renames, so many a second, in so many directories.
    fn log(
        count: i64,
        per_second: i64,
        directories: i64,
        names: impl Fn(i64) -> (String, String),
    ) -> String {
        let record = |at: i64| {
            let micros = at * 1_000 / per_second;
            let stamp =
                format!("{}.{:03}:{}", 1_783_414_661 + micros / 1_000, micros % 1_000, at + 1);
            let (old, new) = names(at);
            let dir = format!("/srv/data/{}", at % directories);
            format!(
                "type=SYSCALL msg=audit({stamp}): arch=c000003e syscall=82 success=yes exit=0 items=4 \
                 ppid=1 pid=2 auid=1000 uid=0 comm=\"python3\" exe=\"/usr/bin/python3.11\" key=\"delete\"\n\
                 type=CWD msg=audit({stamp}): cwd=\"/\"\n\
                 type=PATH msg=audit({stamp}): item=0 name=\"{dir}/\" nametype=PARENT\n\
                 type=PATH msg=audit({stamp}): item=1 name=\"{dir}/\" nametype=PARENT\n\
                 type=PATH msg=audit({stamp}): item=2 name=\"{dir}/{old}\" nametype=DELETE\n\
                 type=PATH msg=audit({stamp}): item=3 name=\"{dir}/{new}\" nametype=CREATE\n"
            )
        };
        (0..count).map(record).collect()
    }

    /// Ending, count, directories, account.
    type Shown = (String, Option<i64>, Option<i64>, Option<i64>);

    fn rows(log: &str) -> Vec<Shown> {
        let source = Source::new("/var/log/audit/audit.log".into(), Witness::Audit);
        let mut fold = Box::new(RenameBursts::default());
        let mut stream = Stream::new(Context::new("/var/log/audit/audit.log", 1 << 50), None);
        let takes = |event: &Event<'_>| FOLD.takes.contains(&event.kind);
        stream.feed(log.as_bytes(), &mut |event| {
            if takes(event) {
                fold.event(event, &source)
            }
        });
        stream.end(&mut |event| {
            if takes(event) {
                fold.event(event, &source)
            }
        });
        let host = Host::new(Arc::new(Pretend::new()));
        let seen = fold.end(&host).remove(0).1;
        let row = |row: &stanch_words::Row| {
            let number = |column| row.get(column).as_integer();
            let ending = row.get(col::ending).as_text().unwrap_or_default().to_owned();
            (ending, number(col::count), number(col::directories), number(col::uid))
        };
        seen.rows.iter().map(row).collect()
    }

    #[test]
    fn a_storm_of_one_ending_is_one_burst() {
        let appended = log(300, 50, 7, |at| (format!("f{at}.doc"), format!("f{at}.doc.locked")));
        let replaced = log(300, 50, 7, |at| (format!("f{at}.doc"), format!("{at}x.crypt")));
        let row = |ending: &str| (ending.to_owned(), Some(300), Some(7), Some(1000));
        assert_eq!(rows(&appended), [row(".locked")]);
        assert_eq!(rows(&replaced), [row(".crypt")]);
    }

    #[test]
    fn slow_renames_and_files_that_are_replaced_are_none() {
        let slow = log(300, 5, 7, |at| (format!("f{at}.doc"), format!("f{at}.doc.locked")));
        let temporary = log(300, 50, 7, |at| (format!("f{at}.doc.tmp"), format!("f{at}.doc")));
        let package = log(300, 50, 7, |at| (format!("f{at}.so.dpkg-new"), format!("f{at}.so")));
        let rsync = log(300, 50, 7, |at| (format!(".f{at}.doc.Xq12zA"), format!("f{at}.doc")));
        let moved = log(300, 50, 7, |at| (format!("f{at}.doc"), format!("g{at}.doc")));
        for log in [slow, temporary, package, rsync, moved] {
            assert_eq!(rows(&log), []);
        }
    }

    #[test]
    fn the_same_count_with_different_endings_is_none() {
        let many = log(300, 50, 7, |at| (format!("f{at}"), format!("f{at}.{at}")));
        assert_eq!(rows(&many), []);
    }
}
