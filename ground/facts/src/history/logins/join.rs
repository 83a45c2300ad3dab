//! What the witnesses told, put together: by source address, and by account.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use stanch_words::{Gap, GapKind, Seen};

use super::guesser::{Guesser, Guesses};
use super::slots::{self, Slot};
use super::{Logins, Witness};
use crate::history::kept::{Names, as_json};
use crate::tables::{login_failures, login_targets};

/// How many accounts are rows of `login_targets`.
const MOST_TARGETS: usize = 10_000;

/// How many users and methods are named.
const NAMED: usize = 10;

/// One source, as one witness saw it.
#[derive(Debug)]
pub(super) struct Seer<'l> {
    /// What it saw.
    pub(super) guesses: Guesses<'l>,
    /// When.
    pub(super) slots: Vec<Slot>,
}

/// Attempts at one account.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// When, and from which source.
    attempts: Vec<(Slot, u32)>,
    /// The same, all sources together.
    pub(super) slots: Vec<Slot>,
}

/// Everything by source and by account.
#[derive(Debug)]
pub(super) struct Joined<'l> {
    /// Sources, by address.
    pub(super) sources: HashMap<&'l str, Vec<Seer<'l>>>,
    /// Accounts, by number and witness.
    pub(super) targets: BTreeMap<(u32, Witness), Target>,
}

impl<'l> Joined<'l> {
    /// Puts everything together.
    pub(super) fn new(fold: &'l Logins) -> Self {
        let mut targets: BTreeMap<(u32, Witness), Target> = BTreeMap::new();
        let mut sources = HashMap::with_capacity(fold.sources.len());
        for (number, (address, guesser)) in (0_u32..).zip(&fold.sources) {
            let seers: Vec<Seer<'_>> = guesser
                .by_witness()
                .into_iter()
                .map(|guesses| Seer { slots: guesses.slots(), guesses })
                .collect();
            for seer in &seers {
                for (user, slots) in seer.guesses.tallies.iter().flat_map(|tally| &tally.pairs) {
                    let target = targets.entry((*user, seer.guesses.witness)).or_default();
                    let slots = slots.sorted().into_iter();
                    target.attempts.extend(slots.map(|slot| (slot, number)));
                }
            }
            sources.insert(&**address, seers);
        }
        for target in targets.values_mut() {
            target.attempts.sort_unstable_by_key(|(slot, source)| (slot.start, *source));
            target.slots = target.attempts.iter().map(|(slot, _)| *slot).collect();
        }
        Self { sources, targets }
    }

    /// Asks each witness about a source, and returns the largest answer.
    pub(super) fn most_of_source(&self, source: &str, ask: impl Fn(&Seer<'_>) -> u64) -> u64 {
        let seers = self.sources.get(source).into_iter().flatten();
        seers.map(ask).max().unwrap_or(0)
    }

    /// Asks each witness about an account, and returns the largest answer.
    pub(super) fn most_of_user(&self, user: u32, ask: impl Fn(&Target) -> u64) -> u64 {
        let all = self.targets.range((user, Witness::Text)..=(user, Witness::Live));
        all.map(|(_, target)| ask(target)).max().unwrap_or(0)
    }
}

impl Target {
    fn failures(&self) -> u64 {
        self.slots.iter().map(|slot| u64::from(slot.count)).sum()
    }

