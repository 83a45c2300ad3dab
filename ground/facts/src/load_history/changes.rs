//! Since when is the machine busier than it was, and in what?
//!
//! Each measure is made hourly. What is usual is the median of the same hour of the day, or of the
//! week where the archives reach back four weeks; what is unusual is measured in median absolute
//! deviations from it. The rise is found as Page's sum of what exceeds the usual, which falls back
//! to nothing while nothing does, and is then judged against the time before it alone.
//!
//! Sources: Page, "Continuous Inspection Schemes" (1954); Rousseeuw, Croux, "Alternatives to the
//! Median Absolute Deviation" (1993) for the factor.

use std::collections::BTreeMap;

use super::{Measure, Sample};

const HOUR: i64 = 3_600;
/// Hours that are needed before a rise, and for one.
const BEFORE: usize = 72;
const AFTER: usize = 6;
/// From so many hours on, what is usual is told for each hour of the week.
const WEEKS: i64 = 28 * 24;
/// A standard deviation in median absolute deviations of a normal distribution.
const SIGMA: f64 = 1.4826;
/// A rise is so many deviations high, and goes on while so much of it is above a half.
const DEVIATIONS: f64 = 6.0;
const SUSTAINED: f64 = 0.8;
/// A rise is above all but this share of the hours before it.
const HIGHEST: f64 = 0.95;

/// What a measure belongs to, and the least that it must rise by.
const WATCHED: [(Measure, &str, f64); 7] = [
    (Measure::Cpu, "processor", 20.0),
    (Measure::Load, "processor", 0.5),
    (Measure::Pressure, "processor", 10.0),
    (Measure::Memory, "memory", 5.0),
    (Measure::Written, "disk", 512.0),
    (Measure::Received, "network", 64.0),
    (Measure::Sent, "network", 64.0),
];

/// A rise of one measure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) measure: Measure,
    pub(crate) resource: &'static str,
    /// When it began and ended, in seconds since 1970 UTC.
    pub(crate) since: i64,
    pub(crate) until: i64,
    /// Whether it went on when the archives end.
    pub(crate) goes_on: bool,
    pub(crate) before: f64,
    pub(crate) after: f64,
    /// How many usual deviations it rose by.
    pub(crate) deviations: f64,
    pub(crate) hours_before: i64,
    pub(crate) hours_after: i64,
    pub(crate) by_week: bool,
    /// The sample that it begins with.
    pub(crate) sample: usize,
}

/// Finds the greatest rise of each measure.
pub(crate) fn find(samples: &[Sample]) -> Vec<Change> {
    let rise = |&(measure, resource, least): &(Measure, &'static str, f64)| {
        let hours = hourly(samples, measure);
        let rise = Rise::find(&hours, least)?;
        Some(change(samples, measure, resource, &hours, &rise))
    };
    WATCHED.iter().filter_map(rise).collect()
}

/// Returns the means of the hours of which something is known, with their hour since 1970.
#[expect(clippy::cast_precision_loss, reason = "seconds of an hour")]
fn hourly(samples: &[Sample], measure: Measure) -> Vec<(i64, f64)> {
    let mut hours: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
    for sample in samples {
        // An interval of more than a few hours says nothing about any of them.
        if let Some(value) = sample.value(measure)
            && (1..=2 * HOUR).contains(&sample.seconds)
        {
            let middle = sample.time.saturating_sub(sample.seconds / 2);
            let (sum, weight) = hours.entry(middle.div_euclid(HOUR)).or_default();
            *sum += value * sample.seconds as f64;
            *weight += sample.seconds as f64;
        }
    }
    hours.into_iter().map(|(hour, (sum, weight))| (hour, sum / weight)).collect()
}

/// Where a rise lies among the hours.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rise {
    from: usize,
    /// The last hour of it.
    to: usize,
    before: f64,
    after: f64,
    spread: f64,
    by_week: bool,
}

impl Rise {
    fn find(hours: &[(i64, f64)], least: f64) -> Option<Self> {
        // The lower quarter of each hour of the day: a rise that lasted for most of the time does
        // not become what is usual.
        let usual = Usual::of(hours, false, 0.25);
        let excess = hours.iter().map(|&(hour, value)| {
            (value - usual.at(hour)).clamp(-2.0 * least, 2.0 * least) - least / 2.0
        });
        let from = greatest_sum(excess)?;
        let (before, after) = hours.split_at_checked(from)?;
        if before.len() < BEFORE || after.len() < AFTER {
            return None;
        }
        Self::judged(before, after, least)
    }

