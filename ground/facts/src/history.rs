//! History: every log that survived is read once, oldest first, and folded into bounded tables.
//!
//! ```text
//!  sources (found on the machine) → stream → events ─┬→ folds → tables (logins, …)
//!                                                    └→ observers (Sigma rules)
//! ```
//!
//! A log can be of any size, so no event is kept: a fold keeps what it needs, capped, and says by
//! a gap what it left out.

pub(crate) mod kept;
mod own_addresses;
pub mod sources;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use stanch_words::{Ask, ColumnSet, Event, EventKind, Gap, GapKind, Place, Seen, Trust};

use crate::Host;
use crate::host::Beat;
use crate::logs::{self, Context, Counts};
use crate::tables::processes::{self, col};
use crate::web_servers::WebServers;
pub use sources::{Source, Witness};

/// Keeps what it needs of the events that pass, and makes rows of it.
pub trait Fold: Send {
    /// Takes an event.
    fn event(&mut self, event: &Event<'_>, source: &Source);

    /// Ends: the rows of each table that this fold makes. `host` is there for what must be joined
    /// (accounts, packages).
    fn end(self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)>;
}

/// One kind of fold.
#[derive(Debug)]
pub struct FoldKind {
    /// The kinds of events that it takes; empty for all.
    pub takes: &'static [EventKind],
    /// Makes one.
    pub new: fn() -> Box<dyn Fold>,
}

/// Declares the modules and the list in one place: each module has `FOLD`.
macro_rules! folds {
    ($($name:ident)*) => {
        $(pub mod $name;)*
        /// All folds.
        pub static FOLDS: &[&FoldKind] = &[$(&$name::FOLD),*];
    };
}

// One line a fold.
folds! {
    cron_runs
    mail_submissions
    flows
    names_asked
    log_anomalies
    account_events
    audit_changes
    logins
    privilege_uses
    web
    telling_commands
    data_store_uses
    guard_stops
    kernel_complaints
    package_runs
    log_rates
    load
    rename_bursts
}

/// A source that was read.
#[derive(Clone, Debug)]
pub struct SourceRead {
    /// Which.
    pub source: Source,
    /// The format it was read as; none if nothing fits.
    pub format: Option<&'static str>,
    /// What it held.
    pub counts: Counts,
    /// The earliest time in it.
    pub first: Option<i64>,
    /// The latest time in it.
    pub last: Option<i64>,
}

/// What the pass over all logs left behind.
#[derive(Debug, Default)]
pub struct History {
    /// The sources, in the order in which they were read.
    pub sources: Vec<SourceRead>,
    /// The rows of each table.
    tables: BTreeMap<&'static str, Seen>,
    /// What could not be read.
    gaps: Vec<Gap>,
}

/// What sees every event of the pass.
pub type Observer<'o> = Mutex<Box<dyn FnMut(&Event<'_>) + Send + 'o>>;

impl History {
    /// Returns the history of a host, read at the first call.
    pub fn of(host: &Host) -> Arc<Self> {
        host.once_with_beats(|host, beat| Self::read(host, beat, None))
    }

    /// Returns the history of a host, and shows every event to an observer while it is read. An
    /// observer that comes too late sees nothing: order it before any table is read.
    pub fn observed(host: &Host, observer: &Observer<'_>) -> Arc<Self> {
        host.once_with_beats(|host, beat| Self::read(host, beat, Some(observer)))
    }

    /// Gives the rows of a table to its reader.
    pub(crate) fn give(&self, table: &str, seen: &mut Seen) {
        if let Some(made) = self.tables.get(table) {
            seen.rows.extend(made.rows.iter().cloned());
            seen.gaps.extend(made.gaps.iter().cloned());
        }
        let gaps = self.gaps.iter().cloned();
        seen.gaps.extend(gaps.map(|gap| Gap { what: "log_sources".to_owned(), ..gap }));
    }

    /// Returns how many events there were.
    pub fn events(&self) -> u64 {
        self.sources.iter().map(|read| read.counts.events).sum()
    }

