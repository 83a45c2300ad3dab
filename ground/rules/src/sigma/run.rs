//! One pass over all events: hits become findings, with a cap on what is kept of each rule.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rsigma_eval::Event as _;
use stanch_words::{
    Event, EventKind, Evidence, Finding, Gap, GapKind, Subject, SubjectKind, Trust, text,
};

use super::correlate::{Fired, KEPT, Kept};
use super::mapping;
use super::report;
use super::source;
use super::view::{Parent, View};
use super::{Hit, Sigma};

/// How many subjects of one rule become findings of their own.
const SUBJECTS: usize = 6;
/// How many lines prove one finding.
const LINES: usize = 5;
/// How many groups of one correlation become findings.
const GROUPS: usize = 20;
/// How many processes are remembered as parents; pids of a default kernel are fewer.
const PARENTS: usize = 1 << 15;
/// The longest text that is kept of a line.
const EXCERPT: usize = 400;

/// What was seen of one rule.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How many events fired it.
    pub(super) count: u64,
    /// About whom, in the order of first sight.
    pub(super) subjects: Vec<SubjectSeen>,
    /// How many events were about others, past the cap.
    pub(super) others: u64,
}

/// What was seen of one rule about one subject.
#[derive(Debug)]
pub(super) struct SubjectSeen {
    pub(super) subject: Subject,
    pub(super) count: u64,
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
    pub(super) matched: Vec<(String, String)>,
    pub(super) trust: Trust,
    pub(super) evidence: Vec<Evidence>,
}

/// A pass over events, in any order.
#[derive(Debug)]
pub struct Run {
    sigma: Arc<Sigma>,
    since: Option<i64>,
    seen: BTreeMap<usize, Seen>,
    parents: HashMap<i64, (i64, Parent)>,
    kept: Vec<Kept>,
    fired: BTreeMap<(usize, Vec<(String, String)>), Fired>,
    timeless: u64,
    is_parted: bool,
    /// Where each rule hit last.
    places: HashMap<usize, Place>,
}

/// Where a line stands.
#[derive(Debug, Default)]
struct Place {
    file: String,
    line: u64,
    offset: u64,
}

impl Run {
    /// Begins a pass. What happened before `since` (seconds since 1970 UTC) fires nothing.
    pub fn new(sigma: Arc<Sigma>, since: Option<i64>) -> Self {
        Self {
            sigma,
            since: since.map(|seconds| seconds.saturating_mul(1_000_000)),
            seen: BTreeMap::new(),
            parents: HashMap::new(),
            kept: Vec::new(),
            fired: BTreeMap::new(),
            timeless: 0,
            is_parted: false,
            places: HashMap::new(),
        }
    }

    /// Judges an event.
    pub fn event(&mut self, event: &Event<'_>) {
        let is_old = self.since.zip(event.time).is_some_and(|(since, time)| time < since);
        if !is_old {
            let parent = self.parent(event);
            let hits = self.sigma.judge(event, parent);
            for hit in hits {
                if self.is_told_twice(hit.rule, event) {
                    continue;
                }
                self.keep(&hit, event);
                self.count(hit, event);
            }
        }
        self.remember(event);
    }

    /// Returns whether a rule hit the same line just before: a line of sudo is a right that was used
    /// and a program that ran, and both are what `process_creation` takes.
    fn is_told_twice(&mut self, rule: usize, event: &Event<'_>) -> bool {
        let place = &event.place;
        if place.line == 0 {
            return false;
        }
        let last = self.places.entry(rule).or_default();
        let is_same =
            (last.line, last.offset) == (place.line, place.offset) && last.file == place.file;
        if !is_same {
            (last.line, last.offset) = (place.line, place.offset);
            last.file.clear();
            last.file.push_str(place.file);
        }
        is_same
    }

    /// The parent of a process that started, if the same kernel told of it before: audit names only
    /// its pid.
    fn parent(&self, event: &Event<'_>) -> Option<&Parent> {
        if event.trust != Trust::Kernel || event.field("parent_path").is_some() {
            return None;
        }
        let (since, parent) = self.parents.get(&event.ppid?)?;
        (event.time.unwrap_or(i64::MAX) >= *since).then_some(parent)
    }

    fn remember(&mut self, event: &Event<'_>) {
        match event.kind {
            EventKind::ProcessStart if event.trust == Trust::Kernel => {
                let Some(pid) = event.pid else { return };
                if self.parents.len() >= PARENTS && !self.parents.contains_key(&pid) {
                    self.parents.clear();
                }
                let (since, parent) = self.parents.entry(pid).or_default();
                *since = event.time.unwrap_or(i64::MIN);
                parent.path.clear();
                parent.command.clear();
                parent.path.push_str(&event.path);
                parent.command.push_str(&event.command);
            }
            EventKind::ProcessEnd => {
                event.pid.and_then(|pid| self.parents.remove(&pid));
            }
            EventKind::Boot | EventKind::Shutdown => self.parents.clear(),
            _ => {}
        }
    }

    /// Keeps a hit that a correlation counts.
    fn keep(&mut self, hit: &Hit, event: &Event<'_>) {
        let Some(fields) = self.sigma.correlations.fields(hit.rule) else { return };
        let Some(time) = event.time else {
            self.timeless = self.timeless.saturating_add(1);
            return;
        };
        let is_audit = source::is_audit(event);
        let groups = self.sigma.groups.iter().filter(|group| group.source.takes(event, is_audit));
        let views: Vec<View<'_>> = groups.map(|group| View::new(event, None, group.rows)).collect();
        let plain = View::new(event, None, mapping::rows(None, false));
        let value = |field: &String| {
            let found = views.iter().chain([&plain]).find_map(|view| view.get_field(field))?;
            let text = found.as_str()?.into_owned();
            Some((field.clone(), text))
        };
        let fields = fields.iter().filter_map(value).collect();
        self.kept.push(Kept { time, rule: hit.rule, fields, evidence: evidence(event) });
        if self.kept.len() >= KEPT {
            self.is_parted = true;
            self.correlate();
        }
    }

