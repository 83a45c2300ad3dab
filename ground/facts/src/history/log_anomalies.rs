//! What of the text logs is not as their daemons leave them: cut off, silent while others speak,
//! out of order.
//!
//! The measure of silence is a heartbeat: cron and systemd speak in several logs at once and at
//! their own pace, which is learned from each log. Where one log lacks many beats that another log
//! of the same host holds, its lines were taken out, or never came.

mod beats;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Seen};

use super::kept::{Told, as_json, seconds};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::tables::log_anomalies::{SPEC, col};
use beats::{Beats, Hole};

pub(super) static FOLD: FoldKind =
    FoldKind { takes: &[], new: || Box::new(LogAnomalies::default()) };

/// How many series are watched; each is one bit of a mask.
const SERIES: usize = 60;
/// The width of a slot of time, in seconds, and how many are kept.
const SLOT: i64 = 600;
const SLOTS: usize = 300_000;
/// How many boots and steps of the clock are kept.
const MARKS: usize = 20_000;
/// How many returns of the time are kept for each series.
const RETURNS: usize = 20;
/// Time that goes back by more than this is told, in seconds.
const BACK: i64 = 120;
/// How near a boot or a step of the clock explains a return.
const NEAR: i64 = 900;
/// How many changes of the host's name make a log of many hosts.
const HOSTS: u32 = 5;

/// Logs that a log daemon writes in the order in which it hears.
const CORE: [&str; 11] = [
    "auth.log",
    "secure",
    "syslog",
    "messages",
    "cron",
    "cron.log",
    "kern.log",
    "daemon.log",
    "user.log",
    "maillog",
    "mail.log",
];

#[derive(Default)]
struct LogAnomalies {
    series: Vec<Series>,
    by_name: HashMap<String, usize>,
    current: Option<usize>,
    path: String,
    file: Arc<str>,
    /// Which series beat in which slot, for cron and for systemd.
    slots: [BTreeMap<i64, u64>; 2],
    marks: Vec<i64>,
    left_out: u64,
}

/// One log with its rotations.
struct Series {
    name: String,
    text: bool,
    core: bool,
    host: String,
    hosts: u32,
    /// Files that events came from, with their generation.
    files: Vec<(Arc<str>, i64)>,
    beats: [Beats; 2],
    last: Option<Stand>,
    returns: Vec<Return>,
    returned: u64,
}

/// The last line of a file, and its time.
#[derive(Clone, Copy)]
struct Stand {
    time: i64,
    line: u64,
}

/// A line that is older than the one before it.
struct Return {
    told: Told,
    before: i64,
    after: i64,
    local: bool,
}

/// Returns the number of a heartbeat's class.
fn beat_class(event: &Event<'_>) -> Option<usize> {
    let program = event.program.as_ref();
    match program.len() {
        4 | 5 if program.eq_ignore_ascii_case("cron") || program.eq_ignore_ascii_case("crond") => {
            Some(0)
        }
        // Those of users come and go with them.
        7 if program == "systemd" && event.pid == Some(1) => Some(1),
        _ => None,
    }
}

impl LogAnomalies {
    /// Returns the series of a source; none if it is not watched.
    fn turn_to(&mut self, source: &Source) -> Option<usize> {
        if self.path == source.path_text() {
            return self.current;
        }
        source.path_text().clone_into(&mut self.path);
        self.file = Arc::from(source.path_text());
        self.current = self.watch(source);
        if let Some(series) = self.current.and_then(|at| self.series.get_mut(at)) {
            series.files.push((Arc::clone(&self.file), source.generation));
            series.last = None;
        }
        self.current
    }

    fn watch(&mut self, source: &Source) -> Option<usize> {
        let text = source.witness == Witness::Text;
        if !text && source.witness != Witness::Journal {
            return None;
        }
        // All files of the journal are one witness.
        let name = if text { source.series.as_str() } else { "journal" };
        if let Some(&at) = self.by_name.get(name) {
            return Some(at);
        }
        let last = name.rsplit('/').next().unwrap_or_default();
        let core = text && CORE.contains(&last);
        if self.series.len() >= SERIES || (text && !core && !name.starts_with("/var/log/")) {
            return None;
        }
        self.series.push(Series {
            name: name.to_owned(),
            text,
            core,
            host: String::new(),
            hosts: 0,
            files: Vec::new(),
            beats: Default::default(),
            last: None,
            returns: Vec::new(),
            returned: 0,
        });
        let at = self.series.len().saturating_sub(1);
        self.by_name.insert(name.to_owned(), at);
        Some(at)
    }

