//! What is kept of the failures of one source address.

use super::slots::{self, Slot, Slots};
use crate::history::Witness;
use crate::history::kept::{Lines, push_one};

/// How many voices of one source are told apart; the rest is counted with the last.
const MOST_VOICES: usize = 12;

/// How many distinct users of one voice are counted.
pub(super) const MOST_USERS: usize = 256;

/// Of how many users of one voice it is kept when they were tried.
const MOST_PAIRS: usize = 64;

/// How many methods of one source are named.
const MOST_METHODS: usize = 8;

/// Which of several tellers of the same deed speaks: each is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Voice {
    /// The way it came.
    pub(super) witness: Witness,
    /// The series of text files; the other witnesses are one each.
    pub(super) series: u32,
    /// The service that was asked.
    pub(super) service: u32,
    /// Which of a service's several lines about one attempt it is.
    pub(super) class: u8,
}

/// A bucket that leaks one failure every so many seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    level: f64,
    /// The fullest that it was.
    pub(super) peak: f64,
    last: f64,
}

impl Bucket {
    fn pour(&mut self, time: f64, count: f64, leak_seconds: f64) {
        // A clock that runs backwards empties nothing.
        let leaked = ((time - self.last) / leak_seconds).max(0.0);
        self.level = (self.level - leaked).max(0.0) + count;
        self.peak = self.peak.max(self.level);
        self.last = time;
    }
}

/// One failed attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// In seconds since 1970 UTC.
    pub(super) time: Option<f64>,
    /// How often.
    pub(super) count: u32,
    /// The account that was tried, by number.
    pub(super) user: Option<u32>,
    /// Whether there is no such account.
    pub(super) invalid: bool,
}

/// What one voice told.
#[derive(Debug)]
pub(super) struct Tally {
    /// Who told it.
    pub(super) voice: Voice,
    /// How many failures.
    pub(super) failures: u64,
    /// How many of them for accounts that do not exist.
    pub(super) invalid: u64,
    /// The bucket that leaks one in 10 seconds.
    pub(super) fast: Bucket,
    /// The bucket that leaks one in 60 seconds.
    pub(super) slow: Bucket,
    /// When.
    pub(super) slots: Slots,
    /// Distinct users.
    pub(super) users: Vec<u32>,
    /// When, by user.
    pub(super) pairs: Vec<(u32, Slots)>,
}