    fn correlate(&mut self) {
        let kept = std::mem::take(&mut self.kept);
        for fired in self.sigma.correlations.judge(kept, &self.sigma.by_id) {
            let key = (fired.rule, fired.group.clone());
            if let Some(one) = self.fired.get_mut(&key) {
                one.count = one.count.max(fired.count);
            } else if self.fired.len() < KEPT {
                self.fired.insert(key, fired);
            }
        }
    }

    fn count(&mut self, hit: Hit, event: &Event<'_>) {
        if self.sigma.rules.get(hit.rule).is_none_or(|rule| rule.is_part) {
            return;
        }
        let seen = self.seen.entry(hit.rule).or_default();
        seen.count = seen.count.saturating_add(1);
        let subject = subject(event);
        if let Some(known) = seen.subjects.iter_mut().find(|one| one.subject == subject) {
            known.count = known.count.saturating_add(1);
            known.first = earlier(known.first, event.time);
            known.last = known.last.max(event.time);
            known.trust = known.trust.min(event.trust);
            if known.evidence.len() < LINES {
                known.evidence.push(evidence(event));
            }
        } else if seen.subjects.len() < SUBJECTS {
            seen.subjects.push(SubjectSeen {
                subject,
                count: 1,
                first: event.time,
                last: event.time,
                matched: hit.matched,
                trust: event.trust,
                evidence: vec![evidence(event)],
            });
        } else {
            seen.others = seen.others.saturating_add(1);
        }
    }

    /// Returns what was found, and what could not be judged.
    pub fn finish(mut self) -> (Vec<Finding>, Vec<Gap>) {
        self.correlate();
        let rules = &self.sigma.rules;
        let mut findings = Vec::new();
        for (index, seen) in &self.seen {
            let Some(rule) = rules.get(*index) else { continue };
            findings.extend(report::findings(rule, seen));
        }
        let mut groups: BTreeMap<usize, Vec<&Fired>> = BTreeMap::new();
        for fired in self.fired.values() {
            groups.entry(fired.rule).or_default().push(fired);
        }
        for (index, all) in groups {
            let Some(rule) = rules.get(index).filter(|rule| !rule.is_part) else { continue };
            let shown = all.iter().take(GROUPS);
            let (of, more) = (all.len().min(GROUPS), all.len().saturating_sub(GROUPS));
            findings.extend(shown.map(|fired| report::correlated(rule, fired, of, more)));
        }
        (findings, self.gaps())
    }

    fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if self.is_parted {
            let detail = format!(
                "hits were correlated in parts of {KEPT}; what lies across two parts can be missed"
            );
            gaps.push(Gap::new("sigma", GapKind::Truncated, detail));
        }
        if self.timeless > 0 {
            let detail = format!("{} hits without a time were not correlated", self.timeless);
            gaps.push(Gap::new("sigma", GapKind::Damaged, detail));
        }
        gaps
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Returns where an event stands, and its words.
fn evidence(event: &Event<'_>) -> Evidence {
    let words = [&event.message, &event.command, &event.path];
    let words = words.into_iter().find(|words| !words.is_empty());
    let words = words.map(|words| &**words).unwrap_or_default();
    Evidence {
        source: text::escaped(event.place.file),
        excerpt: text::shortened(&text::escaped(words), EXCERPT),
        offset: Some(event.place.offset),
        line: Some(event.place.line).filter(|&line| line > 0),
        sha256: None,
    }
}

/// Returns what an event is about. A pid of the past is no subject: another process may have it.
fn subject(event: &Event<'_>) -> Subject {
    let owned = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let first = |texts: [&str; 2]| texts.into_iter().find_map(owned);
    let account = |user: &str| Subject {
        name: owned(user),
        ..Subject::new(if user.is_empty() { SubjectKind::Log } else { SubjectKind::Account })
    };
    let path = |kind| Subject { path: owned(&event.path), ..Subject::new(kind) };
    let is_web =
        matches!(event.kind, EventKind::WebRequest | EventKind::WebAbuse | EventKind::WebError);
    match event.kind {
        EventKind::ProcessStart
        | EventKind::ProcessSeen
        | EventKind::ProcessEnd
        | EventKind::PrivilegeUse
        | EventKind::PrivilegeFailure
        | EventKind::CronRun
            if !event.path.is_empty() =>
        {
            path(SubjectKind::Process)
        }
        EventKind::FileWrite | EventKind::FileAccess | EventKind::FileDelete
            if !event.path.is_empty() =>
        {
            path(SubjectKind::File)
        }
        EventKind::NetworkConnect => Subject {
            address: first([event.text("destination_ip"), event.text("destination_host")]),
            port: event.number("destination_port"),
            ..Subject::new(SubjectKind::Address)
        },
        _ if is_web || !event.source_ip.is_empty() => {
            Subject { address: owned(&event.source_ip), ..Subject::new(SubjectKind::Address) }
        }
        _ if !event.user.is_empty() => account(&event.user),
        _ => Subject { name: owned(event.place.file), ..Subject::new(SubjectKind::Log) },
    }
}
