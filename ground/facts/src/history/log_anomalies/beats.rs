//! The heartbeat of one log: how regular it is, and where it misses.

use std::collections::BTreeMap;
use std::sync::Arc;

use stanch_words::Event;

use crate::history::kept::{Told, excerpt};

/// How many beats must be known before their pace counts.
const LEARNED: u64 = 24;
/// How many lengths of pauses are kept apart, and how many of the longest pauses.
const LENGTHS: usize = 2_000;
const WIDEST: usize = 12;
/// Pauses shorter than this are lines of one beat.
const ONE_BEAT: i64 = 30;
/// No pause shorter than this is looked at, in seconds.
const SHORTEST: i64 = 1_800;

/// The beats of one class in one series.
#[derive(Default)]
pub(super) struct Beats {
    count: u64,
    /// Pauses between beats by their length in minutes.
    lengths: BTreeMap<i64, u64>,
    last: Option<Last>,
    widest: Vec<Hole>,
}

struct Last {
    time: i64,
    told: Told,
}

/// A pause between two beats; without an end, the log ends with it.
#[derive(Clone)]
pub(super) struct Hole {
    pub(super) start: i64,
    pub(super) stop: i64,
    pub(super) from: Told,
    pub(super) to: Option<Told>,
}

impl Hole {
    /// Returns how many beats were missed.
    pub(super) fn missed(&self, period: i64) -> i64 {
        self.stop.saturating_sub(self.start).checked_div(period).unwrap_or(0)
    }
}

impl Beats {
    /// Takes a beat.
    pub(super) fn take(&mut self, event: &Event<'_>, file: &Arc<str>, time: i64) {
        let Some(last) = &mut self.last else {
            self.last = Some(Last { time, told: Told::of(event, Arc::clone(file)) });
            return;
        };
        let pause = time.saturating_sub(last.time);
        if pause < ONE_BEAT {
            return;
        }
        self.count = self.count.saturating_add(1);
        let minutes = pause.saturating_add(30).div_euclid(60);
        if self.lengths.len() < LENGTHS || self.lengths.contains_key(&minutes) {
            let count = self.lengths.entry(minutes).or_default();
            *count = count.saturating_add(1);
        }
        let told = Told {
            source: Arc::clone(file),
            line: event.place.line,
            offset: event.place.offset,
            excerpt: excerpt(event),
            time: Some(time),
        };
        let start = std::mem::replace(&mut last.time, time);
        let from = std::mem::replace(&mut last.told, told.clone());
        if pause >= SHORTEST {
            self.keep(Hole { start, stop: time, from, to: Some(told) });
        }
    }

    fn keep(&mut self, hole: Hole) {
        let length = |hole: &Hole| hole.stop.saturating_sub(hole.start);
        if self.widest.len() < WIDEST {
            self.widest.push(hole);
            return;
        }
        let least = self.widest.iter_mut().min_by_key(|hole| length(hole));
        if let Some(least) = least.filter(|least| length(least) < length(&hole)) {
            *least = hole;
        }
    }

    /// Returns the pace in seconds: nine of ten pauses are no longer. None if too little is known.
    pub(super) fn period(&self) -> Option<i64> {
        if self.count < LEARNED {
            return None;
        }
        let enough = self.count.saturating_mul(9).div_ceil(10);
        let mut sum = 0_u64;
        let minutes = self.lengths.iter().find_map(|(&minutes, &count)| {
            sum = sum.saturating_add(count);
            (sum >= enough).then_some(minutes)
        });
        Some(minutes?.max(1).saturating_mul(60))
    }

    /// Returns the pauses that are longer than five beats, the earliest first; `newest` is the
    /// last beat that any log holds.
    pub(super) fn holes(&self, period: i64, newest: i64) -> Vec<Hole> {
        let least = period.saturating_mul(5).max(SHORTEST);
        let mut holes = self.widest.clone();
        if let Some(last) = &self.last {
            holes.push(Hole { start: last.time, stop: newest, from: last.told.clone(), to: None });
        }
        holes.retain(|hole| hole.stop.saturating_sub(hole.start) > least);
        holes.sort_by_key(|hole| hole.start);
        holes
    }
}
