//! Solves a Sigma rule: finds what an event must hold so that the rule fires.
//!
//! Shared by the tests of several crates, so that what is tried in our own form of an event is
//! tried in raw form, too.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::unimplemented,
    clippy::disallowed_methods,
    reason = "a test's own tool: what it does not know must stop the test"
)]

use std::collections::BTreeMap;
use std::path::Path;

use regex_syntax::hir::{Class, Hir, HirKind};
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Modifier, Quantifier, SigmaRule, SigmaValue,
    StringPart,
};

/// How many ways to fulfil a rule are tried.
pub(crate) const TRIES: usize = 60;

/// All rules for Linux that SigmaHQ has: path and text of each file.
pub(crate) fn all_files() -> Vec<(String, Vec<u8>)> {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut all = Vec::new();
    files(&house.join("../shared/data/sigma-linux"), &mut all);
    all.sort();
    all
}

fn files(directory: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else if path.extension().is_some_and(|ending| ending == "yml") {
            all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

/// What an event must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Values by field.
    pub(crate) fields: BTreeMap<String, String>,
    /// Texts that must stand somewhere.
    pub(crate) keywords: Vec<String>,
}

/// What one field must fulfil.
#[derive(Clone, Debug, Default)]
struct Demand {
    exact: Option<String>,
    start: Option<String>,
    end: Option<String>,
    within: Vec<String>,
}

impl Demand {
    fn text(&self) -> String {
        if let Some(exact) = &self.exact {
            return exact.clone();
        }
        let mut text = self.start.clone().unwrap_or_default();
        let end = self.end.clone().unwrap_or_default();
        for part in &self.within {
            let so_far = format!("{text}{end}").to_lowercase();
            if !so_far.contains(&part.to_lowercase()) {
                text = if text.is_empty() { part.clone() } else { format!("{text} {part}") };
            }
        }
        if text.to_lowercase().ends_with(&end.to_lowercase()) {
            return text;
        }
        format!("{text}{end}")
    }
}

#[derive(Clone, Debug, Default)]
struct Demands {
    fields: BTreeMap<String, Demand>,
    keywords: Vec<String>,
}

/// Returns one way to fulfil a rule's first condition; another for each number.
pub(crate) fn solve(rule: &SigmaRule, number: usize) -> Wanted {
    let mut demands = Demands::default();
    let mut choice = Choice { number };
    if let Some(condition) = rule.detection.conditions.first() {
        condition_(rule, condition, &mut choice, &mut demands);
    }
    Wanted {
        fields: demands.fields.into_iter().map(|(name, one)| (name, one.text())).collect(),
        keywords: demands.keywords,
    }
}

/// Takes another branch for each number, as digits of a number in a mixed base.
struct Choice {
    number: usize,
}

impl Choice {
    fn of(&mut self, count: usize) -> usize {
        let at = self.number % count.max(1);
        self.number /= count.max(1);
        at
    }
}

fn condition_(
    rule: &SigmaRule,
    condition: &ConditionExpr,
    choice: &mut Choice,
    demands: &mut Demands,
) {
    match condition {
        ConditionExpr::And(all) => {
            all.iter().for_each(|one| condition_(rule, one, choice, demands))
        }
        ConditionExpr::Or(all) => {
            let at = choice.of(all.len());
            condition_(rule, &all[at], choice, demands);
        }
        // What must not be is not made; whether it is there after all, the engine tells.
        ConditionExpr::Not(_) => {}
        ConditionExpr::Identifier(name) => {
            detection(&rule.detection.named[name], choice, demands);
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let mut names: Vec<&String> = rule.detection.named.keys().collect();
            names.retain(|name| pattern.matches_detection_name(name));
            names.sort();
            match quantifier {
                Quantifier::All => {
                    for name in names {
                        detection(&rule.detection.named[name], choice, demands);
                    }
                }
                Quantifier::Any => {
                    let at = choice.of(names.len());
                    detection(&rule.detection.named[names[at]], choice, demands);
                }
                Quantifier::Count(count) => {
                    for name in names.into_iter().take(*count as usize) {
                        detection(&rule.detection.named[name], choice, demands);
                    }
                }
            }
        }
    }
}

fn detection(wanted: &Detection, choice: &mut Choice, demands: &mut Demands) {
    match wanted {
        Detection::AllOf(items) => items.iter().for_each(|one| item(one, choice, demands)),
        Detection::And(all) => all.iter().for_each(|one| detection(one, choice, demands)),
        Detection::AnyOf(all) => {
            let at = choice.of(all.len());
            detection(&all[at], choice, demands);
        }
        Detection::Keywords(values) => {
            let at = choice.of(values.len());
            demands.keywords.push(text(&values[at], false));
        }
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
            unimplemented!("{wanted:?}")
        }
    }
}

fn item(item: &DetectionItem, choice: &mut Choice, demands: &mut Demands) {
    let is_all = item.field.has_modifier(Modifier::All);
    let at = if is_all { 0 } else { choice.of(item.values.len()) };
    let values = if is_all { &item.values[..] } else { &item.values[at..=at] };
    for value in values {
        let is_regex = item.field.has_modifier(Modifier::Re);
        let text = text(value, is_regex);
        let Some(name) = item.field.name.as_deref().filter(|name| !name.is_empty()) else {
            demands.keywords.push(text);
            continue;
        };
        let demand = demands.fields.entry(name.to_owned()).or_default();
        if item.field.has_modifier(Modifier::Contains) || is_regex {
            demand.within.push(text);
        } else if item.field.has_modifier(Modifier::StartsWith) {
            demand.start = Some(text);
        } else if item.field.has_modifier(Modifier::EndsWith) {
            demand.end = Some(text);
        } else {
            demand.exact = Some(text);
        }
    }
}

fn text(value: &SigmaValue, is_regex: bool) -> String {
    match value {
        SigmaValue::String(text) if is_regex => from_regex(&text.original),
        SigmaValue::String(text) => text
            .parts
            .iter()
            .map(|part| match part {
                StringPart::Plain(plain) => plain.as_str(),
                StringPart::Special(_) => "x",
            })
            .collect(),
        SigmaValue::Integer(number) => number.to_string(),
        SigmaValue::Float(number) => number.to_string(),
        SigmaValue::Bool(is) => is.to_string(),
        SigmaValue::Null => String::new(),
    }
}

/// Returns a text that a regular expression matches.
fn from_regex(pattern: &str) -> String {
    let hir = regex_syntax::parse(pattern).unwrap();
    let mut text = String::new();
    grow(&hir, &mut text);
    text
}

fn grow(hir: &Hir, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).unwrap()),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges: Vec<_> = class.iter().map(|range| (range.start(), range.end())).collect();
            let inside = |c: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
            text.push("ax1/ .".chars().find(|&c| inside(c)).unwrap_or(ranges[0].0));
        }
        HirKind::Class(Class::Bytes(_)) => text.push('a'),
        HirKind::Repetition(repeated) => {
            for _ in 0..repeated.min {
                grow(&repeated.sub, text);
            }
        }
        HirKind::Capture(capture) => grow(&capture.sub, text),
        HirKind::Concat(all) => all.iter().for_each(|one| grow(one, text)),
        HirKind::Alternation(all) => grow(&all[0], text),
    }
}
