//! `stanch detect`: have I been broken into?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ArgMatches;
use rustix::time::{ClockId, clock_gettime};
use stanch_incident::{
    Archives, Blind, Depth, Detection, Harm, Options, Place, Scope, Sigma, VerifyWith,
};
use stanch_view::pages::baseline;
use stanch_view::pages::detect::{self, Answered};
use stanch_view::{Report, documents};
use stanch_wire::json;
use stanch_words::{Gap, GapKind, Level};

use crate::arguments::Asked;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// How long content is read unless all of it is wanted.
const CONTENT_SECONDS: i64 = 8;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let only = matches.get_many::<String>("only").into_iter().flatten().cloned().collect();
    let before = milliseconds();
    let incident = super::open(&asked.place)?;
    super::trust(matches, &incident)?;
    let since = super::since(matches, &incident)?;
    let (sigma, gap) = match matches.get_one::<PathBuf>("sigma") {
        Some(directory) => {
            let (sigma, gap) = rules(directory)?;
            (Some(sigma), gap)
        }
        None => (None, None),
    };
    if let Some(path) = matches.get_one::<PathBuf>("baseline") {
        let public_key = matches.get_one::<PathBuf>("public-key").cloned();
        let with = VerifyWith { public_key, signature: None };
        let verified = stanch_incident::open_baseline(path, &with);
        let verified = verified.map_err(|e| baseline::failed(&path.to_string_lossy(), &e))?;
        incident.give_baseline(&verified);
    }
    let progress =
        Progress::start(asked.look.say("looking for signs of an intrusion", "正在查找入侵迹象"));
    let (yara, broken) = super::scan::rules(matches, asked)?;
    let (digests, bad) = super::scan::digests(matches)?;
    let is_deep = matches.get_flag("deep");
    let content = Scope {
        roots: if is_deep { vec!["/".into()] } else { Vec::new() },
        rules: Some(yara),
        digests,
        // Unpacking what a folder of downloads holds would use up the time for what matters more.
        archives: if is_deep { Archives::LookedInto } else { Archives::AsTheyLie },
        seconds: (!is_deep).then_some(CONTENT_SECONDS),
        ..Scope::default()
    };
    let depth = if is_deep { Depth::Deep } else { Depth::Usual };
    let options = Options { only, since, content: Some(content), sigma, depth };
    let mut detection = incident.detect(&options).map_err(|error| super::bug(&error))?;
    let gaps = gap.into_iter().chain(broken).chain(bad);
    detection.gaps.extend(gaps.map(|gap| Blind { gap, signs: Vec::new() }));
    drop(progress);
    let took_ms = milliseconds().saturating_sub(before);
    let path = looked_at(&asked.place);
    let answered = Answered {
        host: &incident.host_name(),
        identity: &incident.identity(),
        place: match (&asked.place, &path) {
            (Place::Root(_), Some(path)) => detect::Place::Root(path),
            (Place::Bundle(_), Some(path)) => detect::Place::Bundle(path),
            _ => detect::Place::Live,
        },
        took_ms,
        detection: &detection,
    };
    if asked.json {
        let document = documents::detect(&answered, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&detect::page(&answered, asked.look))?;
    }
    Ok(code(&detection))
}

/// Returns the path of what is looked at, if it is not this machine.
fn looked_at(place: &Place) -> Option<std::borrow::Cow<'_, str>> {
    match place {
        Place::Live => None,
        Place::Root(path) | Place::Bundle(path) => Some(path.to_string_lossy()),
    }
}

/// Loads rules of others; those that do not load are a gap.
fn rules(directory: &Path) -> Result<(Arc<Sigma>, Option<Gap>), Box<Report>> {
    let (sigma, complaints) = stanch_incident::sigma(directory).map_err(super::no_rules)?;
    let lost = complaints.iter().filter(|complaint| complaint.harm == Harm::Lost).count();
    let gap = (lost > 0).then(|| {
        let detail = format!("not loaded: {lost}; `stanch rules check` says why");
        Gap::new("sigma", GapKind::Damaged, detail).at(directory.to_string_lossy())
    });
    Ok((Arc::new(sigma), gap))
}

/// Returns the exit code: findings win over gaps; a note is no finding.
pub(super) fn code(detection: &Detection) -> u8 {
    let found = detection.findings.iter().any(|finding| finding.level > Level::Low);
    let partial = detection.gaps.iter().any(|blind| blind.gap.kind.is_partial());
    match (found, partial) {
        (true, _) => 1,
        (false, true) => 3,
        (false, false) => 0,
    }
}

/// Our own stopwatch: the machine that is looked at may be a disk image without a clock.
pub(super) fn milliseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let rest = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1000).saturating_add(rest)
}
