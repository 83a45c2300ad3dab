//! Rules over the hits of other rules: so many within a time, so many different ones, several
//! together, several in order.
//!
//! Logs are read one after the other, so that hits do not come in the order of time. They are kept,
//! sorted, and only then shown to the engine, by the time of the event and never by the clock on
//! the wall. What is kept has a cap; when it is reached, what there is is judged, and the next
//! part begins anew: then only what lies across two parts can be missed, and a gap says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rsigma_eval::result::{DetectionBody, EvaluationResult, ResultBody, RuleHeader};
use rsigma_eval::{
    CorrelationConfig, CorrelationEngine, Event as Sees, EventValue, TimestampFallback,
};
use rsigma_parser::{CorrelationCondition, CorrelationRule, SigmaRule};
use stanch_words::{Both, Evidence};

/// How many hits are kept until they are judged; one is about 400 bytes.
pub(super) const KEPT: usize = 1 << 16;
/// How many states the engine keeps.
const STATES: usize = 50_000;
/// How much each state holds at least; each new hit is compared with all of them.
const ENTRIES: usize = 1_000;
/// How many lines prove a correlation.
const LINES: usize = 8;

/// All rules over hits.
#[derive(Default)]
pub(super) struct Correlations {
    /// The rules over hits, each with its index among all rules.
    all: Vec<(CorrelationRule, usize)>,
    /// The rules whose hits are counted.
    counted: Vec<SigmaRule>,
    /// By the index of such a rule: the fields of its events that are needed.
    fields: BTreeMap<usize, Vec<String>>,
    /// Rules that give no finding of their own.
    parts: BTreeSet<usize>,
    /// By the index of a rule over hits: the rules over events that it rests on.
    leaves: BTreeMap<usize, BTreeSet<usize>>,
}

/// A hit that is kept until it can be judged.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) time: i64,
    pub(super) rule: usize,
    pub(super) fields: Vec<(String, String)>,
    pub(super) evidence: Evidence,
}

/// A correlation that fired, for one group of values.
#[derive(Clone, Debug)]
pub(super) struct Fired {
    pub(super) rule: usize,
    pub(super) group: Vec<(String, String)>,
    /// When it first did, in microseconds since 1970 UTC.
    pub(super) time: i64,
    /// The most that was counted.
    pub(super) count: f64,
    pub(super) seconds: u64,
    pub(super) evidence: Vec<Evidence>,
}

/// A rule that cannot be used: its index, its title, and why.
pub(super) type Bad = (usize, String, Both);

impl Correlations {
    /// Sorts out which correlations can be used.
    pub(super) fn new(
        rules: &[SigmaRule],
        mut known: Vec<(CorrelationRule, usize)>,
        by_id: &mut BTreeMap<String, usize>,
    ) -> (Self, Vec<Bad>) {
        let mut bad = Vec::new();
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for rule in rules {
            let Some(&index) = rule.id.as_ref().and_then(|id| by_id.get(id)) else { continue };
            names.extend(rule.id.iter().chain(&rule.name).map(|name| (name.clone(), index)));
        }
        // One that names a bad one is bad itself, so again until none is left.
        loop {
            let mut all = names.clone();
            for (rule, index) in &known {
                all.extend(rule.id.iter().chain(&rule.name).map(|name| (name.clone(), *index)));
            }
            let at = known.iter().position(|(rule, _)| problem(rule, &known, &all).is_some());
            let Some(at) = at else {
                names = all;
                break;
            };
            let (rule, index) = known.remove(at);
            let mut with = known.clone();
            with.push((rule.clone(), index));
            let why = problem(&rule, &with, &all).unwrap_or_default();
            by_id.remove(rule.id.as_deref().unwrap_or_default());
            bad.push((index, rule.title, why));
        }
        let mut new = Self { all: known, ..Self::default() };
        new.collect(rules, &names, by_id);
        (new, bad)
    }

