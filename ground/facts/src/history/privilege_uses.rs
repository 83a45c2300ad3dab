//! Who used whose rights, and who was refused (sudo, su, doas, pkexec).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Row, Seen};

use super::kept::{Lines, Names, Told, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::accounts::Accounts;
use crate::tables::privilege_uses::{SPEC, col};

/// The fold.
pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[EventKind::PrivilegeUse, EventKind::PrivilegeFailure],
    new: || Box::new(PrivilegeUses::default()),
};

/// How many pairs of accounts are kept.
const MOST: usize = 10_000;

/// How many commands of a pair are named.
const MOST_COMMANDS: usize = 5;

/// How many odd uses of a pair are kept.
const MOST_ODD: usize = 5;

/// One account's use of another's rights, as one witness told it.
#[derive(Debug, Default)]
struct Pair {
    uses: u64,
    failures: u64,
    denied: u64,
    first: Option<i64>,
    first_use: Option<i64>,
    last: Option<i64>,
    commands: Vec<Box<str>>,
    programs: Vec<Box<str>>,
    odd: Vec<(&'static str, Told)>,
    lines: Lines,
    failed_lines: Lines,
    /// The failures of the last two minutes, newest last.
    recent: std::collections::VecDeque<i64>,
    peak: usize,
}

#[derive(Debug)]
struct PrivilegeUses {
    pairs: BTreeMap<(Witness, u32, u32), Pair>,
    names: Names,
    files: Names,
    begun: HashMap<Witness, i64>,
    left_out: u64,
}

impl Default for PrivilegeUses {
    fn default() -> Self {
        Self {
            pairs: BTreeMap::new(),
            names: Names::new(MOST),
            files: Names::new(MOST),
            begun: HashMap::new(),
            left_out: 0,
        }
    }
}

impl Fold for PrivilegeUses {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        let time = seconds(event);
        if let Some(time) = time {
            let begun = self.begun.entry(source.witness).or_insert(time);
            *begun = (*begun).min(time);
        }
        let target = match event.target.as_ref() {
            "" => "root",
            target => target,
        };
        let (Some(user), Some(target)) =
            (self.names.number(&event.user), self.names.number(target))
        else {
            self.left_out = self.left_out.saturating_add(1);
            return;
        };
        let key = (source.witness, user, target);
        if !self.pairs.contains_key(&key) && self.pairs.len() >= MOST {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let files = &mut self.files;
        let file = || match files.number(event.place.file) {
            Some(number) => files.name(number),
            None => event.place.file.into(),
        };
        self.pairs.entry(key).or_default().add(event, time, file);
    }

    fn end(self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        if self.left_out > 0 {
            let detail = format!("{} uses of further accounts were left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        let accounts = Accounts::of(host, SPEC.name, &mut seen);
        let mut best: HashMap<(u32, u32), (u64, Witness)> = HashMap::new();
        for (&(witness, user, target), pair) in &self.pairs {
            let weight = pair.uses.saturating_add(pair.failures);
            let most = best.entry((user, target)).or_insert((weight, witness));
            if (weight, std::cmp::Reverse(witness)) > (most.0, std::cmp::Reverse(most.1)) {
                *most = (weight, witness);
            }
        }

        for (&(witness, user, target), pair) in &self.pairs {
            let user_name = self.names.name(user);
            let mut row = pair.row();
            row.put(col::witness, witness.name())
                .put(col::best, best.get(&(user, target)).is_some_and(|most| most.1 == witness))
                .put(col::username, Arc::clone(&user_name))
                .put(col::target, self.names.name(target));
            let begun = self.begun.get(&witness).copied();
            let before =
                begun.zip(pair.first_use).map(|(begun, first)| first.saturating_sub(begun));
            row.put(col::history_before, before);
            if let Some(account) = accounts.by_name(&user_name) {
                row.put(col::uid, account.uid);
            }
            seen.push(row);
        }
        vec![(SPEC.name, seen)]
    }
}

impl Pair {
    fn add(&mut self, event: &Event<'_>, time: Option<i64>, mut file: impl FnMut() -> Arc<str>) {
        if let Some(time) = time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        if let Some(odd) = odd(event)
            && self.odd.len() < MOST_ODD
        {
            self.odd.push((odd, Told::of(event, file())));
        }
        keep(&mut self.programs, &event.program);
        if event.kind == EventKind::PrivilegeUse {
            self.uses = self.uses.saturating_add(1);
            self.first_use = match (self.first_use, time) {
                (Some(first), Some(time)) => Some(first.min(time)),
                (first, time) => first.or(time),
            };
            keep(&mut self.commands, &event.command);
            self.lines.take(event, file);
            return;
        }
        let reason = event.text("reason");
        // `3 incorrect password attempts` is one line.
        let attempts = reason.split(' ').next().and_then(|word| word.parse::<u64>().ok());
        let attempts = attempts.unwrap_or(1).clamp(1, 100);
        self.failures = self.failures.saturating_add(attempts);
        if ["NOT in sudoers", "not allowed", "not permitted"].iter().any(|it| reason.contains(it)) {
            self.denied = self.denied.saturating_add(1);
        }
        self.failed_lines.take(event, file);
        let Some(time) = time else { return };
        for _ in 0..attempts {
            self.recent.push_back(time);
        }
        while self.recent.front().is_some_and(|&old| time.saturating_sub(old) >= 120)
            || self.recent.len() > 1000
        {
            self.recent.pop_front();
        }
        self.peak = self.peak.max(self.recent.len());
    }

    fn row(&self) -> Row {
        let odd: Vec<&str> = self.odd.iter().map(|(odd, _)| *odd).collect();
        let told: Vec<&Told> = (self.odd.iter().map(|(_, told)| told))
            .chain(self.failed_lines.kept().iter().take(4))
            .chain(self.lines.kept())
            .collect();
        let mut row = SPEC.row();
        row.put(col::uses, self.uses)
            .put(col::failures, self.failures)
            .put(col::denied, self.denied)
            .put(col::peak_failures, self.peak)
            .put(col::programs, self.programs.join(", "))
            .put(col::commands, self.commands.join("; "))
            .put(col::odd, odd.first().copied())
            .put(col::first_use, self.first_use)
            .put(col::first_time, self.first)
            .put(col::last_time, self.last)
            .put(col::lines, as_json(told.iter().copied()));
        if let Some(first) = told.first() {
            row.put(col::file, Arc::clone(&first.source))
                .put(col::line, first.line)
                .put(col::excerpt, first.excerpt.to_string());
        }
        row
    }
}

fn keep(list: &mut Vec<Box<str>>, text: &str) {
    let text = shortened(text, 200);
    if !text.is_empty() && list.len() < MOST_COMMANDS && !list.iter().any(|kept| **kept == *text) {
        list.push(text.into());
    }
}

/// Says what is odd about a use of sudo: the id that old versions took for root (CVE-2019-14287),
/// or a root directory of the caller's own (CVE-2025-32463).
fn odd(event: &Event<'_>) -> Option<&'static str> {
    let target = event.target.as_ref();
    if matches!(target, "#-1" | "#4294967295" | "-1" | "4294967295") {
        return Some("minus-one");
    }
    let command = &*event.command;
    if command.contains("-u#-1") || command.contains("-u#4294967295") {
        return Some("minus-one");
    }
    (!event.text("CHROOT").is_empty()).then_some("chroot")
}
