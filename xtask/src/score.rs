//! How well logs that others have judged are read: our figure for each folder of `../shared/data`,
//! as its README says how to score, and the goal that a test holds it to.
//!
//! One folder, one file in `score/`; each returns its measures.

pub mod artifacts;
pub mod crowdsec;
pub mod fail2ban;
pub mod libaudit;
pub mod loghub;
pub mod plaso;
pub mod web_shells;

use std::path::{Path, PathBuf};

use anyhow::Result;
use stanch_facts::logs::{Context, Stream};
use stanch_words::{Event, EventKind};

use crate::House;

/// A figure: how many of what was expected came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure {
    /// What is measured.
    pub name: String,
    /// How many were right.
    pub hits: usize,
    /// Of how many.
    pub total: usize,
    /// The least share that is good enough, if there is a goal.
    pub goal: Option<f64>,
    /// What was not right, one line each.
    pub misses: Vec<String>,
    /// What must be said with the figure.
    pub note: String,
}

impl Measure {
    /// Returns a measure without figures yet.
    pub fn new(name: impl Into<String>, goal: Option<f64>) -> Self {
        Self { name: name.into(), goal, ..Self::default() }
    }

    /// Counts one; says what was wrong, if it was.
    pub fn count(&mut self, hit: bool, miss: impl FnOnce() -> String) {
        self.total = self.total.saturating_add(1);
        if hit {
            self.hits = self.hits.saturating_add(1);
        } else {
            self.misses.push(miss());
        }
    }

    /// Returns the share that was right: 1 of nothing.
    pub fn share(&self) -> f64 {
        if self.total == 0 { 1.0 } else { self.hits as f64 / self.total as f64 }
    }

    /// Returns whether the goal is reached.
    pub fn is_good(&self) -> bool {
        self.goal.is_none_or(|goal| self.share() >= goal && self.total > 0)
    }
}

/// What a folder scores.
pub type Score = fn(&Path) -> Result<Vec<Measure>>;

/// The folders. One line a folder.
pub const ALL: &[(&str, Score)] = &[
    ("fail2ban-logs", fail2ban::score),
    ("crowdsec-hub-tests", crowdsec::score),
    ("loghub", loghub::score),
    ("go-libaudit", libaudit::score),
    ("plaso", plaso::score),
];

/// Returns where the data lies.
pub fn data(house: &House) -> PathBuf {
    house.root.join("../shared/data")
}

/// Returns the figures as lines: a folder, its measures, and if asked what was missed.
///
/// # Errors
/// If the data cannot be read.
pub fn lines(house: &House, with_misses: bool) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (folder, score) in ALL {
        lines.push((*folder).to_owned());
        for measure in score(&data(house).join(folder))? {
            lines.extend(told(&measure, with_misses));
        }
    }
    Ok(lines)
}

/// Returns the figures of web shells: our pages, and those of packages below a folder.
///
/// # Errors
/// If pages cannot be read.
pub fn web_shell_lines(house: &House, folder: Option<&Path>) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for measure in web_shells::ours(house)? {
        lines.extend(told(&measure, true));
    }
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => web_shells::fetch(house)?,
    };
    for measure in web_shells::clean(&folder)? {
        lines.extend(told(&measure, true));
    }
    Ok(lines)
}

/// Returns a measure as lines.
fn told(measure: &Measure, with_misses: bool) -> Vec<String> {
    let goal = match measure.goal {
        Some(goal) if measure.is_good() => format!("  goal {goal:.4}"),
        Some(goal) => format!("  goal {goal:.4}  BELOW"),
        None => String::new(),
    };
    let (hits, total) = (measure.hits, measure.total);
    let mut lines =
        vec![format!("  {:<44} {:.4}  {hits}/{total}{goal}", measure.name, measure.share())];
    if !measure.note.is_empty() {
        lines.push(format!("    {}", measure.note));
    }
    if with_misses {
        lines.extend(measure.misses.iter().map(|miss| format!("    - {miss}")));
    }
    lines
}

/// The kinds that say that somebody failed to get in, or that abuse was noticed.
pub const ABUSE: [EventKind; 6] = [
    EventKind::AuthFailure,
    EventKind::AuthInvalidUser,
    EventKind::WebAbuse,
    EventKind::MailAbuse,
    EventKind::ServiceAbuse,
    EventKind::PrivilegeFailure,
];

/// What the figures look at in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its kind.
    pub kind: EventKind,
    /// Its line, from 1.
    pub line: u64,
    /// When.
    pub time: Option<i64>,
    /// From where.
    pub source_ip: String,
    /// Who.
    pub user: String,
    /// On whom.
    pub target: String,
    /// How.
    pub method: String,
    /// How often.
    pub count: i64,
    /// Whether its line ends within a field.
    pub is_torn: bool,
}

impl Seen {
    fn of(event: &Event<'_>) -> Self {
        let count = event.number("count").or_else(|| event.number("attempts"));
        Self {
            kind: event.kind,
            line: event.place.line,
            time: event.time,
            source_ip: event.source_ip.clone().into_owned(),
            user: event.user.clone().into_owned(),
            target: event.target.clone().into_owned(),
            method: event.method.clone().into_owned(),
            count: count.unwrap_or(1),
            is_torn: event.field("torn").is_some(),
        }
    }
}

/// Reads a log by our own readers; `year` is the year of its last change.
pub fn read(name: &str, bytes: &[u8], modified: i64) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut each = |event: &Event<'_>| seen.push(Seen::of(event));
    let mut stream = Stream::new(Context::new(name, modified), None);
    stream.feed(bytes, &mut each);
    stream.end(&mut each);
    seen
}

/// Returns noon of a day in microseconds since 1970.
pub fn noon(year: i64, month: u32, day: i64) -> i64 {
    let seconds = stanch_facts::logs::stamps::civil_seconds(year, month, day).unwrap_or(0);
    (seconds + 43_200) * 1_000_000
}
