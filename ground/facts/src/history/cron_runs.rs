//! Commands that cron ran, by account: what crontabs hold today is only the present.

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Seen};

use super::kept::{Lines, Told, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::tables::cron_runs::{SPEC, col};

pub(super) static FOLD: FoldKind =
    FoldKind { takes: &[EventKind::CronRun], new: || Box::new(CronRuns::default()) };

/// How many different commands are kept, and how much of one.
const MOST: usize = 10_000;
const LONGEST: usize = 1_000;

/// Where cron keeps the crontabs of accounts.
const SPOOLS: [&str; 3] = ["/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron"];

#[derive(Default)]
struct CronRuns {
    runs: HashMap<(Box<str>, Box<str>), Runs>,
    left_out: u64,
}

#[derive(Default)]
struct Runs {
    text: u64,
    others: u64,
    first: Option<i64>,
    last: Option<i64>,
    lines: Lines,
    newest: Option<Told>,
}

impl Fold for CronRuns {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        if event.command.is_empty() {
            return;
        }
        let command = shortened(event.command.trim(), LONGEST);
        let key = (Box::from(&*event.user), Box::from(command));
        if self.runs.len() >= MOST && !self.runs.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let runs = self.runs.entry(key).or_default();
        let counter =
            if source.witness == Witness::Text { &mut runs.text } else { &mut runs.others };
        *counter = counter.saturating_add(1);
        let time = seconds(event);
        runs.first = [runs.first, time].into_iter().flatten().min();
        runs.lines.take(event, || Arc::from(event.place.file));
        if runs.newest.is_none() || time > runs.last {
            runs.newest = Some(Told::of(event, Arc::from(event.place.file)));
        }
        runs.last = runs.last.max(time);
    }

    fn end(self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        let refused =
            |spool: &&str| host.machine().list(spool.as_ref()).is_err_and(|miss| !miss.absent);
        let readable = !SPOOLS.iter().any(refused);
        let mut all: Vec<_> = self.runs.into_iter().collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        for ((user, command), runs) in all {
            let mut row = SPEC.row();
            row.put(col::user, &*user)
                .put(col::command, &*command)
                .put(col::count, runs.text.max(runs.others))
                .put(col::first_time, runs.first)
                .put(col::last_time, runs.last)
                .put(col::crontabs_readable, i64::from(readable))
                .put(col::lines, as_json(runs.lines.kept()));
            if let Some(told) = runs.newest {
                row.put(col::file, &*told.source)
                    .put(col::line, told.line)
                    .put(col::excerpt, &*told.excerpt);
            }
            seen.push(row);
        }
        if self.left_out > 0 {
            let detail = format!("more than {MOST} commands; {} runs left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}