    fn collect(
        &mut self,
        rules: &[SigmaRule],
        names: &BTreeMap<String, usize>,
        by_id: &BTreeMap<String, usize>,
    ) {
        for (rule, index) in &self.all {
            let mut leaves = BTreeSet::new();
            rests_on(*index, &self.all, names, &mut leaves, 0);
            let mut fields: BTreeSet<String> = rule.group_by.iter().cloned().collect();
            for alias in &rule.aliases {
                fields.extend(alias.mapping.values().cloned());
            }
            if let CorrelationCondition::Threshold { field: Some(more), .. } = &rule.condition {
                fields.extend(more.iter().cloned());
            }
            for &leaf in &leaves {
                let kept = self.fields.entry(leaf).or_default();
                kept.extend(fields.iter().cloned());
                kept.sort_unstable();
                kept.dedup();
            }
            if !rule.generate {
                let direct = rule.rules.iter().filter_map(|name| names.get(name));
                self.parts.extend(direct);
            }
            self.leaves.insert(*index, leaves);
        }
        let is_counted = |rule: &&SigmaRule| {
            let index = rule.id.as_ref().and_then(|id| by_id.get(id));
            index.is_some_and(|index| self.fields.contains_key(index))
        };
        self.counted = rules.iter().filter(is_counted).cloned().collect();
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns the rules that give no finding of their own.
    pub(super) fn parts(&self) -> impl Iterator<Item = &usize> {
        self.parts.iter()
    }

    /// Returns the fields that are needed of a rule's events, if its hits are counted at all.
    pub(super) fn fields(&self, rule: usize) -> Option<&[String]> {
        self.fields.get(&rule).map(Vec::as_slice)
    }

    /// Judges hits, which need not be in order.
    pub(super) fn judge(&self, mut kept: Vec<Kept>, by_id: &BTreeMap<String, usize>) -> Vec<Fired> {
        kept.sort_by_key(|hit| hit.time);
        let Some(mut engine) = self.engine() else { return Vec::new() };
        let ids: BTreeMap<usize, &str> =
            by_id.iter().map(|(id, &index)| (index, id.as_str())).collect();
        let mut fired: Vec<Fired> = Vec::new();
        let mut known: BTreeMap<(usize, Vec<(String, String)>), usize> = BTreeMap::new();
        for (at, hit) in kept.iter().enumerate() {
            let Some(id) = ids.get(&hit.rule) else { continue };
            let seconds = hit.time.div_euclid(1_000_000);
            let results = engine.process_with_detections(hit, vec![detection(id)], seconds);
            for result in results {
                let Some(body) = result.as_correlation() else { continue };
                let id = result.header.rule_id.as_deref().unwrap_or_default();
                let Some(&rule) = by_id.get(id) else { continue };
                let key = (rule, body.group_key.clone());
                if let Some(one) = known.get(&key).and_then(|&at| fired.get_mut(at)) {
                    one.count = one.count.max(body.aggregated_value);
                    continue;
                }
                known.insert(key, fired.len());
                let before = kept.get(..=at).unwrap_or_default();
                fired.push(Fired {
                    rule,
                    group: body.group_key.clone(),
                    time: hit.time,
                    count: body.aggregated_value,
                    seconds: body.timespan_secs,
                    evidence: self.evidence(rule, before, body.timespan_secs),
                });
            }
        }
        fired
    }

    fn engine(&self) -> Option<CorrelationEngine> {
        if self.all.is_empty() {
            return None;
        }
        let mut engine = CorrelationEngine::new(CorrelationConfig {
            timestamp_fallback: TimestampFallback::Skip,
            max_state_entries: STATES,
            max_group_entries: Some(self.entries()),
            ..CorrelationConfig::default()
        });
        // Each of these was compiled before; one that fails now is left out.
        for rule in &self.counted {
            engine.add_rule(rule).ok();
        }
        for (rule, _) in &self.all {
            engine.add_correlation(rule).ok();
        }
        Some(engine)
    }

    /// Enough for the largest number that a rule counts to, twice over.
    fn entries(&self) -> usize {
        let counts = self.all.iter().flat_map(|(rule, _)| match &rule.condition {
            CorrelationCondition::Threshold { predicates, .. } => predicates.as_slice(),
            CorrelationCondition::Extended(_) => &[],
        });
        let most = counts.map(|(_, count)| *count).max().unwrap_or(0);
        usize::try_from(most.saturating_mul(2)).unwrap_or(KEPT).clamp(ENTRIES, KEPT)
    }

    /// The last lines that a correlation rests on: hits of its rules within its time that share
    /// the values of the one that fired.
    fn evidence(&self, rule: usize, before: &[Kept], seconds: u64) -> Vec<Evidence> {
        let (Some(leaves), Some(last)) = (self.leaves.get(&rule), before.last()) else {
            return Vec::new();
        };
        let span = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let from = last.time.saturating_sub(span);
        let group = self.all.iter().find(|(_, index)| *index == rule);
        let group: &[String] = group.map(|(rule, _)| rule.group_by.as_slice()).unwrap_or_default();
        let shares = |hit: &&Kept| {
            leaves.contains(&hit.rule)
                && group.iter().all(|name| match (hit.field(name), last.field(name)) {
                    (Some(one), Some(other)) => one == other,
                    // An alias has another name in each rule.
                    _ => true,
                })
        };
        let mut lines: Vec<Evidence> = before
            .iter()
            .rev()
            .take_while(|hit| hit.time >= from)
            .filter(shares)
            .take(LINES)
            .map(|hit| hit.evidence.clone())
            .collect();
        lines.reverse();
        lines
    }
}

impl Kept {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

impl Sees for Kept {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        self.field(path).map(|value| EventValue::Str(value.into()))
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        self.fields.iter().any(|(_, value)| pred(value))
    }