    fn read(host: &Host, beat: &Beat, observer: Option<&Observer<'_>>) -> Self {
        let mut seen = Seen::default();
        let sources = sources::find(host, "log_sources", &mut seen);
        let mut folding = Folding::new();
        let mut history = Self { gaps: seen.gaps, ..Self::default() };
        for source in sources {
            let read = read_source(
                host,
                source,
                &|| beat.beat(),
                &mut history.gaps,
                &mut |event, source| {
                    folding.event(event, source);
                    if let Some(observer) = observer {
                        observer.lock().unwrap_or_else(PoisonError::into_inner)(event);
                    }
                },
            );
            history.sources.push(read);
        }
        running(host, &mut |event, source| {
            folding.event(event, source);
            if let Some(observer) = observer {
                observer.lock().unwrap_or_else(PoisonError::into_inner)(event);
            }
        });
        for (table, seen) in folding.end(host) {
            let made = history.tables.entry(table).or_default();
            made.rows.extend(seen.rows);
            made.gaps.extend(seen.gaps);
        }
        history
    }
}

/// Shows what runs now as events of programs that were seen running: the last line of every
/// machine's history.
fn running(host: &Host, each: &mut dyn FnMut(&Event<'_>, &Source)) {
    if host.machine().kernel().is_none() {
        return;
    }
    // What could not be seen is a gap of the table `processes` itself.
    let mut seen = Seen::default();
    let wanted = [col::pid, col::parent, col::uid, col::name, col::path, col::cmdline, col::own];
    let columns = wanted.into_iter().fold(ColumnSet::NONE, |set, column| set.with(column));
    processes::read(host, &Ask { columns, constraints: Vec::new() }, &mut seen);
    let source = Source::new("/proc".into(), Witness::Live);
    for row in seen.rows.iter().filter(|row| row.get(col::own).as_integer() != Some(1)) {
        let text = |column| row.get(column).as_text().unwrap_or_default();
        let mut event = Event::new(EventKind::ProcessSeen);
        event.trust = Trust::Kernel;
        event.pid = row.get(col::pid).as_integer();
        event.ppid = row.get(col::parent).as_integer();
        event.uid = row.get(col::uid).as_integer();
        event.program = text(col::name).into();
        event.path = text(col::path).into();
        event.command = text(col::cmdline).into();
        let file = format!("/proc/{}/cmdline", event.pid.unwrap_or(0));
        event.place = Place { file: &file, line: 1, offset: 0 };
        each(&event, &source);
    }
}

/// Reads one source and shows its events.
pub fn read_source(
    host: &Host,
    source: Source,
    alive: &dyn Fn(),
    gaps: &mut Vec<Gap>,
    each: &mut dyn FnMut(&Event<'_>, &Source),
) -> SourceRead {
    let (mut first, mut last) = (None::<i64>, None::<i64>);
    let context = Context {
        file: source.path_text().to_owned(),
        zone: sources::zone(host),
        modified: source.newest,
        first_year: source.first_year,
        is_short: source.is_short,
        tell_strange: false,
        wants_digest: false,
        template: WebServers::of(host).template(&source.series),
    };
    let mut show = |event: &Event<'_>| {
        if let Some(time) = event.time {
            first = Some(first.map_or(time, |first| first.min(time)));
            last = Some(last.map_or(time, |last| last.max(time)));
        }
        each(event, &source);
    };
    let machine = host.machine();
    let (format, counts) =
        match logs::read(machine, &source.path, context, source.format, alive, &mut show) {
            Ok((format, counts, more)) => {
                gaps.extend(more);
                (format, counts)
            }
            Err(miss) => {
                let gone = Gap::new("", GapKind::Changed, "it was rotated away before it was read");
                let gone = gone.at(source.path_text());
                gaps.push(if miss.absent { gone } else { miss.gap("") });
                (None, Counts::default())
            }
        };
    SourceRead { source, format, counts, first, last }
}

/// The folds, and which of them take which kind of event.
struct Folding {
    folds: Vec<Box<dyn Fold>>,
    takers: Vec<Vec<usize>>,
}

impl Folding {
    fn new() -> Self {
        let takers = EventKind::ALL.iter().map(|kind| {
            let takes = |fold: &FoldKind| fold.takes.is_empty() || fold.takes.contains(kind);
            let taking = FOLDS.iter().enumerate().filter(|(_, fold)| takes(fold));
            taking.map(|(at, _)| at).collect()
        });
        Self { takers: takers.collect(), folds: FOLDS.iter().map(|fold| (fold.new)()).collect() }
    }

    fn event(&mut self, event: &Event<'_>, source: &Source) {
        let Some(takers) = self.takers.get(event.kind.position()) else { return };
        for &at in takers {
            if let Some(fold) = self.folds.get_mut(at) {
                fold.event(event, source);
            }
        }
    }

    fn end(self, host: &Host) -> Vec<(&'static str, Seen)> {
        self.folds.into_iter().flat_map(|fold| fold.end(host)).collect()
    }
}