    fn beat(&mut self, at: usize, class: usize, event: &Event<'_>, time: i64) {
        let Some(slots) = self.slots.get_mut(class) else { return };
        if slots.len() < SLOTS || slots.contains_key(&time.div_euclid(SLOT)) {
            *slots.entry(time.div_euclid(SLOT)).or_default() |= 1 << at;
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
        let Some(series) = self.series.get_mut(at) else { return };
        if series.host != event.host {
            event.host.as_ref().clone_into(&mut series.host);
            series.hosts = series.hosts.saturating_add(1);
            series.beats = Default::default();
        }
        if let (true, Some(beats)) = (series.core, series.beats.get_mut(class)) {
            beats.take(event, &self.file, time);
        }
    }
}

impl Series {
    /// Notes a line that is older than the one before it.
    fn order(&mut self, event: &Event<'_>, file: &Arc<str>, time: i64) {
        let stand = Stand { time, line: event.place.line };
        let Some(last) = self.last.filter(|last| last.line < stand.line) else {
            // What was kept back and told later stands where its line stands.
            if self.last.is_none() {
                self.last = Some(stand);
            }
            return;
        };
        self.last = Some(stand);
        if last.time.saturating_sub(time) <= BACK {
            return;
        }
        self.returned = self.returned.saturating_add(1);
        if self.returns.len() < RETURNS {
            let local = event.clock == stanch_words::Clock::Local;
            let told = Told::of(event, Arc::clone(file));
            self.returns.push(Return { told, before: last.time, after: time, local });
        }
    }
}

impl Fold for LogAnomalies {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        let Some(at) = self.turn_to(source) else { return };
        let Some(time) = seconds(event) else { return };
        if matches!(event.kind, EventKind::ClockChange | EventKind::Boot)
            && self.marks.len() < MARKS
        {
            self.marks.push(time);
        }
        // A program's start that a line of cron tells is that line once more.
        if event.kind == EventKind::ProcessStart {
            return;
        }
        if let Some(class) = beat_class(event) {
            self.beat(at, class, event, time);
        }
        if let Some(series) = self.series.get_mut(at).filter(|series| series.core) {
            series.order(event, &self.file, time);
        }
    }