    /// Judges what came after by what was before.
    fn judged(before: &[(i64, f64)], after: &[(i64, f64)], least: f64) -> Option<Self> {
        let reach = before.last()?.0.saturating_sub(before.first()?.0);
        let by_week = reach >= WEEKS;
        let usual = Usual::of(before, by_week, 0.5);
        let off = |&(hour, value): &(i64, f64)| value - usual.at(hour);
        let deviations: Vec<f64> = before.iter().map(|hour| off(hour).abs()).collect();
        let spread = (quantile(deviations, 0.5)? * SIGMA).max(least / DEVIATIONS);
        let (mut above, mut length) = (0_u32, 0_usize);
        for (at, hour) in after.iter().enumerate() {
            above = above.saturating_add(u32::from(off(hour) >= least / 2.0));
            let all = u32::try_from(at.saturating_add(1)).unwrap_or(u32::MAX);
            if f64::from(above) >= SUSTAINED * f64::from(all) {
                length = at.saturating_add(1);
            }
        }
        let risen = after.get(..length).filter(|risen| risen.len() >= AFTER)?;
        let step = quantile(risen.iter().map(off).collect(), 0.5)?;
        let value = |&(_, value): &(i64, f64)| value;
        let level = quantile(risen.iter().map(value).collect(), 0.5)?;
        let highest = quantile(before.iter().map(value).collect(), HIGHEST)?;
        if step < least || step < DEVIATIONS * spread || level <= highest {
            return None;
        }
        let from = before.len();
        let before = quantile(before.iter().map(value).collect(), 0.5)?;
        let to = from.saturating_add(length).saturating_sub(1);
        Some(Self { from, to, before, after: level, spread, by_week })
    }
}

/// What is usual at an hour of the day or the week.
struct Usual {
    slots: Vec<Option<f64>>,
    all: f64,
}

impl Usual {
    fn of(hours: &[(i64, f64)], by_week: bool, share: f64) -> Self {
        let mut slots = vec![Vec::new(); if by_week { 168 } else { 24 }];
        let count = i64::try_from(slots.len()).unwrap_or(24);
        for &(hour, value) in hours {
            let slot = usize::try_from(hour.rem_euclid(count)).unwrap_or(0);
            if let Some(slot) = slots.get_mut(slot) {
                slot.push(value);
            }
        }
        let all = quantile(hours.iter().map(|&(_, value)| value).collect(), share).unwrap_or(0.0);
        // One value of an hour is no habit.
        let slots =
            slots.into_iter().map(|slot| if slot.len() < 2 { None } else { quantile(slot, share) });
        Self { slots: slots.collect(), all }
    }

    fn at(&self, hour: i64) -> f64 {
        let count = i64::try_from(self.slots.len()).unwrap_or(24);
        let slot = usize::try_from(hour.rem_euclid(count)).unwrap_or(0);
        self.slots.get(slot).copied().flatten().unwrap_or(self.all)
    }
}

/// Returns where the run with the greatest sum begins.
fn greatest_sum(values: impl Iterator<Item = f64>) -> Option<usize> {
    let (mut sum, mut from) = (0.0_f64, 0_usize);
    let mut best: Option<(f64, usize)> = None;
    for (at, value) in values.enumerate() {
        if sum <= 0.0 {
            (sum, from) = (0.0, at);
        }
        sum += value;
        if sum > 0.0 && best.is_none_or(|(most, _)| sum > most) {
            best = Some((sum, from));
        }
    }
    best.map(|(_, from)| from)
}

/// Returns the value below which a share of all lies.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list"
)]
pub(crate) fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    values.get((last as f64 * share).round() as usize).copied()
}

fn change(
    samples: &[Sample],
    measure: Measure,
    resource: &'static str,
    hours: &[(i64, f64)],
    rise: &Rise,
) -> Change {
    let hour = |at: usize| hours.get(at).map_or(0, |&(hour, _)| hour);
    let (first, from, to) = (hour(0), hour(rise.from), hour(rise.to));
    let last = hours.last().map_or(0, |&(hour, _)| hour);
    // Within the hour before and the first two of it: the first interval after which most of the
    // next few are above the middle.
    let middle = rise.before.midpoint(rise.after);
    let around: Vec<(usize, &Sample)> = (0_usize..)
        .zip(samples)
        .filter(|(_, sample)| {
            let (early, late) = (from.saturating_sub(1), from.saturating_add(2));
            sample.begin() >= early.saturating_mul(HOUR) && sample.time <= late.saturating_mul(HOUR)
        })
        .collect();
    let is_above = |sample: &Sample| sample.value(measure).is_some_and(|value| value > middle);
    let found = around.iter().enumerate().find(|(at, (_, sample))| {
        let next = around.get(*at..).unwrap_or_default();
        let next = next.get(..4).unwrap_or(next);
        let above = next.iter().filter(|(_, sample)| is_above(sample)).count();
        is_above(sample) && above.saturating_mul(2) > next.len()
    });
    let (sample, since) = match found.map(|(_, found)| found).or(around.first()) {
        Some((at, sample)) => (*at, sample.begin()),
        None => (0, from.saturating_mul(HOUR)),
    };
    Change {
        measure,
        resource,
        since,
        until: to.saturating_add(1).saturating_mul(HOUR),
        goes_on: last.saturating_sub(to) < 3,
        before: rise.before,
        after: rise.after,
        deviations: (rise.after - rise.before) / rise.spread,
        hours_before: from.saturating_sub(first),
        hours_after: to.saturating_sub(from).saturating_add(1),
        by_week: rise.by_week,
        sample,
    }
}
