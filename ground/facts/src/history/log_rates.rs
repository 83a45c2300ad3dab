//! How much each daemon says in each hour, and what it never said before.
//!
//! Every line of the system's logs comes here, so that a line costs two hashes and no allocation.

mod hours;
mod templates;

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Row, Seen};

use super::kept::{Times, Told, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::tables::log_rates::{SPEC, col};
use hours::Hours;
use templates::{Templates, hash};

pub(super) static FOLD: FoldKind = FoldKind { takes: &[], new: || Box::new(LogRates::default()) };

/// How many daemons in all logs are followed, and how many times of packages are kept.
const DAEMONS: usize = 600;
const MOST_TIMES: usize = 20_000;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// A template is new if it came in these last days of so many.
const NEW: i64 = 3 * DAY;
const KNOWN: i64 = 14 * DAY;
/// How often a new template must be said, and how many are told of one daemon.
const SAID: u32 = 4;
const TOLD: usize = 3;

/// The logs in which daemons of all kinds speak.
const LOGS: [&str; 10] = [
    "auth.log",
    "secure",
    "syslog",
    "messages",
    "cron",
    "kern.log",
    "daemon.log",
    "user.log",
    "maillog",
    "mail.log",
];

#[derive(Default)]
struct LogRates {
    daemons: Vec<Daemon>,
    by_hash: HashMap<u64, usize>,
    /// All lines of a series, by its number.
    series: Vec<(Box<str>, Hours)>,
    current: Option<usize>,
    path: String,
    file: Arc<str>,
    templates: Templates,
    packages: Times,
    left_out: u64,
}

/// One program in one log.
struct Daemon {
    series: usize,
    program: Box<str>,
    hours: Hours,
    last: Option<Told>,
}

impl Fold for LogRates {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        use EventKind as K;
        match event.kind {
            K::PackageInstall | K::PackageUpgrade | K::PackageRemove => {
                if let Some(time) = seconds(event) {
                    self.packages.keep(time, MOST_TIMES);
                }
                return;
            }
            // What another event of the same line tells once more.
            K::ProcessStart | K::ProcessSeen | K::ProcessEnd | K::WebRequest => return,
            _ => {}
        }
        if event.program.is_empty() {
            return;
        }
        let Some(series) = self.turn_to(source) else { return };
        let Some(time) = seconds(event) else { return };
        let hour = time.div_euclid(HOUR);
        if let Some((_, hours)) = self.series.get_mut(series) {
            hours.add(hour);
        }
        let Some(at) = self.daemon(series, &event.program) else { return };
        let Some(daemon) = self.daemons.get_mut(at) else { return };
        if daemon.hours.add(hour) {
            // Once an hour: the place where a silence begins.
            daemon.last = Some(Told::of(event, Arc::clone(&self.file)));
        }
        self.templates.take(at, event, time, &self.file);
    }

    fn end(mut self: Box<Self>, _host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        self.packages.sort();
        for daemon in &self.daemons {
            self.silence(daemon, &mut seen);
            self.scream(daemon, &mut seen);
        }
        self.new_templates(&mut seen);
        if self.left_out > 0 {
            let detail = format!("more than {DAEMONS} daemons; {} lines left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}

impl LogRates {
    /// Returns the number of a source's series; none if it is not followed.
    fn turn_to(&mut self, source: &Source) -> Option<usize> {
        if self.path == source.path_text() {
            return self.current;
        }
        source.path_text().clone_into(&mut self.path);
        self.file = Arc::from(source.path_text());
        let name = match source.witness {
            Witness::Journal => "journal",
            Witness::Text => source.series.as_str(),
            _ => "",
        };
        let last = name.rsplit('/').next().unwrap_or_default();
        let is_log = name == "journal" || name.starts_with("/var/log/") && LOGS.contains(&last);
        self.current = is_log.then(|| {
            let found = self.series.iter().position(|(other, _)| **other == *name);
            found.unwrap_or_else(|| {
                self.series.push((name.into(), Hours::default()));
                self.series.len().saturating_sub(1)
            })
        });
        self.current
    }

    fn daemon(&mut self, series: usize, program: &str) -> Option<usize> {
        let key = hash(program.as_bytes(), series);
        if let Some(&at) = self.by_hash.get(&key) {
            return Some(at);
        }
        if self.daemons.len() >= DAEMONS {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        let program = shortened(program, 64).into();
        self.daemons.push(Daemon { series, program, hours: Hours::default(), last: None });
        let at = self.daemons.len().saturating_sub(1);
        self.by_hash.insert(key, at);
        Some(at)
    }

    /// Tells a daemon that spoke in nearly every hour and then no more, while its log goes on.
    fn silence(&self, daemon: &Daemon, seen: &mut Seen) {
        let Some((_, log)) = self.series.get(daemon.series) else { return };
        let (Some(told), Some(newest)) = (&daemon.last, log.newest()) else { return };
        let Some(quiet) = daemon.hours.silence(newest) else { return };
        if log.spoken_in(quiet.last, newest).saturating_mul(5) < quiet.gap.saturating_mul(4) {
            return;
        }
        let from = quiet.last.saturating_add(1).saturating_mul(HOUR);
        let mut row = self.row("silent", daemon, from, newest.saturating_mul(HOUR), told);
        row.put(col::usual, daemon.hours.median())
            .put(col::hours, quiet.known)
            .put(col::gap, quiet.gap)
            .put(col::longest, quiet.longest);
        seen.push(row);
    }

    /// Tells a daemon whose loudest hour is far above all others.
    fn scream(&self, daemon: &Daemon, seen: &mut Seen) {
        let (Some(told), Some(loud)) = (&daemon.last, daemon.hours.scream()) else { return };
        let from = loud.hour.saturating_mul(HOUR);
        let mut row = self.row("screamed", daemon, from, from.saturating_add(HOUR), told);
        row.put(col::count, i64::from(loud.count))
            .put(col::usual, daemon.hours.median())
            .put(col::hours, daemon.hours.known())
            .put(col::longest, i64::from(loud.next));
        // The last line of the daemon is not the one that tells it.
        row.put(col::line, stanch_words::Value::Null).put(col::excerpt, "").put(col::lines, "[]");
        seen.push(row);
    }

    fn new_templates(&self, seen: &mut Seen) {
        let mut told: HashMap<usize, usize> = HashMap::new();
        let newest = self.series.iter().filter_map(|(_, hours)| hours.newest()).max();
        let newest = newest.unwrap_or(0).saturating_mul(HOUR);
        for (at, template) in self.templates.sorted() {
            let Some(daemon) = self.daemons.get(at) else { continue };
            let known = template.first.saturating_sub(daemon.hours.oldest().saturating_mul(HOUR));
            let fresh = template.first > newest.saturating_sub(NEW);
            if !fresh || known < KNOWN || template.count < SAID || self.templates.is_free(at) {
                continue;
            }
            let count = told.entry(at).or_default();
            *count = count.saturating_add(1);
            if *count > TOLD {
                continue;
            }
            let mut row =
                self.row("new-template", daemon, template.first, template.last, &template.told);
            row.put(col::count, i64::from(template.count))
                .put(col::usual, daemon.hours.total())
                .put(col::hours, known.div_euclid(HOUR));
            seen.push(row);
        }
    }

    fn row(&self, kind: &str, daemon: &Daemon, first: i64, last: i64, told: &Told) -> Row {
        let near =
            self.packages.is_any_within(first.saturating_sub(DAY), first.saturating_add(HOUR));
        let series = self.series.get(daemon.series).map_or("", |(name, _)| name);
        let mut row = SPEC.row();
        row.put(col::kind, kind)
            .put(col::series, series)
            .put(col::program, &*daemon.program)
            .put(col::first_time, first)
            .put(col::last_time, last)
            .put(col::near_package, i64::from(near))
            .put(col::file, &*told.source)
            .put(col::line, told.line)
            .put(col::excerpt, &*told.excerpt)
            .put(col::lines, as_json([told]));
        row
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use stanch_machine::Pretend;

    use super::*;
    use crate::tables;

    fn rows(syslog: &str, dpkg: &str) -> Vec<[String; 4]> {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/bash\n")
            .file("/var/log/dpkg.log", dpkg)
            .file("/var/log/syslog", syslog);
        let columns = [col::kind, col::program, col::count, col::near_package];
        tables::shown("log_rates", machine, columns)
    }

    /// Twenty days in which two daemons speak each hour, and more.
    fn days(more: impl Fn(u32, u32, &mut String)) -> String {
        let mut text = String::new();
        for day in 1..=20 {
            for hour in 0..24 {
                let stamp = format!("2026-02-{day:02}T{hour:02}");
                let _infallible =
                    writeln!(text, "{stamp}:10:00Z h chronyd[7]: Selected source 10.0.0.{hour}");
                more(day, hour, &mut text);
            }
        }
        text
    }

    #[test]
    fn a_daemon_that_falls_silent_while_its_log_goes_on() {
        let agent = |day: u32, hour: u32, text: &mut String| {
            if day < 19 {
                let _infallible =
                    writeln!(text, "2026-02-{day:02}T{hour:02}:20:00Z h agent[9]: alive {hour}");
            }
        };
        let row = |near: &str| ["silent", "agent", "", near].map(str::to_owned);
        assert_eq!(rows(&days(agent), ""), [row("0")]);
        let dpkg = "2026-02-18 23:30:00 remove agent:amd64 1 <none>\n";
        assert_eq!(rows(&days(agent), dpkg), [row("1")]);
    }

    #[test]
    fn a_daemon_that_shouts_for_an_hour() {
        let shout = |day: u32, hour: u32, text: &mut String| {
            let lines = if (day, hour) == (12, 5) { 900 } else { 2 };
            for line in 0..lines {
                let _infallible = writeln!(
                    text,
                    "2026-02-{day:02}T{hour:02}:30:00Z h app[9]: request {line} failed"
                );
            }
        };
        assert_eq!(rows(&days(shout), ""), [["screamed", "app", "900", "0"].map(str::to_owned)]);
    }

    #[test]
    fn a_line_that_was_never_written_before() {
        let new = |day: u32, hour: u32, text: &mut String| {
            let said =
                if day == 20 && hour < 5 { "plugin loaded from memory" } else { "request done in" };
            let _infallible =
                writeln!(text, "2026-02-{day:02}T{hour:02}:30:00Z h app[9]: {said} {hour}");
        };
        assert_eq!(rows(&days(new), ""), [["new-template", "app", "5", "0"].map(str::to_owned)]);
    }

    #[test]
    fn a_quiet_machine_and_one_that_was_off_say_nothing() {
        let seldom = |day: u32, hour: u32, text: &mut String| {
            if hour == 6 && day < 16 {
                let _infallible =
                    writeln!(text, "2026-02-{day:02}T{hour:02}:25:01Z h logrotate[9]: done");
            }
        };
        assert_eq!(rows(&days(seldom), ""), Vec::<[String; 4]>::new());
    }
}
