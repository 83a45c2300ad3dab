//! `stanch timeline`: everything that happened, in its order.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ArgMatches;
use stanch_incident::Incident;
use stanch_incident::timeline::{MadeOf, Shown, Timeline, Wanted};
use stanch_view::pages::{events, query, timeline as page};
use stanch_view::{Look, Report};
use stanch_wire::{TimelineForm, TimelineLines, json};
use stanch_words::{EventKind, Happened};

use crate::arguments::Asked;
use crate::progress::Progress;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let (kinds, times) = kinds(matches)?;
    let incident = super::open(&asked.place)?;
    let paths = matches.get_many::<String>("path").into_iter().flatten().cloned();
    let wanted = Wanted {
        since: time(matches, "since", &incident)?.map(|seconds| seconds.saturating_mul(SECOND)),
        until: time(matches, "until", &incident)?.map(|seconds| seconds.saturating_mul(SECOND)),
        kinds,
        times,
        paths: paths.collect(),
        ours: Vec::new(),
    };
    let form = matches.get_one::<String>("format").and_then(|name| TimelineForm::from_name(name));
    let progress = Progress::start(asked.look.say("reading logs and files", "正在读取日志和文件"));
    if let Some(path) = matches.get_one::<PathBuf>("output") {
        let form = form.unwrap_or(TimelineForm::Jsonl);
        let mut show =
            |timeline: Timeline, out: &mut dyn Write| lines(timeline, form, wanted.since, out);
        let made = incident.timeline_into(&wanted, path, &mut show);
        drop(progress);
        let shown = path.to_string_lossy();
        let made = made.map_err(|error| Box::new(page::failed(&shown, &error)))?;
        if asked.json {
            let document = page::document(&shown, form, &made, asked.look);
            terminal.data(|out| json::pretty(out, &document))?;
        }
        return Ok(told(&made, terminal));
    }
    let form = match matches.get_flag("jsonl") || asked.json {
        true => form.or(Some(TimelineForm::Jsonl)),
        false => form,
    };
    let timeline = incident.timeline(&wanted);
    drop(progress);
    let mut made = None;
    terminal.data(|out| {
        made = Some(match form {
            Some(form) => lines(timeline, form, wanted.since, out)?,
            None => rows(timeline, asked.look, out)?,
        });
        Ok(())
    })?;
    // A reader that went away has seen enough.
    Ok(made.map_or(0, |made| told(&made, terminal)))
}

const SECOND: i64 = 1_000_000_000;

/// Writes a timeline for programs.
fn lines(
    timeline: Timeline,
    form: TimelineForm,
    since: Option<i64>,
    out: &mut dyn Write,
) -> io::Result<(Shown, MadeOf)> {
    let from = timeline.from().max(since);
    let mut lines = TimelineLines::new(form, from);
    lines.begin(out)?;
    timeline.each(|moment| lines.write(out, moment))
}

/// Writes a timeline for a person.
fn rows(timeline: Timeline, look: Look, out: &mut dyn Write) -> io::Result<(Shown, MadeOf)> {
    out.write_all(page::heading(look).as_bytes())?;
    timeline.each(|moment| out.write_all(page::row(moment, look).as_bytes()))
}

/// Says what it was made of and what is missing, and returns the exit code.
fn told((shown, of): &(Shown, MadeOf), terminal: &Terminal) -> u8 {
    terminal.speak(&page::made(shown, of, terminal.errors()));
    terminal.speak(&query::missed(&of.gaps, terminal.errors()));
    let is_partial = shown.left_out > 0 || of.gaps.iter().any(|gap| gap.kind.is_partial());
    if is_partial { 3 } else { 0 }
}

fn time(matches: &ArgMatches, name: &str, incident: &Incident) -> Result<Option<i64>, Box<Report>> {
    let Some(written) = matches.get_one::<String>(name) else { return Ok(None) };
    match incident.time(written) {
        Some(time) => Ok(Some(time)),
        None => Err(Box::new(stanch_view::pages::detect::unknown_time(written))),
    }
}

/// Returns the kinds asked for, and whether the times of files are among them.
fn kinds(matches: &ArgMatches) -> Result<(Vec<EventKind>, bool), Box<Report>> {
    let (mut kinds, mut times) = (Vec::new(), false);
    for asked in matches.get_many::<String>("kind").into_iter().flatten() {
        let is_of = |name: &str| {
            let rest = name.strip_prefix(asked.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let before = kinds.len();
        kinds.extend(EventKind::ALL.iter().filter(|kind| is_of(kind.name())));
        let is_times = is_of(Happened::TIMES);
        times |= is_times;
        if kinds.len() == before && !is_times {
            return Err(Box::new(events::unknown_kind(asked)));
        }
    }
    Ok((kinds, times))
}
