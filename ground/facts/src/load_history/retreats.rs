//! Load that goes away while somebody is there and comes back when he is gone.
//!
//! A series of intervals of ten minutes (or one) cannot show the five seconds in which a miner
//! stops. It shows a plateau, a hole whose edges lie within one interval of a login and of the
//! logout, and the plateau again. One hole proves nothing, so all holes and all visits are counted:
//! those that match, holes without a visit, and visits without a hole.

use super::changes::quantile;
use super::{Measure, Sample};

/// A plateau is so busy and so even, for so many intervals.
const BUSY: f64 = 50.0;
const EVEN: f64 = 0.8;
const PLATEAU: usize = 3;
/// A hole is below this share of the plateau, and over when this share is reached again.
const FALLEN: f64 = 0.3;
const RISEN: f64 = 0.7;
/// The longest hole, in seconds.
const LONGEST: i64 = 12 * 3_600;

/// A time in which somebody was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) from: i64,
    /// When it ended; none if that is not known, as of a program that was started.
    pub(crate) to: Option<i64>,
    /// Which of the caller's it is.
    pub(crate) number: usize,
}

/// A hole, in seconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hole {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) before: f64,
    pub(crate) within: f64,
    pub(crate) after: f64,
    /// How long an interval is there.
    pub(crate) seconds: i64,
    /// The first sample of it.
    pub(crate) sample: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Retreats {
    /// Holes with the number of the visit that they match.
    pub(crate) matched: Vec<(Hole, usize)>,
    /// Holes that match no visit.
    pub(crate) others: usize,
    /// Visits during a plateau that was not left.
    pub(crate) stayed: usize,
}

/// Compares holes with visits.
pub(crate) fn find(samples: &[Sample], visits: &[Visit]) -> Retreats {
    let mut found = Retreats::default();
    for hole in holes(samples) {
        match visits.iter().find(|visit| hole.is_of(visit)) {
            Some(visit) => found.matched.push((hole, visit.number)),
            None => found.others = found.others.saturating_add(1),
        }
    }
    let stays = |visit: &&Visit| is_unmoved(samples, visit);
    found.stayed = visits.iter().filter(stays).count();
    found
}

impl Hole {
    /// Returns whether it begins and ends with a visit, as exactly as intervals can tell.
    fn is_of(&self, visit: &Visit) -> bool {
        let near = |a: i64, b: i64| a.abs_diff(b) <= self.seconds.unsigned_abs();
        near(visit.from, self.from) && visit.to.is_none_or(|to| near(to, self.to))
    }
}

/// Finds the holes in plateaus.
pub(crate) fn holes(samples: &[Sample]) -> Vec<Hole> {
    let mut holes = Vec::new();
    let mut at = PLATEAU;
    while at < samples.len() {
        match hole(samples, at) {
            Some((hole, next)) => {
                holes.push(hole);
                at = next;
            }
            None => at = at.saturating_add(1),
        }
    }
    holes
}

/// Returns the hole that begins with a sample, and the first sample after it.
fn hole(samples: &[Sample], at: usize) -> Option<(Hole, usize)> {
    let cpu = |sample: &Sample| sample.value(Measure::Cpu);
    let first = samples.get(at)?;
    // The interval in which it fell lies between both, and is neither.
    let edges = [at, at.checked_sub(1)?];
    let (before, edge) = edges.into_iter().find_map(|end| Some((plateau(samples, end)?, end)))?;
    if cpu(first)? > FALLEN * before {
        return None;
    }
    let mut within = Vec::new();
    let mut next = at;
    while let Some(sample) = samples.get(next)
        && cpu(sample).is_some_and(|cpu| cpu <= FALLEN * before)
        && sample.time.saturating_sub(first.time) <= LONGEST
        && follows(samples, next)
    {
        within.extend(cpu(sample));
        next = next.saturating_add(1);
    }
    // Again one interval between.
    let back = [next, next.saturating_add(1)].into_iter().find(|&back| {
        let pair = samples.get(back..back.saturating_add(2)).unwrap_or_default();
        pair.len() == 2
            && pair.iter().all(|sample| cpu(sample).is_some_and(|cpu| cpu >= RISEN * before))
            && follows(samples, back)
            && follows(samples, back.saturating_add(1))
    })?;
    let (from, to) = (samples.get(edge)?.begin(), samples.get(back)?.begin());
    let hole = Hole {
        from: from.midpoint(first.begin()),
        to: samples.get(next)?.begin().midpoint(to),
        before,
        within: quantile(within, 0.5)?,
        after: samples.get(back).and_then(cpu)?,
        seconds: first.seconds,
        sample: at,
    };
    Some((hole, back))
}

/// Returns how busy a plateau is that ends before a sample.
fn plateau(samples: &[Sample], end: usize) -> Option<f64> {
    let from = end.checked_sub(PLATEAU)?;
    let values: Option<Vec<f64>> =
        samples.get(from..end)?.iter().map(|sample| sample.value(Measure::Cpu)).collect();
    let values = values.filter(|values| values.len() == PLATEAU)?;
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let usual = quantile(values, 0.5)?;
    let goes_on = (from.saturating_add(1)..=end).all(|at| at == end || follows(samples, at));
    (goes_on && least >= BUSY && least >= EVEN * usual).then_some(usual)
}

/// Returns whether a sample begins where the one before it ended.
fn follows(samples: &[Sample], at: usize) -> bool {
    let (Some(sample), Some(before)) =
        (samples.get(at), at.checked_sub(1).and_then(|at| samples.get(at)))
    else {
        return false;
    };
    sample.begin().saturating_sub(before.time) <= sample.seconds && !sample.restarted
}

/// Returns whether a visit of several intervals lies in a plateau that goes on through it.
fn is_unmoved(samples: &[Sample], visit: &Visit) -> bool {
    let Some(to) = visit.to else { return false };
    let first = samples.partition_point(|sample| sample.begin() < visit.from);
    let last = samples.partition_point(|sample| sample.time <= to);
    let Some(within) = samples.get(first..last).filter(|within| within.len() >= 2) else {
        return false;
    };
    let Some(before) = plateau(samples, first) else { return false };
    let high = within
        .iter()
        .filter(|sample| sample.value(Measure::Cpu).is_some_and(|cpu| cpu >= RISEN * before));
    high.count().saturating_mul(2) > within.len()
}
