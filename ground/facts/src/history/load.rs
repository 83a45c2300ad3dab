//! What the archives of load tell together with logs: rises of load and the packages that may
//! explain them, and load that goes away while somebody is there.

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Field, Gap, GapKind, Row, Seen};

use super::kept::{Told, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::load_history::changes::{self, Change};
use crate::load_history::retreats::{self, Hole, Visit};
use crate::load_history::{LoadHistory, Measure};
use crate::tables::load_history::rounded;
use crate::tables::{load_changes, load_retreats};

pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[
        EventKind::PackageInstall,
        EventKind::PackageUpgrade,
        EventKind::PackageRemove,
        EventKind::SessionOpen,
        EventKind::SessionClose,
        EventKind::ProcessStart,
    ],
    new: || Box::new(Load::default()),
};

/// How many packages, visits and open sessions are kept.
const MOST_PACKAGES: usize = 20_000;
const MOST_VISITS: usize = 20_000;
const MOST_OPEN: usize = 4_000;
/// How many packages of a time are named.
const NAMED: usize = 6;
/// A longer session is somebody's open window, not a visit.
const LONGEST: i64 = 12 * 3_600;
/// Rises within this are one; packages within a day before and this after may explain it.
const TOGETHER: i64 = 2 * 3_600;
const DAY: i64 = 86_400;

/// Programs that let somebody in, and programs that show what is busy.
const DOORS: [&str; 5] = ["sshd", "sshd-session", "login", "dropbear", "in.telnetd"];
const MONITORS: [&str; 8] = ["top", "htop", "atop", "btop", "glances", "vmstat", "mpstat", "nmon"];

#[derive(Default)]
struct Load {
    packages: Vec<(i64, Box<str>)>,
    open: HashMap<(Witness, Box<str>), Came>,
    came: Vec<Came>,
    left_out: u64,
}

/// Somebody who was there.
struct Came {
    from: i64,
    to: Option<i64>,
    user: Box<str>,
    address: Box<str>,
    program: Box<str>,
    told: Told,
}

impl Came {
    fn of(event: &Event<'_>, time: i64, program: &str) -> Self {
        Self {
            from: time,
            to: None,
            user: shortened(&event.user, 64).into(),
            address: shortened(&event.source_ip, 64).into(),
            program: program.into(),
            told: Told::of(event, Arc::from(event.place.file)),
        }
    }
}

impl Fold for Load {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        let Some(time) = seconds(event) else { return };
        match event.kind {
            EventKind::SessionOpen | EventKind::SessionClose => {
                self.session(event, time, source.witness);
            }
            EventKind::ProcessStart => self.started(event, time),
            _ if self.packages.len() >= MOST_PACKAGES => {}
            _ => {
                let name = match event.field("package") {
                    Some(Field::Text(name)) => name.as_ref(),
                    Some(Field::List(names)) => names.first().map_or("", AsRef::as_ref),
                    _ => "",
                };
                self.packages.push((time, shortened(name, 100).into()));
            }
        }
    }

    fn end(mut self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let history = LoadHistory::of(host);
        self.packages.sort();
        let mut rises = Seen { gaps: gaps(&history, load_changes::SPEC.name), ..Seen::default() };
        let mut found = changes::find(&history.samples);
        found.sort_by_key(|change| change.since);
        let mut rest = &found[..];
        while let Some(first) = rest.first() {
            let near = |change: &Change| change.since.saturating_sub(first.since) <= TOGETHER;
            let (group, later) = rest.split_at(rest.partition_point(near));
            rises.rows.extend(group.iter().map(|change| self.rise(change, group, &history)));
            rest = later;
        }
        let mut left = Seen { gaps: gaps(&history, load_retreats::SPEC.name), ..Seen::default() };
        left.rows = self.retreats(&history);
        if self.left_out > 0 {
            let detail = format!("more than {MOST_VISITS} visits; {} left out", self.left_out);
            left.gap(Gap::new(load_retreats::SPEC.name, GapKind::Truncated, detail));
        }
        vec![(load_changes::SPEC.name, rises), (load_retreats::SPEC.name, left)]
    }
}

fn gaps(history: &LoadHistory, table: &str) -> Vec<Gap> {
    history.gaps.iter().map(|gap| Gap { what: table.to_owned(), ..gap.clone() }).collect()
}

impl Load {
    /// Keeps when somebody came and went. What opens and closes a session has the same process or
    /// terminal.
    fn session(&mut self, event: &Event<'_>, time: i64, witness: Witness) {
        let program = event.program.as_ref();
        let is_record = witness == Witness::LoginRecords;
        if !is_record && !DOORS.contains(&program) {
            return;
        }
        let key: Box<str> = match event.pid {
            _ if is_record && !event.tty.is_empty() => event.tty.as_ref().into(),
            Some(pid) => format!("{pid}").into(),
            None => return,
        };
        let key = (witness, key);
        if event.kind == EventKind::SessionOpen {
            if self.open.len() < MOST_OPEN || self.open.contains_key(&key) {
                let came = Came::of(event, time, if is_record { "login" } else { program });
                self.open.entry(key).or_insert(came);
            } else {
                self.left_out = self.left_out.saturating_add(1);
            }
        } else if let Some(mut came) = self.open.remove(&key)
            && (0..=LONGEST).contains(&time.saturating_sub(came.from))
        {
            came.to = Some(time);
            self.keep(came);
        }
    }