    fn sources(&self) -> usize {
        let mut sources: Vec<u32> = self.attempts.iter().map(|(_, source)| *source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.len()
    }

    /// Returns the most distinct sources within an hour.
    fn sources_within_an_hour(&self) -> usize {
        let mut held: HashMap<u32, u32> = HashMap::new();
        let mut behind = self.attempts.iter();
        let mut most = 0;
        for (slot, source) in &self.attempts {
            *held.entry(*source).or_default() += 1;
            while let Some((first, left)) = behind.as_slice().first() {
                if slot.start.saturating_sub(first.start) < 3600 {
                    break;
                }
                if let Some(count) = held.get_mut(left) {
                    *count -= 1;
                    if *count == 0 {
                        held.remove(left);
                    }
                }
                behind.next();
            }
            most = most.max(held.len());
        }
        most
    }
}

/// Makes the rows of `login_failures`.
pub(super) fn failures(fold: &Logins, joined: &Joined<'_>, seen: &mut Seen) {
    let mut sources: Vec<(&str, &Vec<Seer<'_>>)> =
        joined.sources.iter().map(|(address, seers)| (*address, seers)).collect();
    sources.sort_unstable_by_key(|(address, _)| *address);
    for (address, seers) in sources {
        let Some(guesser) = fold.sources.get(address) else { continue };
        let best = seers
            .iter()
            .enumerate()
            .max_by_key(|(at, seer)| (seer.guesses.failures(), std::cmp::Reverse(*at)));
        let best = best.map(|(at, _)| at);
        for (at, seer) in seers.iter().enumerate() {
            seen.push(failure_row(fold, address, guesser, seer, Some(at) == best));
        }
    }
}

fn failure_row(
    fold: &Logins,
    address: &str,
    guesser: &Guesser,
    seer: &Seer<'_>,
    best: bool,
) -> stanch_words::Row {
    use login_failures::col;
    let (users, capped) = seer.guesses.users();
    let tallies = &seer.guesses.tallies;
    let peak = |bucket: &dyn Fn(&super::guesser::Tally) -> f64| {
        tallies.iter().map(|tally| bucket(tally)).fold(0.0, f64::max)
    };
    let invalid: u64 = tallies.iter().map(|tally| tally.invalid).sum();
    let services = tallies.iter().map(|tally| tally.voice.service);
    let slots = &seer.slots;
    let first = guesser.lines.kept().first();
    let mut row = login_failures::SPEC.row();
    row.put(col::witness, seer.guesses.witness.name())
        .put(col::best, best)
        .put(col::source, address)
        .put(col::failures, seer.guesses.failures())
        .put(col::invalid, invalid)
        .put(col::users, users.len())
        .put(col::users_capped, capped)
        .put(col::users_sample, names(&fold.names, users.iter().copied()))
        .put(col::methods, names(&fold.names, guesser.methods.iter().copied()))
        .put(col::services, names(&fold.names, services))
        .put(col::first_time, slots.first().map(|slot| slot.start))
        .put(col::last_time, slots.iter().map(|slot| slot.last).max())
        .put(col::days, slots::days(slots))
        .put(col::peak_10s, slots::peak(slots, 10))
        .put(col::peak_2m, slots::peak(slots, 120))
        .put(col::peak_1h, slots::peak(slots, 3600))
        .put(col::fast_bucket, peak(&|tally| tally.fast.peak))
        .put(col::slow_bucket, peak(&|tally| tally.slow.peak))
        .put(col::median_gap, slots::median_gap(slots))
        .put(col::file, first.map(|told| Arc::clone(&told.source)))
        .put(col::line, first.map(|told| told.line))
        .put(col::excerpt, first.map(|told| told.excerpt.to_string()))
        .put(col::lines, as_json(guesser.lines.kept()));
    row
}

fn names(names: &Names, numbers: impl Iterator<Item = u32>) -> String {
    let mut text = String::new();
    for number in numbers.take(NAMED) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&names.name(number));
    }
    text
}

/// Makes the rows of `login_targets`.
pub(super) fn targets(joined: &Joined<'_>, names: &Names) -> Seen {
    use login_targets::col;
    let mut seen = Seen::default();
    let mut all: Vec<(u64, u32, Witness, &Target)> = joined
        .targets
        .iter()
        .map(|(&(user, witness), target)| (target.failures(), user, witness, target))
        .collect();
    all.sort_by_key(|&(failures, user, witness, _)| (std::cmp::Reverse(failures), user, witness));
    if all.len() > MOST_TARGETS {
        let left = all.len() - MOST_TARGETS;
        let detail = format!("{left} accounts that were rarely tried were left out");
        seen.gap(Gap::new(login_targets::SPEC.name, GapKind::Truncated, detail));
        all.truncate(MOST_TARGETS);
    }
    let mut told: std::collections::HashSet<u32> = std::collections::HashSet::new();
    for (failures, user, witness, target) in all {
        let mut row = login_targets::SPEC.row();
        row.put(col::witness, witness.name())
            .put(col::best, told.insert(user))
            .put(col::username, names.name(user))
            .put(col::failures, failures)
            .put(col::sources, target.sources())
            .put(col::sources_1h, target.sources_within_an_hour())
            .put(col::peak_1h, slots::peak(&target.slots, 3600))
            .put(col::days, slots::days(&target.slots))
            .put(col::first_time, target.slots.first().map(|slot| slot.start))
            .put(col::last_time, target.slots.iter().map(|slot| slot.last).max());
        seen.push(row);
    }
    seen
}
