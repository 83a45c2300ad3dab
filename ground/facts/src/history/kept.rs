//! What folds keep of what passes: names by number, and a few telling lines.

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::Event;

/// The longest name that is kept; accounts and addresses are shorter.
const LONGEST_NAME: usize = 128;

/// The longest excerpt of a line.
const LONGEST_EXCERPT: usize = 300;

/// How many lines of one thing are kept.
const MOST_LINES: usize = 10;

/// Names by number, so that state holds four bytes instead of a text.
#[derive(Debug)]
pub(crate) struct Names {
    by_name: HashMap<Arc<str>, u32>,
    all: Vec<Arc<str>>,
    most: usize,
    /// How many were asked for that found no place.
    pub(crate) left_out: u64,
}

impl Names {
    /// Returns an empty list that takes so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { by_name: HashMap::new(), all: Vec::new(), most, left_out: 0 }
    }

    /// Returns the number of a name; none if the list is full.
    pub(crate) fn number(&mut self, name: &str) -> Option<u32> {
        let name = shortened(name, LONGEST_NAME);
        if let Some(&number) = self.by_name.get(name) {
            return Some(number);
        }
        if self.all.len() >= self.most {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        let number = u32::try_from(self.all.len()).ok()?;
        let name: Arc<str> = name.into();
        self.all.push(Arc::clone(&name));
        self.by_name.insert(name, number);
        Some(number)
    }

    /// Returns the number of a name that is there.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(shortened(name, LONGEST_NAME)).copied()
    }

    /// Returns the name of a number.
    pub(crate) fn name(&self, number: u32) -> Arc<str> {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        self.all.get(at).map_or_else(|| "".into(), Arc::clone)
    }
}

/// Returns the beginning of a text, cut between characters.
pub(crate) fn shortened(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let cut = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.get(..cut).unwrap_or_default()
}

/// Returns what a line says, with the program that says it.
pub(crate) fn excerpt(event: &Event<'_>) -> Box<str> {
    let message = shortened(&event.message, LONGEST_EXCERPT);
    match (event.program.is_empty(), event.pid) {
        (true, _) => message.into(),
        (false, Some(pid)) => format!("{}[{pid}]: {message}", event.program).into(),
        (false, None) => format!("{}: {message}", event.program).into(),
    }
}

/// One line that a finding can rest on.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The file.
    pub(crate) source: Arc<str>,
    /// Line or record, from 1.
    pub(crate) line: u64,
    /// Offset of its first byte.
    pub(crate) offset: u64,
    /// What it says.
    pub(crate) excerpt: Box<str>,
    /// When, in seconds since 1970 UTC.
    pub(crate) time: Option<i64>,
}

impl Told {
    /// Keeps the line of an event; `source` is its file.
    pub(crate) fn of(event: &Event<'_>, source: Arc<str>) -> Self {
        Self {
            source,
            line: event.place.line,
            offset: event.place.offset,
            excerpt: excerpt(event),
            time: seconds(event),
        }
    }
}

/// Returns an event's time in seconds since 1970 UTC.
pub(crate) fn seconds(event: &Event<'_>) -> Option<i64> {
    event.time.map(|time| time.div_euclid(1_000_000))
}

/// Times of one kind, in seconds since 1970 UTC. [`Times::sort`] comes before any question.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<i64>);

impl Times {
    /// Keeps a time while there are fewer than `most`.
    pub(crate) fn keep(&mut self, time: i64, most: usize) {
        if self.0.len() < most {
            self.0.push(time);
        }
    }

    /// Puts them in order.
    pub(crate) fn sort(&mut self) {
        self.0.sort_unstable();
    }

    /// Returns the first of all.
    pub(crate) fn first(&self) -> Option<i64> {
        self.0.first().copied()
    }

    /// Returns the first after a time.
    pub(crate) fn after(&self, time: i64) -> Option<i64> {
        self.0.get(self.0.partition_point(|&other| other <= time)).copied()
    }

    /// Returns the last at a time or before it.
    pub(crate) fn until(&self, time: i64) -> Option<i64> {
        let after = self.0.partition_point(|&other| other <= time);
        self.0.get(after.checked_sub(1)?).copied()
    }

    /// Returns whether there is one from a time to another, both included.
    pub(crate) fn is_any_within(&self, from: i64, to: i64) -> bool {
        let at = self.0.partition_point(|&other| other < from);
        self.0.get(at).is_some_and(|&time| time <= to)
    }
}

/// Adds to a list that mostly stays at one element, of which a vector would hold room for four.
pub(crate) fn push_one<T>(list: &mut Vec<T>, element: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(element);
}

/// A few lines of many: the first, the second, the fourth, the eighth …, and the last of those.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    seen: u64,
    kept: Vec<Told>,
}

impl Lines {
    /// Takes an event's line if it is one to keep. `source` is asked for only then.
    pub(crate) fn take(&mut self, event: &Event<'_>, source: impl FnOnce() -> Arc<str>) {
        self.seen = self.seen.saturating_add(1);
        if !self.seen.is_power_of_two() {
            return;
        }
        if self.kept.len() >= MOST_LINES {
            self.kept.pop();
        }
        push_one(&mut self.kept, Told::of(event, source()));
    }

    /// Returns the lines, in the order of their time.
    pub(crate) fn kept(&self) -> &[Told] {
        &self.kept
    }
}

/// Returns lines as the JSON of a column `lines`.
pub(crate) fn as_json<'t>(lines: impl IntoIterator<Item = &'t Told>) -> String {
    let lines: Vec<serde_json::Value> = lines
        .into_iter()
        .take(MOST_LINES)
        .map(|told| {
            serde_json::json!({
                "source": &*told.source,
                "line": told.line,
                "offset": told.offset,
                "excerpt": &*told.excerpt,
            })
        })
        .collect();
    serde_json::Value::Array(lines).to_string()
}