    fn started(&mut self, event: &Event<'_>, time: i64) {
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let name = match event.path.as_ref() {
            "" => last(event.command.split_whitespace().next().unwrap_or_default()),
            path => last(path),
        };
        if MONITORS.contains(&name.as_str()) {
            self.keep(Came::of(event, time, &name));
        }
    }

    fn keep(&mut self, came: Came) {
        if self.came.len() < MOST_VISITS {
            self.came.push(came);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    fn rise(&self, change: &Change, group: &[Change], history: &LoadHistory) -> Row {
        let (from, to) = (change.since.saturating_sub(DAY), change.since.saturating_add(TOGETHER));
        let first = self.packages.partition_point(|(time, _)| *time < from);
        let after = self.packages.partition_point(|(time, _)| *time <= to);
        let packages = self.packages.get(first..after).unwrap_or_default();
        // Without a log that reaches so far back nothing is known.
        let known = self.packages.first().is_some_and(|(time, _)| *time <= from);
        let near = if packages.is_empty() && !known { None } else { Some(!packages.is_empty()) };
        let mut names: Vec<&str> =
            packages.iter().map(|(_, name)| &**name).filter(|name| !name.is_empty()).collect();
        names.dedup();
        names.truncate(NAMED);
        let mut resources: Vec<&str> = group.iter().map(|change| change.resource).collect();
        resources.sort_unstable();
        resources.dedup();
        let moved: Vec<String> = group.iter().map(moved).collect();
        let restarted = history.samples.iter().any(|sample| {
            sample.restarted && sample.time.abs_diff(change.since) <= TOGETHER.unsigned_abs()
        });
        let is_first = group.first().is_some_and(|first| first == change);
        let mut row = load_changes::SPEC.row();
        use load_changes::col;
        row.put(col::measure, change.measure.name())
            .put(col::resource, change.resource)
            .put(col::since, change.since)
            .put(col::until, change.until)
            .put(col::goes_on, i64::from(change.goes_on))
            .put(col::before, rounded(change.before))
            .put(col::after, rounded(change.after))
            .put(col::deviations, rounded(change.deviations))
            .put(col::hours_before, change.hours_before)
            .put(col::hours_after, change.hours_after)
            .put(col::by_week, i64::from(change.by_week))
            .put(col::resources, u64::try_from(resources.len()).unwrap_or(u64::MAX))
            .put(col::moved, moved.join("; "))
            .put(col::leads, i64::from(is_first))
            .put(col::near_package, near.map(i64::from))
            .put(col::packages, names.join(", "))
            .put(col::restarted, i64::from(restarted));
        if let Some(sample) = history.samples.get(change.sample) {
            row.put(col::path, &*sample.source).put(col::place, sample.place);
        }
        row
    }

    fn retreats(&self, history: &LoadHistory) -> Vec<Row> {
        let found = retreats::find(&history.samples, &self.visits());
        let holes: Vec<(&Hole, &Came)> = found
            .matched
            .iter()
            .filter_map(|(hole, number)| Some((hole, self.came.get(*number)?)))
            .collect();
        let lines = as_json(holes.iter().map(|(_, came)| &came.told));
        let row = |(hole, came): &(&Hole, &Came)| {
            let mut row = load_retreats::SPEC.row();
            use load_retreats::col;
            row.put(col::time, hole.from)
                .put(col::until, hole.to)
                .put(col::cpu_before, rounded(hole.before))
                .put(col::cpu_within, rounded(hole.within))
                .put(col::cpu_after, rounded(hole.after))
                .put(col::interval, hole.seconds)
                .put(col::username, &*came.user)
                .put(col::source, &*came.address)
                .put(col::program, &*came.program)
                .put(col::retreats, u64::try_from(holes.len()).unwrap_or(u64::MAX))
                .put(col::other_falls, u64::try_from(found.others).unwrap_or(u64::MAX))
                .put(col::stayed, u64::try_from(found.stayed).unwrap_or(u64::MAX))
                .put(col::file, &*came.told.source)
                .put(col::line, came.told.line)
                .put(col::excerpt, &*came.told.excerpt)
                .put(col::lines, lines.as_str());
            if let Some(sample) = history.samples.get(hole.sample) {
                row.put(col::path, &*sample.source).put(col::place, sample.place);
            }
            row
        };
        holes.iter().map(row).collect()
    }

    /// Returns the times in which anybody was there: sessions that overlap are one, and one that
    /// two logs tell of as well.
    fn visits(&self) -> Vec<Visit> {
        let of = |(number, came): (usize, &Came)| Visit { from: came.from, to: came.to, number };
        let (mut sessions, mut visits): (Vec<Visit>, Vec<Visit>) =
            self.came.iter().enumerate().map(of).partition(|visit| visit.to.is_some());
        sessions.sort_by_key(|visit| visit.from);
        for session in sessions {
            match visits.last_mut() {
                Some(last) if last.to.is_some_and(|to| session.from <= to) => {
                    last.to = last.to.max(session.to);
                }
                _ => visits.push(session),
            }
        }
        visits
    }
}

fn moved(change: &Change) -> String {
    let (before, after) = (rounded(change.before), rounded(change.after));
    let unit = match change.measure {
        Measure::Load => "",
        Measure::Cpu | Measure::Pressure | Measure::Memory => " %",
        _ => " KiB/s",
    };
    format!("{} {before} -> {after}{unit}", change.measure.name())
}

#[cfg(test)]
mod tests;
