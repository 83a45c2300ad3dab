//! `stanch events`: any log, as events.

use std::io::{self, Write};
use std::path::Path;

use clap::ArgMatches;
use stanch_incident::{Incident, LogRead, Miss, ReadLogs};
use stanch_view::pages::{events as page, query};
use stanch_view::{Report, documents};
use stanch_wire::{EventLines, json};
use stanch_words::{Event, EventKind, Gap};

use crate::arguments::Asked;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let kinds = kinds(matches)?;
    let how = ReadLogs {
        format: matches
            .get_one::<String>("format")
            .and_then(|name| stanch_incident::log_format(name)),
        tell_strange: matches.get_flag("not-understood"),
    };
    let files: Vec<_> =
        matches.get_many::<std::path::PathBuf>("file").into_iter().flatten().collect();
    let incident = super::open(&asked.place)?;
    let since = super::since(matches, &incident)?;
    let is_shown = |event: &Event<'_>| {
        let is_asked = kinds.is_empty() || kinds.contains(&event.kind);
        let is_old = |since: i64| event.time.is_some_and(|time| time.div_euclid(1_000_000) < since);
        event.kind == EventKind::LogStrange || is_asked && !since.is_some_and(is_old)
    };
    let mut read = Vec::new();
    let mut gaps = Vec::new();
    let mut misses = Vec::new();
    let mut lines = EventLines::default();
    terminal.data(|out| {
        for file in &files {
            // The first error of the writer ends the reading of nothing: the counts are still told.
            let mut written = Ok(());
            let mut each = |event: &Event<'_>| {
                if written.is_ok() && is_shown(event) {
                    written = lines.write(out, event);
                }
            };
            match one(&incident, file, how, &mut each) {
                Ok((log, more)) => {
                    read.push(log);
                    gaps.extend(more);
                }
                Err(Failed::Machine(miss)) => misses.push(miss),
                Err(Failed::Pipe(error)) => return Err(error),
            }
            written?;
        }
        gaps.extend(misses.iter().map(|miss| miss.gap("events")));
        summary(out, &read, &gaps, asked)
    })?;
    if let (true, Some(miss)) = (read.is_empty(), misses.first()) {
        return Err(Box::new(page::unreadable(miss, &asked.place)));
    }
    terminal.speak(&query::missed(&gaps, terminal.errors()));
    terminal.speak(&page::strange(&read, &gaps, how.tell_strange, terminal.errors()));
    let partial = gaps.iter().any(|gap| gap.kind.is_partial()) || !misses.is_empty();
    Ok(if partial { 3 } else { 0 })
}

enum Failed {
    Machine(Miss),
    Pipe(io::Error),
}

fn one(
    incident: &Incident,
    file: &Path,
    how: ReadLogs,
    each: &mut dyn FnMut(&Event<'_>),
) -> Result<(LogRead, Vec<Gap>), Failed> {
    if file == Path::new("-") {
        incident.events_of_pipe(&mut io::stdin().lock(), "-", how, each).map_err(Failed::Pipe)
    } else {
        incident.events(file, how, each).map_err(Failed::Machine)
    }
}

fn summary(out: &mut dyn Write, read: &[LogRead], gaps: &[Gap], asked: &Asked) -> io::Result<()> {
    json::line(out, &documents::events_summary(read, gaps, asked.look))
}

/// Returns the kinds asked for: a name, or all names of a family.
fn kinds(matches: &ArgMatches) -> Result<Vec<EventKind>, Box<Report>> {
    let mut kinds = Vec::new();
    for asked in matches.get_many::<String>("kind").into_iter().flatten() {
        let before = kinds.len();
        kinds.extend(EventKind::ALL.iter().filter(|kind| {
            let family = kind.name().strip_prefix(asked.as_str());
            family.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }));
        if kinds.len() == before {
            return Err(Box::new(page::unknown_kind(asked)));
        }
    }
    Ok(kinds)
}