impl Tally {
    fn new(voice: Voice) -> Self {
        Self {
            voice,
            failures: 0,
            invalid: 0,
            fast: Bucket::default(),
            slow: Bucket::default(),
            slots: Slots::default(),
            users: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Counts an attempt; returns how many slots were added.
    fn add(&mut self, attempt: Attempt, width: i64) -> usize {
        self.failures = self.failures.saturating_add(u64::from(attempt.count));
        if attempt.invalid {
            self.invalid = self.invalid.saturating_add(u64::from(attempt.count));
        }
        let mut added = 0_usize;
        if let Some(user) = attempt.user
            && !self.users.contains(&user)
            && self.users.len() < MOST_USERS
        {
            push_one(&mut self.users, user);
        }
        let Some(time) = attempt.time else { return 0 };
        let count = f64::from(attempt.count);
        self.fast.pour(time, count, 10.0);
        self.slow.pour(time, count, 60.0);
        let time = whole(time);
        added += usize::from(self.slots.add(time, attempt.count, width));
        if let Some(slots) = attempt.user.and_then(|user| self.pair(user)) {
            added += usize::from(slots.add(time, attempt.count, width));
        }
        added
    }

    fn pair(&mut self, user: u32) -> Option<&mut Slots> {
        let at = self.pairs.iter().position(|(other, _)| *other == user);
        let at = match at {
            Some(at) => at,
            None if self.pairs.len() < MOST_PAIRS => {
                push_one(&mut self.pairs, (user, Slots::default()));
                self.pairs.len() - 1
            }
            None => return None,
        };
        self.pairs.get_mut(at).map(|(_, slots)| slots)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 are far below 2^53")]
fn whole(time: f64) -> i64 {
    time.floor() as i64
}

/// All failures of one source.
#[derive(Debug, Default)]
pub(super) struct Guesser {
    /// One tally a voice.
    pub(super) tallies: Vec<Tally>,
    /// Some of the lines.
    pub(super) lines: Lines,
    /// The methods, by number.
    pub(super) methods: Vec<u32>,
}

impl Guesser {
    /// Counts an attempt; returns how many slots were added.
    pub(super) fn add(&mut self, voice: Voice, attempt: Attempt, width: i64) -> usize {
        let at = self.tallies.iter().position(|tally| tally.voice == voice);
        let at = at.unwrap_or_else(|| {
            if self.tallies.len() < MOST_VOICES {
                push_one(&mut self.tallies, Tally::new(voice));
            }
            self.tallies.len() - 1
        });
        self.tallies.get_mut(at).map_or(0, |tally| tally.add(attempt, width))
    }

    /// Remembers a method.
    pub(super) fn method(&mut self, method: u32) {
        if !self.methods.contains(&method) && self.methods.len() < MOST_METHODS {
            self.methods.push(method);
        }
    }

    /// Returns how many failures the loudest voice told.
    pub(super) fn weight(&self) -> u64 {
        self.tallies.iter().map(|tally| tally.failures).max().unwrap_or(0)
    }

    /// Joins neighbouring slots; returns how many are left.
    pub(super) fn coarsen(&mut self, width: i64) -> usize {
        let mut left = 0_usize;
        for tally in &mut self.tallies {
            tally.slots.coarsen(width);
            left += tally.slots.len();
            for (_, slots) in &mut tally.pairs {
                slots.coarsen(width);
                left += slots.len();
            }
        }
        left
    }

    /// Returns how many slots there are.
    pub(super) fn slots(&self) -> usize {
        let of = |tally: &Tally| {
            tally.slots.len() + tally.pairs.iter().map(|(_, slots)| slots.len()).sum::<usize>()
        };
        self.tallies.iter().map(of).sum()
    }

    /// Returns what each witness saw: of the voices about one service the loudest counts, and
    /// the services are added up.
    pub(super) fn by_witness(&self) -> Vec<Guesses<'_>> {
        let mut loudest: Vec<&Tally> = Vec::new();
        for tally in &self.tallies {
            let same = |other: &&&mut &Tally| {
                (other.voice.witness, other.voice.service)
                    == (tally.voice.witness, tally.voice.service)
            };
            match loudest.iter_mut().find(|other| same(&other)) {
                Some(other) if other.failures >= tally.failures => {}
                Some(other) => *other = tally,
                None => loudest.push(tally),
            }
        }
        let mut witnesses: Vec<Guesses<'_>> = Vec::new();
        for tally in loudest {
            match witnesses.iter_mut().find(|seen| seen.witness == tally.voice.witness) {
                Some(seen) => seen.tallies.push(tally),
                None => {
                    witnesses.push(Guesses { witness: tally.voice.witness, tallies: vec![tally] })
                }
            }
        }
        witnesses
    }
}

/// What one witness saw of one source.
#[derive(Debug)]
pub(super) struct Guesses<'g> {
    /// The witness.
    pub(super) witness: Witness,
    /// One tally a service.
    pub(super) tallies: Vec<&'g Tally>,
}

impl Guesses<'_> {
    /// Returns how many failures.
    pub(super) fn failures(&self) -> u64 {
        self.tallies.iter().map(|tally| tally.failures).sum()
    }

    /// Returns when they were.
    pub(super) fn slots(&self) -> Vec<Slot> {
        slots::together(self.tallies.iter().map(|tally| tally.slots.sorted()))
    }

    /// Returns the distinct users, and whether there were more than were counted.
    pub(super) fn users(&self) -> (Vec<u32>, bool) {
        let mut users: Vec<u32> =
            self.tallies.iter().flat_map(|tally| &tally.users).copied().collect();
        let capped = self.tallies.iter().any(|tally| tally.users.len() >= MOST_USERS);
        let mut seen = std::collections::HashSet::new();
        users.retain(|user| seen.insert(*user));
        (users, capped)
    }
}