    fn all_string_values(&self) -> Vec<std::borrow::Cow<'_, str>> {
        self.fields.iter().map(|(_, value)| value.as_str().into()).collect()
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

fn detection(id: &str) -> EvaluationResult {
    EvaluationResult {
        header: RuleHeader {
            rule_title: String::new(),
            rule_id: Some(id.to_owned()),
            level: None,
            tags: Vec::new(),
            custom_attributes: Arc::default(),
            enrichments: None,
        },
        body: ResultBody::Detection(DetectionBody {
            matched_selections: Vec::new(),
            matched_fields: Vec::new(),
            event: None,
        }),
    }
}

/// Returns why a correlation cannot be used.
fn problem(
    rule: &CorrelationRule,
    known: &[(CorrelationRule, usize)],
    names: &BTreeMap<String, usize>,
) -> Option<Both> {
    if let Some(missing) = rule.rules.iter().find(|name| !names.contains_key(*name)) {
        return Some(Both::new(
            format!("it counts hits of `{missing}`, which was not loaded"),
            format!("它统计 `{missing}` 的命中，但该规则没有加载"),
        ));
    }
    let index = names.get(rule.id.as_deref().unwrap_or_default());
    if let Some(&index) = index
        && !rests_on(index, known, names, &mut BTreeSet::new(), 0)
    {
        return Some(Both::new("it counts its own hits", "它统计的是自身的命中"));
    }
    let mut engine = CorrelationEngine::new(CorrelationConfig::default());
    let error = engine.add_correlation(rule).err()?;
    let said = super::complaint::one_line(&error.to_string());
    Some(Both::new(
        format!("the correlation cannot be used: {said}"),
        format!("关联规则无法使用：{said}"),
    ))
}

/// Collects the rules over events that a rule rests on; returns whether there is an end to it.
fn rests_on(
    index: usize,
    known: &[(CorrelationRule, usize)],
    names: &BTreeMap<String, usize>,
    leaves: &mut BTreeSet<usize>,
    depth: usize,
) -> bool {
    // SigmaHQ's deepest chain has two links.
    if depth > 16 {
        return false;
    }
    let Some((rule, _)) = known.iter().find(|(_, other)| *other == index) else {
        leaves.insert(index);
        return true;
    };
    rule.rules
        .iter()
        .filter_map(|name| names.get(name))
        .all(|&below| rests_on(below, known, names, leaves, depth.saturating_add(1)))
}