    fn end(mut self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        self.marks.sort_unstable();
        let mut ignored = Seen::default();
        let found = super::sources::find(host, SPEC.name, &mut ignored);
        for (at, series) in self.series.iter().enumerate().filter(|(_, series)| series.core) {
            self.silences(host, at, series, &found, &mut seen);
            self.order_rows(series, &mut seen);
        }
        for source in found.iter().filter(|source| source.generation <= 1) {
            nul_run(host, source, &mut seen);
        }
        if self.left_out > 0 {
            let detail = format!("{} signs of life left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}

impl LogAnomalies {
    /// Adds the spans in which a series is silent while others speak.
    fn silences(&self, host: &Host, at: usize, series: &Series, found: &[Source], seen: &mut Seen) {
        if series.hosts > HOSTS {
            return;
        }
        let unread = found.iter().any(|s| {
            s.series == series.name && !series.files.iter().any(|(f, _)| **f == *s.path_text())
        });
        let mut told: Vec<(i64, i64)> = Vec::new();
        for (class, beats) in series.beats.iter().enumerate() {
            let Some(period) = beats.period() else { continue };
            let newest = self.slots.get(class).and_then(|s| s.last_key_value());
            let newest = newest.map_or(0, |(slot, _)| slot.saturating_mul(SLOT));
            for hole in beats.holes(period, newest) {
                // Both heartbeats miss the same lines: told once.
                let overlaps = |&(from, to): &(i64, i64)| hole.start < to && from < hole.stop;
                let between = hole.to.as_ref().is_some_and(|to| to.source != hole.from.source);
                if told.iter().any(overlaps) || (between && unread) {
                    continue;
                }
                let others = self.others(class, at, series, &hole);
                if others.all < 3 || others.all.saturating_mul(4) < hole.missed(period).min(40) {
                    continue;
                }
                told.push((hole.start, hole.stop));
                seen.push(silence_row(host, series, &hole, period, &others));
            }
        }
    }

    /// Counts the slots of a hole in which other series beat.
    fn others(&self, class: usize, at: usize, series: &Series, hole: &Hole) -> Others {
        let same_host = |other: &Series| other.host == series.host && other.hosts <= HOSTS;
        let mask = |wanted: bool| {
            let others = self.series.iter().enumerate();
            let others =
                others.filter(|(n, other)| *n != at && same_host(other) && other.text == wanted);
            others.fold(0_u64, |mask, (n, _)| mask | (1 << n))
        };
        let (text, journal) = (mask(true), mask(false));
        let mut counts = Others::default();
        let (from, to) = (hole.start.div_euclid(SLOT) + 1, hole.stop.div_euclid(SLOT));
        let Some(slots) = self.slots.get(class).filter(|_| from < to) else { return counts };
        // A log that held less of the heartbeat already before is not the measure.
        let before = slots.range(from.saturating_sub(to.saturating_sub(from).max(36))..from);
        let (mut mine, mut theirs) = (0_i64, 0_i64);
        for (_, &beating) in before {
            mine = mine.saturating_add(i64::from(beating & (1 << at) != 0));
            theirs = theirs.saturating_add(i64::from(beating & (text | journal) != 0));
        }
        if mine.saturating_mul(2) < theirs {
            return counts;
        }
        let mut voices = 0_u64;
        for (_, &beating) in slots.range(from..to) {
            counts.all = counts.all.saturating_add(i64::from(beating & (text | journal) != 0));
            counts.text = counts.text.saturating_add(i64::from(beating & text != 0));
            voices |= beating & (text | journal);
        }
        let names = self.series.iter().enumerate().filter(|(n, _)| voices & (1 << n) != 0);
        counts.names = names.map(|(_, other)| other.name.as_str()).collect::<Vec<_>>().join(", ");
        counts
    }

    fn order_rows(&self, series: &Series, seen: &mut Seen) {
        for back in &series.returns {
            let drop = back.before.saturating_sub(back.after);
            let near = |time: i64| {
                let at = self.marks.partition_point(|&mark| mark < time.saturating_sub(NEAR));
                self.marks.get(at).is_some_and(|&mark| mark <= time.saturating_add(NEAR))
            };
            let off = drop.rem_euclid(1800);
            let explained = match () {
                () if near(back.before) || near(back.after) => "clock",
                () if drop > 300 * 86_400 => "year",
                () if back.local && (off <= BACK || off >= 1800 - BACK) => "zone",
                () if series.returned >= 20 || series.hosts > HOSTS => "unordered",
                () => "",
            };
            let mut row = SPEC.row();
            row.put(col::kind, "backwards")
                .put(col::path, &*back.told.source)
                .put(col::series, series.name.as_str())
                .put(col::first_time, back.after)
                .put(col::last_time, back.before)
                .put(col::seconds, drop)
                .put(col::count, series.returned)
                .put(col::explained, explained)
                .put(col::file, &*back.told.source)
                .put(col::line, back.told.line)
                .put(col::excerpt, &*back.told.excerpt)
                .put(col::lines, as_json([&back.told]));
            seen.push(row);
        }
    }
}

/// What other series say of a hole.
#[derive(Default)]
struct Others {
    /// Slots in which any beat.
    all: i64,
    /// Slots in which a text log beat.
    text: i64,
    names: String,
}

fn silence_row(
    host: &Host,
    series: &Series,
    hole: &Hole,
    period: i64,
    others: &Others,
) -> stanch_words::Row {
    let current = host.machine().stat(Path::new(&series.name));
    let generation = |told: &Told| {
        series.files.iter().find(|(file, _)| *file == told.source).map_or(0, |(_, age)| *age)
    };
    let (kind, at) = match &hole.to {
        Some(to) if to.source == hole.from.source => ("silence", to),
        Some(to)
            if generation(&hole.from).saturating_sub(generation(to)) > 1
                && generation(&hole.from) < 1000 =>
        {
            ("rotation-missing", to)
        }
        Some(to) => ("truncated", to),
        None => match &current {
            Ok(stat) if stat.size == 0 => ("emptied", &hole.from),
            Ok(_) => ("stopped", &hole.from),
            Err(_) => ("gone", &hole.from),
        },
    };
    let path = hole.to.as_ref().map_or(series.name.as_str(), |to| &*to.source);
    let mut row = SPEC.row();
    row.put(col::kind, kind)
        .put(col::path, path)
        .put(col::series, series.name.as_str())
        .put(col::first_time, hole.start)
        .put(col::last_time, hole.stop)
        .put(col::seconds, hole.stop.saturating_sub(hole.start))
        .put(col::period, period)
        .put(col::beats, others.all)
        .put(col::text_beats, others.text)
        .put(col::others, others.names.as_str())
        .put(col::file, &*at.source)
        .put(col::line, at.line)
        .put(col::excerpt, &*at.excerpt)
        .put(col::lines, as_json([&hole.from].into_iter().chain(&hole.to)));
    if let Ok(stat) = current {
        row.put(col::size, stat.size).put(col::mtime, stat.modified.div_euclid(1_000_000_000));
    }
    row
}

/// Adds a log of a log daemon that begins with zero bytes: it was cut while somebody held it open.
fn nul_run(host: &Host, source: &Source, seen: &mut Seen) {
    let name = source.series.rsplit('/').next().unwrap_or_default();
    if source.witness != Witness::Text || !CORE.contains(&name) || is_packed(source.path_text()) {
        return;
    }
    let Ok(head) = host.machine().read(&source.path, 65_536) else { return };
    let zeros = head.bytes.iter().take_while(|&&byte| byte == 0).count();
    if zeros < 16 {
        return;
    }
    let mut row = SPEC.row();
    row.put(col::kind, "nul-run")
        .put(col::path, source.path_text())
        .put(col::series, source.series.as_str())
        .put(col::count, i64::try_from(zeros).unwrap_or(i64::MAX))
        .put(col::size, source.size)
        .put(col::mtime, source.modified.div_euclid(1_000_000))
        .put(col::file, source.path_text());
    seen.push(row);
}

fn is_packed(path: &str) -> bool {
    [".gz", ".xz", ".bz2", ".zst"].iter().any(|end| path.ends_with(end))
}
